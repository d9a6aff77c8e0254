"""The event log of the store in memory."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace

from domain.events import Cursor, Event, Scope
from tests.support.memory_kept import Kept


@dataclass(slots=True)
class MemoryLog:
    kept: Kept
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        self.moved.set()
        self.moved = asyncio.Event()

    async def head(self) -> Cursor:
        return self.kept.extent.newest

    async def read(self, after: Cursor | None, limit: int, scope: Scope) -> Sequence[Event]:
        extent = self.kept.extent
        start = extent.resume(extent.oldest if after is None else after)
        mine = (e for e in self.kept.events if e.position > start and scope.covers(e))
        return [
            replace(event, epoch=extent.epoch) for event, _ in zip(mine, range(limit), strict=False)
        ]

    async def follow(self, after: Cursor | None, scope: Scope) -> AsyncGenerator[Event, None]:
        cursor = self.kept.extent.newest if after is None else after
        while True:
            moved, newest = self.moved, self.kept.extent.newest
            events = await self.read(cursor, len(self.kept.events), scope)
            for event in events:
                cursor = Cursor(cursor.epoch, event.position)
                yield event
            cursor = Cursor(cursor.epoch, max(cursor.position, newest.position))
            await moved.wait()
