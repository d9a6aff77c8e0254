"""One reader of the log for all subscribers of this process.

    commit ──hint──▶ follower ──page──▶ ring ──▶ subscriber, subscriber, …
    other process ──NOTIFY──▶ ┘                      └── behind the ring: pages of its own

A subscriber is a place in the log and nothing more: it takes the event behind its place from the
ring, or, where the ring has moved past it, goes back to reading the database. So a writer pays for
one hint however many subscribe, and a reader that stops costs no memory. Hints only make it
quicker: the follower also looks every `poll` seconds. While nobody subscribes it rests.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress

import structlog

from domain.errors import CursorUnknown, StorageUnavailable
from domain.events import Cursor, Event, Extent, Scope
from domain.ids import NewId, new_id
from infra.events.ports import EventRows
from infra.events.ring import Ring

log = structlog.get_logger()

View = tuple[Extent, Sequence[Event]]

PAGE = 200
CATCHING_UP = 2  # subscribers that read the database at once; the others wait their turn
SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 5.0


class Follower:
    def __init__(
        self,
        rows: EventRows,
        *,
        poll: float = 1.0,
        capacity: int = 4096,
        new_id: NewId = new_id,
    ) -> None:
        self.epoch = ""
        self.ring = Ring(capacity)
        self._rows = rows
        self._poll = poll
        self._new_id = new_id
        self._seen = 0
        self._subscribers = 0
        self._due = asyncio.Event()
        self._moved = asyncio.Event()
        self._closing = asyncio.Event()
        self._turn = asyncio.Semaphore(CATCHING_UP)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Follower"]:
        """Follows until the block ends; then every subscription ends, too."""
        await self.look(0, 0, Scope())
        task = asyncio.create_task(self._run(), name="event follower")
        try:
            yield self
        finally:
            self._closing.set()
            self._wake_subscribers()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def hint(self) -> None:
        """There may be new events."""
        if self._subscribers:
            self._due.set()

    async def look(self, after: int, limit: int, scope: Scope) -> View:
        """A page, read from the database; everybody reads through here.

        So a new epoch is known at once, and a log that got shorter (the database was put back
        while we ran) gets one: nobody can have seen more than a later look sees. Raises
        StorageUnavailable.
        """
        while True:
            epoch, seen = self.epoch, self._seen
            extent, events = await self._rows.page(after, limit, scope)
            if extent.epoch != self.epoch != epoch:
                continue  # another look met a new log meanwhile: which one is older?
            if extent.epoch != epoch or extent.head >= seen:
                break
            log.warning("the event log went back", was=seen, head=extent.head)
            await self._rows.renew_epoch(extent.epoch, self._new_id())
        if extent.epoch != self.epoch:
            self._meet(extent)
        self._seen = max(self._seen, extent.head)
        return extent, events

    async def subscribe(self, after: Cursor | None, scope: Scope) -> AsyncGenerator[Event, None]:
        """As domain.work.EventLog.follow; ends when the follower does."""
        with self._subscribed(), suppress(_Closed):
            place = await self._place(after)
            while not self._closing.is_set():
                if place.epoch != self.epoch:
                    raise CursorUnknown()
                moved = self._moved
                if place.position < self.ring.start:
                    extent, events = await self._catch_up(place, scope)
                    for event in events:
                        yield event
                    end = extent.head if len(events) < PAGE else events[-1].position
                    place = Cursor(place.epoch, end)
                elif place.position < self.ring.end:
                    event = self.ring[place.position + 1]
                    place = Cursor(place.epoch, event.position)
                    if scope.covers(event):
                        yield event
                else:
                    await moved.wait()

    @contextmanager
    def _subscribed(self) -> Iterator[None]:
        self._subscribers += 1
        try:
            yield
        finally:
            self._subscribers -= 1

    async def _place(self, after: Cursor | None) -> Cursor:
        """Where a new subscriber begins. One that the ring can serve needs no look at the database,
        if the follower did not rest before."""
        follows = self._subscribers > 1
        if (
            follows
            and after is not None
            and after.epoch == self.epoch
            and after.position in self.ring
        ):
            return after
        extent, _ = await self._patiently(0, 0, Scope())
        if not follows and extent.head > self.ring.end:
            self.ring.reset(extent.head)
            self._wake_subscribers()  # those that came meanwhile, and wait behind what it held
        self._due.set()
        return extent.newest if after is None else Cursor(after.epoch, extent.resume(after))

    async def _catch_up(self, place: Cursor, scope: Scope) -> tuple[Extent, Sequence[Event]]:
        async with self._turn:
            extent, events = await self._patiently(place.position, PAGE, scope)
        extent.resume(place)
        return extent, events

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll):
                    await self._due.wait()
            self._due.clear()
            if not self._subscribers:
                continue
            try:
                await self._advance()
            except Exception:  # the loop's edge: one bad page must not end it
                log.exception("the event log could not be followed")
                await asyncio.sleep(LONGEST_PAUSE)

    async def _advance(self) -> None:
        """Read what is new into the ring, to the log's head."""
        full = True
        while full:
            end = self.ring.end
            extent, events = await self._patiently(end, PAGE, Scope())
            if end != self.ring.end:
                continue  # the ring was reset meanwhile
            if extent.swept > end:
                self.ring.reset(extent.head)
                events = ()
            for event in events:
                self.ring.push(event)
            if self.ring.end != end:
                self._wake_subscribers()
            full = len(events) == PAGE

    def _meet(self, extent: Extent) -> None:
        """Begin with this log; subscribers of another epoch find out when they are woken."""
        self.epoch, self._seen = extent.epoch, extent.head
        self.ring.reset(extent.head)
        self._wake_subscribers()

    def _wake_subscribers(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def _patiently(self, after: int, limit: int, scope: Scope) -> View:
        """As `look`, once the database answers."""
        pause = SHORTEST_PAUSE
        while True:
            try:
                return await self.look(after, limit, scope)
            except StorageUnavailable as error:
                log.warning("the event log can't be read", problem=error.problem, pause=pause)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._closing.wait()
            if self._closing.is_set():
                raise _Closed
            pause = min(pause * 2, LONGEST_PAUSE)


class _Closed(Exception):
    """The follower ended while a reader waited for the database."""
