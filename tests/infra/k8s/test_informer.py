"""An informer against an API server that does what real ones do on bad days."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from infra.k8s.api import Patience
from infra.k8s.cluster import Cluster, opened
from infra.k8s.informer import UNREAD, Informer, Pace
from infra.k8s.kinds import Kind, Object
from infra.k8s.mirror import Change
from infra.k8s.watch import Scope
from tests.support.api_server import NAMESPACE, WITHIN, ApiServer, Refusal
from tests.support.clusters import informed, running
from tests.support.hasty import HastyTimer

SCOPE = Scope(Kind.CONFIG_MAP, NAMESPACE)


@pytest.fixture
async def informer(cluster: Cluster, timer: HastyTimer) -> Informer:
    return Informer(cluster, SCOPE, timer=timer, chance=lambda: 1.0)


@asynccontextmanager
async def told(informer: Informer) -> AsyncIterator["Told"]:
    async with aclosing(informer.changes()) as changes:
        found = Told()
        task = asyncio.create_task(found.read(changes))
        await asyncio.sleep(0)
        try:
            yield found
        finally:
            task.cancel()
            await asyncio.wait([task])


@dataclass
class Told:
    changes: list[Change] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, changes: AsyncIterator[Change]) -> None:
        async for change in changes:
            self.changes.append(change)
            self.more.set()

    async def heard(self, *said: str) -> None:
        """Until the last of what it was told is that."""
        async with asyncio.timeout(WITHIN):
            while self.said()[-len(said) :] != list(said):
                self.more.clear()
                await self.more.wait()

    def said(self) -> list[str]:
        """a=text, or -a for what is gone."""
        return [
            f"-{name(each.object)}" if each.gone else f"{name(each.object)}={text(each.object)}"
            for each in self.changes
        ]


def always(chance: float) -> Callable[[], float]:
    return lambda: chance


def name(each: Object) -> str:
    return str(each["metadata"]["name"])


def text(each: Object) -> str:
    return str(each["data"]["text"])


def has(informer: Informer) -> dict[str, str]:
    return {name(each): text(each) for each in informer.all()}


async def test_it_has_what_was_there_and_what_comes(server: ApiServer, informer: Informer) -> None:
    server.put("a", "1")
    async with running(informer), told(informer) as heard:
        await server.watched()
        assert has(informer) == {"a": "1"}
        assert informer.in_sync
        await heard.heard("a=1")
        server.put("a", "2")
        server.put("b", "1")
        await heard.heard("a=2", "b=1")
        server.remove("a")
        await heard.heard("-a")
        assert has(informer) == {"b": "1"}
        assert informer.get(NAMESPACE, "a") is None
        assert informer.get(NAMESPACE, "b") is not None


async def test_it_knows_nothing_before_its_first_list(
    server: ApiServer, informer: Informer
) -> None:
    assert not informer.in_sync
    assert informer.fresh_at is None
    server.hanging = True
    async with running(informer):
        await server.heard(2)
        assert not informer.in_sync


async def test_what_happens_between_the_list_and_the_watch_is_not_lost(
    server: ApiServer, informer: Informer
) -> None:
    server.put("a", "1")
    server.watch_refusals = [Refusal(503)]
    async with running(informer), told(informer) as heard:
        await heard.heard("a=1")
        server.put("b", "1")
        server.remove("a")
        await heard.heard("b=1", "-a")
    assert len(server.lists()) == 1


async def test_pages_are_one_list(server: ApiServer, informer: Informer) -> None:
    for i in range(1201):
        server.put(f"c{i}")
    async with running(informer):
        await informer.synced()
        assert len(informer.all()) == 1201
    assert len(server.lists()) == 3


async def test_a_list_whose_pages_expire_begins_anew(server: ApiServer, informer: Informer) -> None:
    for i in range(501):
        server.put(f"c{i}")
    server.list_refusals = []
    async with running(informer):
        await server.heard(2)
        server.put("late")
        server.compact()
        await informer.synced()
        async with asyncio.timeout(WITHIN):
            await server.watched()
        assert len(informer.all()) == 502


async def test_a_watch_that_ends_in_time_goes_on_where_it_was(
    server: ApiServer, informer: Informer, timer: HastyTimer
) -> None:
    async with running(informer), told(informer) as heard:
        first = await server.watched()
        server.put("a", "1")
        await heard.heard("a=1")
        timer.at += 20
        first.end()
        second = await server.watched()
        assert second.request.query["resourceVersion"] == str(server.version)
        server.put("b", "1")
        await heard.heard("a=1", "b=1")
    assert len(server.lists()) == 1
    assert timer.waits == []


async def test_a_bookmark_moves_it_on(
    server: ApiServer, informer: Informer, timer: HastyTimer
) -> None:
    async with running(informer):
        first = await server.watched()
        server.put("a", "elsewhere", namespace="other")
        assert first.request.query["allowWatchBookmarks"] == "true"
        timer.at += 15
        await first.send(server.bookmark())
        first.end()
        second = await server.watched()
        assert second.request.query["resourceVersion"] == str(server.version)
        assert informer.fresh_at == 15


@pytest.mark.parametrize("by_event", [True, False])
async def test_a_version_that_is_forgotten_is_listed_anew_and_the_lost_ones_are_noticed(
    server: ApiServer, informer: Informer, by_event: bool
) -> None:
    server.expires_by_event = by_event
    for each in ("a", "b", "c"):
        server.put(each, "1")
    async with running(informer), told(informer) as heard:
        first = await server.watched()
        await heard.heard("a=1", "b=1", "c=1")
        server.live = first.live = False
        server.remove("a")
        server.put("b", "2")
        server.remove("c")
        server.put("c", "another")
        server.compact()
        server.live = True
        first.drop()
        await server.watched()
        await heard.heard("-a", "-c", "b=2", "c=another")
        assert has(informer) == {"b": "2", "c": "another"}
    assert len(server.lists()) == 2


async def test_a_connection_that_breaks_within_a_line_loses_nothing(
    server: ApiServer, informer: Informer
) -> None:
    async with running(informer), told(informer) as heard:
        first = await server.watched()
        first.live = False
        server.put("a", "1")
        await first.write(b'{"type": "ADDED", "object": {"metadata": {"na')
        first.drop()
        await server.watched()
        await heard.heard("a=1")


async def test_a_watch_that_ends_within_a_line_loses_nothing(
    server: ApiServer, informer: Informer
) -> None:
    async with running(informer), told(informer) as heard:
        first = await server.watched()
        first.live = False
        server.put("a", "1")
        await first.write(b'{"type": "ADDED", "object": {"metadata": {"na')
        first.end()
        await server.watched()
        await heard.heard("a=1")


async def test_what_comes_twice_or_late_changes_nothing(
    server: ApiServer, informer: Informer
) -> None:
    server.live = False
    async with running(informer), told(informer) as heard:
        watched = await server.watched()
        added, changed = server.put("a", "1"), server.put("a", "2")
        other, removed = server.put("b", "1"), server.remove("b")
        await watched.send(added)
        await heard.heard("a=1")
        await watched.send(changed, changed, added, other)
        await heard.heard("a=2", "b=1")
        await watched.send(removed)
        await heard.heard("-b")
        await watched.send(other, removed, added, server.put("end"))
        await heard.heard("end=")
        assert heard.said() == ["a=1", "a=2", "b=1", "-b", "end="]
        assert has(informer) == {"a": "2", "end": ""}


async def test_events_that_trickle_in_are_put_together(
    server: ApiServer, informer: Informer
) -> None:
    server.live = False
    async with running(informer), told(informer) as heard:
        watched = await server.watched()
        content = str(server.put("a", "1")).replace("'", '"').encode() + b"\n"
        for at in range(0, len(content), 7):
            await watched.write(content[at : at + 7])
        await heard.heard("a=1")


async def test_an_event_of_many_megabytes_is_an_event(
    server: ApiServer, informer: Informer
) -> None:
    async with running(informer), told(informer) as heard:
        await server.watched()
        server.put("a", "x" * 5_000_000)
        server.put("b", "1")
        await heard.heard("b=1")
        assert len(has(informer)["a"]) == 5_000_000


async def test_an_api_server_that_fails_is_asked_ever_more_seldom(
    server: ApiServer, informer: Informer, timer: HastyTimer
) -> None:
    server.list_refusals = [Refusal(500) for _ in range(9)]
    async with running(informer):
        await informer.synced()
    assert timer.waits[:9] == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30]


async def test_not_all_ask_again_at_the_same_moment(cluster: Cluster, server: ApiServer) -> None:
    waits = []
    for chance in (0.0, 0.5):
        timer = HastyTimer()
        server.list_refusals = [Refusal(500)]
        informer = Informer(cluster, SCOPE, timer=timer, chance=always(chance))
        async with running(informer):
            await informer.synced()
        waits.append(timer.waits[0])
    assert waits == [0.125, 0.1875]


async def test_who_asks_too_often_waits_as_long_as_he_is_told(
    server: ApiServer, informer: Informer, timer: HastyTimer
) -> None:
    server.watch_refusals = [Refusal(429, headers={"Retry-After": "17"})]
    async with running(informer):
        await server.watched()
    assert timer.waits == [17]


async def test_watches_that_end_before_they_begin_are_not_opened_as_fast_as_can_be(
    server: ApiServer, informer: Informer, timer: HastyTimer
) -> None:
    async with running(informer):
        for _ in range(3):
            (await server.watched()).end()
        await server.watched()
    assert timer.waits == [0.25, 0.5, 1]


async def test_without_a_watch_for_ten_seconds_it_is_out_of_sync_and_says_so(
    server: ApiServer, informer: Informer, timer: HastyTimer
) -> None:
    async with running(informer), told(informer) as heard:
        watched = await server.watched()
        server.put("a", "1")
        await heard.heard("a=1")
        timer.at = 1000.0
        assert informer.in_sync
        server.hanging = True
        watched.drop()
        await server.heard(len(server.asked) + 1)
        timer.at = informer._watched_at + 10
        assert informer.in_sync
        timer.at += 0.1
        assert not informer.in_sync


async def test_it_is_in_sync_again_with_its_next_watch(
    server: ApiServer, informer: Informer, timer: HastyTimer
) -> None:
    async with running(informer), told(informer) as heard:
        watched = await server.watched()
        server.watch_refusals = [Refusal(503) for _ in range(9)]
        watched.drop()
        await server.watched()
        server.put("a", "1")
        await heard.heard("a=1")
        assert sum(timer.waits) > 60
        assert informer.in_sync


async def test_a_watch_that_is_silent_beyond_its_end_is_dead(server: ApiServer) -> None:
    timer = HastyTimer()
    async with opened(server.config, Patience(overdue=-0.8), timer) as cluster:
        pace = Pace(watch=1)
        async with informed(cluster, SCOPE, pace=pace, timer=timer):
            first = await server.watched()
            await server.watched()
            async with asyncio.timeout(WITHIN):
                await first.closed.wait()


async def test_everything_is_listed_anew_from_time_to_time(
    server: ApiServer, informer: Informer, timer: HastyTimer
) -> None:
    async with running(informer), told(informer) as heard:
        watched = await server.watched()
        watched.live = False
        server.put("missed", "1")
        timer.at += 601
        watched.end()
        await heard.heard("missed=1")
    assert len(server.lists()) == 2


async def test_an_etcd_that_was_restored_is_believed(
    server: ApiServer, informer: Informer, timer: HastyTimer
) -> None:
    server.put("a", "1")
    server.put("b", "1")
    async with running(informer), told(informer) as heard:
        watched = await server.watched()
        server.version, watched.live = 10, False
        server.objects.clear()
        server.history.clear()
        server.put("a", "older")
        timer.at += 601
        watched.end()
        await heard.heard("-b", "a=older")
        assert has(informer) == {"a": "older"}


async def test_a_role_that_is_missing_is_waited_for(
    server: ApiServer, informer: Informer, timer: HastyTimer
) -> None:
    server.list_refusals = [Refusal(403, "forbidden", reason="Forbidden")]
    async with running(informer):
        await informer.synced()
    assert timer.waits == [0.25]


async def test_an_event_that_makes_no_sense_does_not_end_it(
    server: ApiServer, informer: Informer
) -> None:
    async with running(informer), told(informer) as heard:
        watched = await server.watched()
        watched.live = False
        server.put("a", "1")
        await watched.send({"type": "ADDED", "object": {"metadata": {}}})
        await heard.heard("a=1")
    assert len(server.lists()) == 2


async def test_who_reads_seldom_gets_each_object_once_and_holds_up_nobody(
    server: ApiServer, informer: Informer
) -> None:
    async with running(informer), told(informer) as quick:
        await server.watched()
        async with aclosing(informer.changes()) as slow:
            server.put("first")
            assert name((await anext(slow)).object) == "first"
            for i in range(50):
                server.put("a", str(i))
            server.put("b", "1")
            server.remove("first")
            await quick.heard("a=49", "b=1", "-first")
            got = [await anext(slow) for _ in range(3)]
        assert [text(each.object) for each in got if not each.gone] == ["49", "1"]
        assert [name(each.object) for each in got if each.gone] == ["first"]


async def test_who_leaves_too_much_unread_gets_all_that_is_there(
    server: ApiServer, informer: Informer
) -> None:
    async with running(informer), told(informer) as quick:
        watched = await server.watched()
        async with aclosing(informer.changes()) as slow:
            server.put("first")
            await anext(slow)
            watched.live = False
            events = []
            for i in range(UNREAD + 3):
                events += [server.put(f"c{i}"), server.remove(f"c{i}")]
            await watched.send(*events, server.put("last"))
            await quick.heard("last=")
            got = {name((await anext(slow)).object) for _ in range(2)}
        assert got == {"first", "last"}


async def test_it_ends_at_once_and_closes_its_watch(server: ApiServer, informer: Informer) -> None:
    async with running(informer):
        watched = await server.watched()
    async with asyncio.timeout(WITHIN):
        await watched.closed.wait()
