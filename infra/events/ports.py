"""What the event log needs of the database that keeps it."""

from collections.abc import Sequence
from typing import Protocol

from domain.events import Event, Extent, Scope


class EventRows(Protocol):
    async def page(self, after: int, limit: int, scope: Scope) -> tuple[Extent, Sequence[Event]]:
        """Up to `limit` events of the scope behind a position, and the extent of that moment.

        Both come from one snapshot. Raises StorageUnavailable.
        """

    async def renew_epoch(self, old: str, new: str) -> None:
        """Nothing happens where the epoch is no longer `old`."""
