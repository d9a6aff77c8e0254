"""One reader of the log for all subscribers: slow ones, many, swept ones, and the end."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from domain.access.facts import KeyCreated
from domain.errors import CursorExpired, CursorUnknown, StorageUnavailable
from domain.events import Cursor, Event, Extent, Scope, SubjectKind
from infra.events.follower import Follower
from infra.store import Store, open_store
from tests.support.builders import NOON
from tests.support.clock import TestClock
from tests.support.writer import add_events

RING = 8
ANY = Scope()


@pytest.fixture
async def small(database_url: str, tmp_path: Path, clock: TestClock) -> AsyncIterator[Store]:
    """A store whose ring holds few events."""
    async with open_store(
        database_url, data_dir=tmp_path, clock=clock, poll=0.1, ring=RING
    ) as store:
        yield store


async def take(events: AsyncIterator[Event], count: int) -> list[int]:
    async with asyncio.timeout(30):
        return [(await anext(events)).position for _ in range(count)]


async def test_a_reader_that_stops_harms_itself_alone(small: Store) -> None:
    start, count = await small.log.head(), 20 * RING
    async with (
        aclosing(small.log.follow(start, ANY)) as slow,
        aclosing(small.log.follow(start, ANY)) as quick,
    ):
        await add_events(small, 1)
        assert await take(slow, 1) == [1]
        await add_events(small, count)
        assert await take(quick, count + 1) == list(range(1, count + 2))
        ring = small.follower.ring
        assert ring.end - ring.start <= RING
        assert await take(slow, count) == list(range(2, count + 2))
        waiting = asyncio.ensure_future(anext(slow))
        await add_events(small, 1)
        assert (await asyncio.wait_for(waiting, 30)).position == count + 2


async def test_a_reader_whose_place_was_swept_is_told(small: Store, clock: TestClock) -> None:
    start = await small.log.head()
    async with aclosing(small.log.follow(start, ANY)) as slow:
        await add_events(small, 1)
        await take(slow, 1)
        async with aclosing(small.log.follow(start, ANY)) as quick:
            await add_events(small, 3 * RING)
            await take(quick, 3 * RING)
        await small.sweep(clock.now + timedelta(days=1))
        with pytest.raises(CursorExpired) as expired:
            await take(slow, 1)
    oldest = Cursor.decode(expired.value.oldest)
    assert oldest == await small.log.head()


async def test_subscriptions_end_with_the_store(database_url: str, tmp_path: Path) -> None:
    async with open_store(database_url, data_dir=tmp_path) as store:
        streams = [store.log.follow(None, ANY) for _ in range(3)]
        waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
        await asyncio.wait(waiting, timeout=0.2)
    for outcome in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(outcome, StopAsyncIteration)


@dataclass
class Pages:
    """A log's rows in memory: counts its reads, and can be away."""

    head: int = 0
    reads: int = 0
    away: bool = False
    epoch: str = "one"
    read: asyncio.Condition = field(default_factory=asyncio.Condition)

    gate: asyncio.Event | None = None

    async def page(self, after: int, limit: int, scope: Scope) -> tuple[Extent, Sequence[Event]]:
        """The page of the moment when it is asked for; it comes when the gate is open."""
        self.reads += 1
        found = self._page(after, limit)
        if self.gate is not None:
            await self.gate.wait()
        async with self.read:
            self.read.notify_all()
        if self.away:
            raise StorageUnavailable(where="the database", problem="away")
        return found

    def _page(self, after: int, limit: int) -> tuple[Extent, Sequence[Event]]:
        extent = Extent(epoch=self.epoch, swept=0, head=self.head)
        behind = range(after + 1, min(after + limit, self.head) + 1)
        return extent, [replace(self.event(p), epoch=self.epoch) for p in behind]

    async def read_until(self, count: int) -> None:
        async with self.read, asyncio.timeout(30):
            await self.read.wait_for(lambda: self.reads >= count)

    async def renew_epoch(self, old: str, new: str) -> None:
        assert old == self.epoch
        self.epoch = new

    @staticmethod
    def event(position: int) -> Event:
        return Event(
            epoch="one",
            position=position,
            at=NOON,
            project_id=None,
            subject_kind=SubjectKind.KEY,
            subject_id="k",
            actor="ada",
            cause="request:1",
            fact=KeyCreated(key_id="k", name="n"),
        )


