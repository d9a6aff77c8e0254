"""The event log as the domain knows it: pages for queries, and the follower for subscriptions."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from domain.errors import CursorExpired
from domain.events import Cursor, Event, Scope
from infra.events.follower import Follower

MOST = 2**63 - 1  # a forged cursor may name a place that no log can have


@dataclass(frozen=True, slots=True)
class Log:
    follower: Follower

    async def head(self) -> Cursor:
        extent, _ = await self.follower.look(0, 0, Scope())
        return extent.newest

    async def read(self, after: Cursor | None, limit: int, scope: Scope) -> Sequence[Event]:
        while after is None:
            extent, _ = await self.follower.look(0, 0, Scope())
            try:
                return await self.read(extent.oldest, limit, scope)
            except CursorExpired:
                continue  # swept between the two looks
        position = min(max(0, after.position), MOST)
        extent, events = await self.follower.look(position, limit, scope)
        extent.resume(after)
        return events

    def follow(self, after: Cursor | None, scope: Scope) -> AsyncGenerator[Event, None]:
        return self.follower.subscribe(after, scope)
