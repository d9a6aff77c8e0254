"""Ids of deployments of which something changed, for whoever follows."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class Inbox:
    """What one follower has not seen yet, each id once, oldest first."""

    ids: dict[str, None] = field(default_factory=dict)
    due: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Changes:
    inboxes: set[Inbox] = field(default_factory=set)
    closed: bool = False

    def tell(self, deployment_id: str) -> None:
        for inbox in self.inboxes:
            inbox.ids[deployment_id] = None
            inbox.due.set()

    def close(self) -> None:
        """Every follower has what it has; then it ends."""
        self.closed = True
        for inbox in self.inboxes:
            inbox.due.set()

    async def follow(self) -> AsyncGenerator[str, None]:
        inbox = Inbox()
        self.inboxes.add(inbox)
        try:
            while inbox.ids or not self.closed:
                await inbox.due.wait()
                inbox.due.clear()
                while inbox.ids:
                    oldest = next(iter(inbox.ids))
                    del inbox.ids[oldest]
                    yield oldest
        finally:
            self.inboxes.discard(inbox)