async def test_a_thousand_subscribers_cost_one_read() -> None:
    rows = Pages(head=3)
    async with Follower(rows, poll=60).running() as follower:
        start = Cursor("one", 3)
        streams = [follower.subscribe(start, ANY) for _ in range(1000)]
        waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
        await rows.read_until(2)
        before = rows.reads
        rows.head = 4
        follower.hint()
        events = await asyncio.gather(*waiting)
        assert {event.position for event in events} == {4}
        assert rows.reads - before <= 3
        for stream in streams:
            await stream.aclose()


async def test_two_that_subscribe_at_once_after_a_rest_both_hear_what_was_missed() -> None:
    """The second is served from what the follower held before it rested."""
    rows = Pages(head=3)
    async with Follower(rows, poll=60).running() as follower:
        rows.head, rows.gate = 5, asyncio.Event()
        streams = [follower.subscribe(Cursor("one", 3), ANY) for _ in range(2)]
        waiting = [asyncio.ensure_future(take(stream, 2)) for stream in streams]
        await asyncio.wait(waiting, timeout=0.05)
        rows.gate.set()
        assert await asyncio.gather(*waiting) == [[4, 5], [4, 5]]
        for stream in streams:
            await stream.aclose()


async def test_a_page_of_a_log_that_ended_meanwhile_keeps_its_own_cursors() -> None:
    """Under the new log's epoch they would resume where other events lie."""
    rows = Pages(head=3)
    async with Follower(rows, poll=60).running() as follower:
        rows.head = 5
        async with aclosing(follower.subscribe(Cursor("one", 2), ANY)) as events:
            first = await anext(events)
            rows.epoch = "two"
            await follower.look(0, 0, ANY)
            second = await anext(events)
        assert [event.cursor for event in (first, second)] == [Cursor("one", 3), Cursor("one", 4)]


async def test_a_look_that_comes_late_does_not_bring_an_ended_log_back() -> None:
    rows = Pages(head=3, gate=asyncio.Event())
    gate, follower = rows.gate, Follower(rows)
    assert gate is not None
    late = asyncio.ensure_future(follower.look(0, 0, ANY))
    await asyncio.wait([late], timeout=0.05)
    rows.epoch, rows.gate = "two", None
    await follower.look(0, 0, ANY)
    gate.set()
    extent, _ = await late
    assert (extent.epoch, follower.epoch) == ("two", "two")


async def test_nobody_reads_while_nobody_subscribes() -> None:
    rows = Pages()
    async with Follower(rows, poll=0.001).running() as follower:
        rows.head = 5
        follower.hint()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await rows.read_until(2)
        assert rows.reads == 1
        async with aclosing(follower.subscribe(Cursor("one", 0), ANY)) as events:
            assert await take(events, 5) == [1, 2, 3, 4, 5]


async def test_an_outage_is_waited_for() -> None:
    rows = Pages()
    async with (
        Follower(rows, poll=0.001).running() as follower,
        aclosing(follower.subscribe(Cursor("one", 0), ANY)) as events,
    ):
        rows.head = 1
        assert await take(events, 1) == [1]
        rows.away, before = True, rows.reads
        waiting = asyncio.ensure_future(anext(events))
        await rows.read_until(before + 3)
        rows.away, rows.head = False, 2
        assert (await asyncio.wait_for(waiting, 10)).position == 2


async def test_the_end_comes_also_during_an_outage() -> None:
    rows = Pages(head=1)
    async with Follower(rows, poll=0.001).running() as follower:
        rows.away = True
        waiting = asyncio.ensure_future(anext(follower.subscribe(Cursor("one", 0), ANY)))
        await rows.read_until(4)
    assert isinstance(
        (await asyncio.gather(waiting, return_exceptions=True))[0], StopAsyncIteration
    )


async def test_a_log_that_got_shorter_gets_a_new_epoch() -> None:
    rows = Pages(head=5)
    async with Follower(rows, poll=0.001).running() as follower:
        async with aclosing(follower.subscribe(Cursor("one", 4), ANY)) as events:
            assert await take(events, 1) == [5]
            rows.head = 3
            with pytest.raises(CursorUnknown):
                await take(events, 1)
        assert rows.epoch != "one"
        assert follower.epoch == rows.epoch
