"""What others are told of a gateway, and when."""

import asyncio
from collections import Counter

import httpx
import pytest

from domain.clock import MonotonicTimer, utc_now
from domain.deployments.replica import ReplicaStatus
from domain.errors import StorageUnavailable
from infra.http.gateway.flights import Flights
from infra.http.gateway.reporting import News, Reporting
from infra.http.gateway.standing import Standing
from infra.http.gateway.table import Table
from tests.support.memory import MemoryStore
from tests.support.server import ToyApp, serving
from tests.support.serving import a_served, engine, listening
from tests.support.watching import Reports, Told, known, reported

CHAT = {"model": "chat", "messages": []}


async def test_a_replica_in_use_is_reported_free_once_its_stream_has_ended() -> None:
    app, told = ToyApp(), Told(events=[b"data: 1\n\n", b"data: 2\n\n"])
    reports = reported(app)
    told.go.put_nowait(None)
    async with listening(told) as port, serving(app), httpx.AsyncClient() as client:
        served = await a_served(app.store, "chat", [port])
        (replica,) = served.replicas
        await known(app)
        asked = client.stream("POST", f"{app.url}/v1/chat/completions", json=CHAT, timeout=30)
        async with asked as response:
            pieces = response.aiter_raw()
            await anext(pieces)
            await served.becomes(replica, ReplicaStatus.DRAINING)
            head = await app.store.log.head()
            report = await reports.comes(lambda made: made.position >= head.position)
            assert report.in_flight == {replica.id: 1}
            told.go.put_nowait(None)
            assert [piece async for piece in pieces] == [b"data: 2\n\n"]
        report = await reports.comes(lambda made: not made.in_flight)
    drained = [made for made in reports.made if made.position >= head.position]
    assert [made.in_flight for made in drained[:-1]] == [{replica.id: 1}] * (len(drained) - 1)
    assert report.arrived == {served.deployment.id: 1}


async def test_a_client_that_hangs_up_is_in_flight_no_more() -> None:
    app, told = ToyApp(), Told(is_held=True)
    reports = reported(app)
    async with listening(told) as port, serving(app), httpx.AsyncClient() as client:
        served = await a_served(app.store, "chat", [port])
        await known(app)
        url = f"{app.url}/v1/chat/completions"
        asking = asyncio.create_task(client.post(url, json=CHAT, timeout=30))
        await reports.comes(lambda made: made.in_flight == {served.ids[0]: 1})
        asking.cancel()
        await reports.comes(lambda made: not made.in_flight)


async def test_no_request_goes_to_a_replica_that_is_reported_as_known_to_drain() -> None:
    app = ToyApp()
    reports = reported(app)
    async with engine() as one, engine() as two, serving(app), httpx.AsyncClient() as client:
        served = await a_served(app.store, "chat", [one, two])
        await known(app)
        first, second = served.replicas
        await served.becomes(first, ReplicaStatus.DRAINING)
        head = await app.store.log.head()
        await reports.comes(lambda made: made.position >= head.position)
        url = f"{app.url}/v1/chat/completions"
        said = {**CHAT, "messages": [{"role": "user", "content": "hi"}]}
        answers = [await client.post(url, json=said) for _ in range(10)]
    replicas = Counter(answer.headers["x-modelyard-replica"] for answer in answers)
    assert replicas == {second.id: 10}


async def test_a_gateway_is_known_before_it_reads_where_to_send() -> None:
    app = ToyApp()
    reports = reported(app)
    served = await a_served(app.store, "chat", [1])
    async with serving(app):
        await known(app)
        loaded = await reports.comes(lambda made: made.position > 0)
    assert reports.made[0].position == 0
    assert loaded.position == (await app.store.log.head()).position
    assert served.ids


async def test_a_gateway_that_leaves_says_so() -> None:
    app = ToyApp()
    reports = reported(app)
    async with serving(app):
        await reports.comes(lambda made: made.gateway == "gateway")
        assert await app.store.gateways.living(utc_now())
    assert reports.left == ["gateway"]
    assert not await app.store.gateways.living(utc_now())


async def test_a_report_that_is_not_kept_is_made_again() -> None:
    app = ToyApp()
    reports = reported(app)
    reports.problems = [StorageUnavailable(where="db", problem="gone")] * 2
    async with serving(app):
        await reports.comes(lambda made: made.position == 0)


async def test_a_gateway_that_can_not_say_goodbye_ends_all_the_same() -> None:
    class Unreachable(Reports):
        async def leave(self, gateway: str) -> None:
            self.left.append(gateway)
            raise StorageUnavailable(where="db", problem="gone")

    reports = Unreachable(MemoryStore().gateways)
    news, table = News(), Table()
    reporting = Reporting(
        gateways=reports,
        gateway="g",
        table=table,
        flights=Flights(lambda idle: None),
        news=news,
        standing=Standing(MonotonicTimer()),
        clock=utc_now,
        timer=MonotonicTimer(),
    )
    await reporting.leave()
    assert reports.left == ["g"]


async def test_news_wake_whoever_waits_for_them() -> None:
    news = News()
    now = asyncio.get_running_loop().time()
    waiting = asyncio.create_task(news.due(now + 1_000))
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()
    waiting = asyncio.create_task(news.due(now - 1))
    await asyncio.sleep(0)
    assert not waiting.done()
    news.add(urgent=True)
    await waiting


async def test_a_replicas_last_request_is_news_that_somebody_waits_for() -> None:
    ended: list[str | None] = []
    flights = Flights(ended.append)
    with flights.flight("r"), flights.flight("r"):
        assert flights.in_flight == {"r": 2}
    assert ended == [None, None, None, "r"]
    assert not flights.in_flight


@pytest.mark.parametrize("count", [1, 3])
async def test_arrivals_of_deployments_that_are_gone_are_forgotten(count: int) -> None:
    flights = Flights(lambda idle: None)
    for _ in range(count):
        flights.arrive("gone")
        flights.arrive("here")
    flights.forget(lambda id_: id_ == "gone")
    assert flights.arrived == {"here": count}
