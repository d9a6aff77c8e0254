"""Requests for what was scaled to zero wait for its first replica."""

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field

import httpx
import pytest

from domain.errors import StorageUnavailable
from infra.http.gateway.flights import Flights
from infra.http.gateway.goodbye import ended_by
from infra.http.gateway.holding import MOST_BYTES, Holding
from infra.http.gateway.refusals import Crowded
from infra.http.gateway.table import Table
from tests.support.server import ToyApp, serving
from tests.support.serving import a_served, engine
from tests.support.watching import WAIT, Reports, happens, known, reported


@dataclass
class Sleepers:
    """Every deployment wakes; `woken` are those that were asked to."""

    woken: list[str] = field(default_factory=list)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    problems: list[Exception] = field(default_factory=list)

    async def wakes(self, deployment_ids: Collection[str]) -> Collection[str]:
        return deployment_ids

    async def wake(self, deployment_id: str) -> None:
        self.woken.append(deployment_id)
        self.called.set()
        if self.problems:
            raise self.problems.pop()


def a_chat(model: str = "chat") -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def sleepers() -> Sleepers:
    return Sleepers()


@pytest.fixture
def unserved(sleepers: Sleepers) -> ToyApp:
    return ToyApp(sleepers=sleepers)


@pytest.fixture
def reports(unserved: ToyApp) -> Reports:
    return reported(unserved)


@pytest.fixture
async def app(unserved: ToyApp, reports: Reports) -> AsyncIterator[ToyApp]:
    async with serving(unserved) as app:
        yield app


@pytest.fixture
async def client(app: ToyApp) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{app.url}/v1", timeout=WAIT) as client:
        yield client


async def test_held_requests_are_answered_by_the_first_replica_and_wake_it_once(
    app: ToyApp, client: httpx.AsyncClient, sleepers: Sleepers, reports: Reports
) -> None:
    served = await a_served(app.store, "chat", desired_replicas=0)
    await known(app)
    asking = [
        asyncio.create_task(client.post("/chat/completions", json=a_chat(model)))
        for model in ("chat", "chat", "chat@1")
    ]
    await reports.comes(lambda made: made.held == {served.deployment.id: 3})
    async with engine() as port:
        await served.revision(1, [port])
        answers = await asyncio.gather(*asking)
    assert [answer.status_code for answer in answers] == [200] * 3
    assert sleepers.woken == [served.deployment.id]
    assert not app.gateway.watch.reporting.flights.held


async def test_a_held_request_whose_client_leaves_is_held_no_more(
    app: ToyApp, client: httpx.AsyncClient, sleepers: Sleepers, reports: Reports
) -> None:
    await a_served(app.store, "chat")
    await known(app)
    for count in (1, 2):
        asking = asyncio.create_task(client.post("/chat/completions", json=a_chat()))
        await happens(sleepers.called)
        assert len(sleepers.woken) == count  # nobody waited any more: a cold period of its own
        sleepers.called.clear()
        await reports.comes(lambda made: bool(made.held))
        asking.cancel()
        await reports.comes(lambda made: not made.held)


async def test_the_servers_stop_ends_the_waiting(
    app: ToyApp, client: httpx.AsyncClient, sleepers: Sleepers
) -> None:
    await a_served(app.store, "chat")
    await known(app)
    asking = asyncio.create_task(client.post("/chat/completions", json=a_chat()))
    await happens(sleepers.called)
    await app.live.finish(WAIT)
    answer = await asking
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "server_stops")


async def test_a_revision_that_is_not_there_wakes_nothing(
    app: ToyApp, client: httpx.AsyncClient, sleepers: Sleepers
) -> None:
    await a_served(app.store, "chat")
    await known(app)
    answer = await client.post("/chat/completions", json=a_chat("chat@7"))
    assert answer.status_code == 404
    assert sleepers.woken == []


async def test_who_waited_long_enough_is_told_that_nothing_is_ready(sleepers: Sleepers) -> None:
    patient = ToyApp(sleepers=sleepers, hold=0.05)
    async with serving(patient) as app, httpx.AsyncClient(base_url=app.url) as client:
        await a_served(app.store, "chat")
        await known(app)
        answer = await client.post("/v1/chat/completions", json=a_chat(), timeout=WAIT)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_not_ready")


async def test_a_wake_that_fails_is_tried_by_the_next_request(
    app: ToyApp, client: httpx.AsyncClient, sleepers: Sleepers
) -> None:
    sleepers.problems = [StorageUnavailable(where="db", problem="gone"), RuntimeError("broken")]
    served = await a_served(app.store, "chat")
    await known(app)
    asking = []
    for _ in range(3):
        asking.append(asyncio.create_task(client.post("/chat/completions", json=a_chat())))
        await happens(sleepers.called)
        sleepers.called.clear()
    async with engine() as port:
        await served.revision(1, [port])
        answers = await asyncio.gather(*asking)
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len(sleepers.woken) == 3


@pytest.mark.parametrize(("size", "most"), [(MOST_BYTES + 1, 10), (1, 1)])
async def test_more_than_a_gateway_can_hold_is_refused(
    app: ToyApp, sleepers: Sleepers, size: int, most: int
) -> None:
    flights = Flights(lambda idle: None)
    holding = Holding(table=Table(), flights=flights, sleepers=sleepers, seconds=WAIT, most=most)
    with flights.hold("other"), pytest.raises(Crowded):
        await holding.held("d", "chat", size, lambda: None, lambda: ended_by(app.live, None))
    assert not flights.held
