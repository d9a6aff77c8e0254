"""Requests that wait for a first replica."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from domain.errors import StorageUnavailable
from domain.gateway.ports import Wake
from infra.http.gateway.flights import Flights
from infra.http.gateway.refusals import Crowded
from infra.http.gateway.table import Table

T = TypeVar("T")
log = structlog.get_logger()

MOST_HELD = 1000  # requests
MOST_BYTES = 256 * 1024 * 1024  # of their bodies


@dataclass(slots=True, kw_only=True)
class Holding:
    """`seconds` is how long a request waits."""

    table: Table
    flights: Flights
    sleepers: Wake
    seconds: float
    most: int = MOST_HELD
    _bytes: int = 0
    _woken: set[str] = field(default_factory=set)
    _waking: set["asyncio.Task[None]"] = field(default_factory=set)

    async def held(
        self,
        deployment_id: str,
        model: str,
        size: int,
        find: Callable[[], T | None],
        waiting: Callable[[], AbstractContextManager[object]],
    ) -> T | None:
        """What `find` finds after a change of the table; None where nothing came in time.

        `size` is the request's, in bytes; `waiting` is held meanwhile. Raises Crowded, and what
        `find` raises.
        """
        if self.flights.held.total() >= self.most or self._bytes + size > MOST_BYTES:
            raise Crowded(model=model)
        self._bytes += size
        try:
            with self.flights.hold(deployment_id), waiting():
                self._wake(deployment_id)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.seconds):
                        return await self._found(deployment_id, find)
                return None
        finally:
            self._bytes -= size
            if deployment_id not in self.flights.held:
                self._woken.discard(deployment_id)

    async def _found(self, deployment_id: str, find: Callable[[], T | None]) -> T:
        while True:
            moved = self.table.moved
            if (found := find()) is not None:
                self._woken.discard(deployment_id)
                return found
            await moved.wait()

    def _wake(self, deployment_id: str) -> None:
        """In a task of its own: it is for all that wait, and the first of them may go away."""
        if deployment_id in self._woken:
            return
        self._woken.add(deployment_id)
        task = asyncio.create_task(self._waked(deployment_id))
        self._waking.add(task)
        task.add_done_callback(self._waking.discard)

    async def _waked(self, deployment_id: str) -> None:
        try:
            await self.sleepers.wake(deployment_id)
        except StorageUnavailable as error:
            log.warning("a deployment could not be woken", problem=error.problem)
            self._woken.discard(deployment_id)  # the next request tries again
        except Exception:  # the task's edge: nobody awaits it
            log.exception("a deployment could not be woken", deployment=deployment_id)
            self._woken.discard(deployment_id)
