"""What a gateway needs of whoever scales deployments to zero."""

from collections.abc import Collection
from typing import Protocol


class Wake(Protocol):
    async def wakes(self, deployment_ids: Collection[str]) -> Collection[str]:
        """Those of them whose requests wait for a first replica, and have it started."""

    async def wake(self, deployment_id: str) -> None:
        """Have a first replica started. Called once while requests wait for it."""


class NothingSleeps:
    """Where nothing is ever scaled to zero by itself."""

    async def wakes(self, deployment_ids: Collection[str]) -> Collection[str]:
        return ()

    async def wake(self, deployment_id: str) -> None:
        return None
