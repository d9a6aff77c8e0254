"""Batches beside clients: over the table, the flights and the reports of a gateway that runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import httpx
import pytest

from domain.batches.batch import Batch, BatchReason, Place, TargetKind
from domain.batches.ports import Seat, Standstill
from domain.batches.targets.deployment_targets import DeploymentTargets
from domain.batches.targets.elsewhere import Elsewhere
from domain.batches.targets.routing import DeploymentTarget
from domain.clock import utc_now
from domain.deployments.deployment import DeploymentStatus
from domain.deployments.ports import GatewayReport
from domain.deployments.replica import ReplicaStatus
from infra.http.gateway.watch import Watch
from tests.support.batches import a_running_batch
from tests.support.server import ToyApp, serving
from tests.support.serving import MODEL, Served, a_served, engine
from tests.support.watching import known, reported
from tests.support.yard import Lines

CHAT = "/v1/chat/completions"
WAIT = 20.0


@dataclass
class Waker:
    """Implements `Wake`."""

    woken: list[str] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def wakes(self, deployment_ids: Any) -> Any:
        return deployment_ids

    async def wake(self, deployment_id: str) -> None:
        self.woken.append(deployment_id)
        self.came.set()


@dataclass
class Works:
    """A worker beside a gateway."""

    app: ToyApp
    waker: Waker = field(default_factory=Waker)
    part: int = 1

    def __post_init__(self) -> None:
        self.watch: Watch = self.app.gateway.watch
        self.elsewhere = Elsewhere(
            gateways=self.app.store.gateways,
            own=self.watch.id,
            sleepers=self.waker,
            clock=utc_now,
            timer=self.app.timer,
            signal=self.watch.signal,
            logger=Lines(),
        )
        self.targets = DeploymentTargets(
            address=attrgetter("url"),
            reads=self.app.store.reads,
            traffic=self.watch,
            elsewhere=self.elsewhere,
            share=lambda limit: limit // self.part,
        )

    async def target(self, served: Served, **said: Any) -> DeploymentTarget:
        await known(self.app)
        found = await self.targets.of(a_job(served, **said))
        assert isinstance(found, DeploymentTarget)
        return found

    async def report(self, gateway: str = "other", **said: Any) -> None:
        empty: dict[str, Any] = {"in_flight": {}, "batch": {}, "held": {}, "arrived": {}}
        own = {"gateway": gateway, "position": 0, "seen_at": utc_now()}
        await self.app.store.gateways.report(GatewayReport(**{**empty, **own, **said}))


def a_job(served: Served, **said: Any) -> Batch:
    own = {"deployment_id": served.deployment.id, "deployment_name": served.deployment.name}
    place = Place(**{"target": TargetKind.DEPLOYMENT, "why": "", **own, **said})
    return a_running_batch(served.store.default, place=place)  # type: ignore[union-attr]  # it is in memory


@pytest.fixture
async def works(app: ToyApp) -> AsyncIterator[Works]:
    works = Works(app)
    async with works.targets.running():
        yield works


def seat_of(target: DeploymentTarget, *avoid: str) -> Seat:
    found = target.seat(CHAT, avoid)
    assert isinstance(found, Seat)
    return found


def stands(target: DeploymentTarget) -> BatchReason:
    found = target.seat(CHAT, ())
    assert isinstance(found, Standstill)
    assert target.room() == 0
    assert found.message
    return found.reason


async def until(target: DeploymentTarget, reason: BatchReason | None) -> None:
    async with asyncio.timeout(WAIT):
        while True:
            found = target.seat(CHAT, ())
            if reason is (found.reason if isinstance(found, Standstill) else None):
                return
            await target.changed()


async def test_a_seat_is_where_a_replica_answers_under_its_own_name(works: Works) -> None:
    served = await a_served(works.app.store, "chat", [8001])
    target = await works.target(served)
    seat = seat_of(target)
    assert seat.url == f"http://127.0.0.1:8001{CHAT}"
    assert (seat.id, seat.model, seat.revision) == (served.ids[0], MODEL, 1)


async def test_all_batches_of_a_place_have_one_target(works: Works) -> None:
    served = await a_served(works.app.store, "chat", [8001])
    target = await works.target(served)
    assert await works.target(served) is target
    assert await works.target(served, revision_number=1) is not target


async def test_requests_go_to_the_idlest_and_leave_a_tenth_free(works: Works) -> None:
    served = await a_served(works.app.store, "chat", [8001, 8002], max_in_flight=10)
    target = await works.target(served)
    assert target.room() == 18
    with ExitStack() as flights:
        for _ in range(18):
            flights.enter_context(target.taken(seat_of(target)))
        counts = works.watch.flights.batch
        assert counts == works.watch.flights.in_flight == dict.fromkeys(served.ids, 9)
        assert stands(target) is BatchReason.ENGINE_BUSY
    assert not works.watch.flights.batch
    assert target.room() == 18


async def test_clients_go_first(works: Works) -> None:
    served = await a_served(works.app.store, "chat", [8001], max_in_flight=10)
    target = await works.target(served)
    with ExitStack() as flights:
        for _ in range(9):
            flights.enter_context(works.watch.flights.flight(served.ids[0]))
        assert stands(target) is BatchReason.ONLINE_FIRST
        changed = asyncio.create_task(target.changed())
        await asyncio.sleep(0)
        flights.pop_all().close()
    async with asyncio.timeout(WAIT):
        await changed
    assert target.room() == 9


async def test_what_other_gateways_sent_counts_and_what_they_sent_for_batches_does_not(
    works: Works,
) -> None:
    served = await a_served(works.app.store, "chat", [8001], max_in_flight=10)
    (replica,) = served.ids
    await works.report(in_flight={replica: 7}, batch={replica: 3})
    target = await works.target(served)
    assert target.room() == 5
    await works.report("third", in_flight={replica: 5})
    await until(target, BatchReason.ONLINE_FIRST)
    await works.app.store.gateways.leave("third")
    await until(target, None)
    assert target.room() == 5


@pytest.mark.parametrize("where", ["here", "elsewhere"])
async def test_nothing_is_sent_while_a_client_waits(works: Works, where: str) -> None:
    served = await a_served(works.app.store, "chat", [8001])
    target = await works.target(served)
    held = {served.deployment.id: 1}
    with ExitStack() as flights:
        if where == "here":
            flights.enter_context(works.watch.flights.hold(served.deployment.id))
        else:
            await works.report(held=held)
        await until(target, BatchReason.ONLINE_FIRST)
        await works.report(held={})
    await until(target, None)


async def test_a_worker_has_its_part_and_none_before_the_others_know_of_it(works: Works) -> None:
    served = await a_served(works.app.store, "chat", [8001], max_in_flight=10)
    target = await works.target(served)
    works.part = 3
    assert target.room() == 3
    works.part = 100
    assert stands(target) is BatchReason.ENGINE_BUSY


async def test_a_worker_is_left_out_where_there_are_more_workers_than_there_is_room(
    works: Works,
) -> None:
    served = await a_served(works.app.store, "chat", [8001], max_in_flight=10)
    target = await works.target(served)
    assert not target.is_left_out()
    works.part = 100
    assert target.is_left_out()
    with ExitStack() as flights:
        for _ in range(9):
            flights.enter_context(works.watch.flights.flight(served.ids[0]))
        assert not target.is_left_out()  # nobody may send anything


async def test_a_pinned_revision_is_the_only_one(works: Works) -> None:
    served = await a_served(works.app.store, "chat", [8001])
    (newer,) = await served.revision(2, [8002])
    target = await works.target(served, revision_number=2)
    assert {seat_of(target).id for _ in range(20)} == {newer.id}
    target = await works.target(served, revision_number=3)
    assert stands(target) is BatchReason.NO_HEALTHY_REPLICA


async def test_a_seat_to_avoid_is_given_only_where_there_is_no_other(works: Works) -> None:
    served = await a_served(works.app.store, "chat", [8001, 8002])
    target = await works.target(served)
    first, second = served.ids
    assert seat_of(target, first).id == second
    assert seat_of(target, first, second).id in served.ids


async def test_a_target_says_why_nothing_can_be_sent_and_when_it_can_again(works: Works) -> None:
    served = await a_served(works.app.store, "chat", [8001])
    target = await works.target(served)
    (replica,) = served.replicas
    await served.becomes(replica, ReplicaStatus.UNHEALTHY)
    await until(target, BatchReason.NO_HEALTHY_REPLICA)
    await served.becomes(replica, ReplicaStatus.HEALTHY)
    await until(target, None)
    await served.put(status=DeploymentStatus.STOPPING)
    await until(target, BatchReason.DEPLOYMENT_GONE)
    found = await works.targets.of(a_job(served))
    assert isinstance(found, Standstill)
    assert found.reason is BatchReason.DEPLOYMENT_GONE


async def test_one_that_sleeps_is_woken(app: ToyApp) -> None:
    waker = Waker()
    app = ToyApp(sleepers=waker)
    async with serving(app):
        works = Works(app, waker)
        async with works.targets.running():
            served = await a_served(app.store, "chat", [], desired_replicas=0)
            target = await works.target(served)
            assert stands(target) is BatchReason.NO_HEALTHY_REPLICA
            async with asyncio.timeout(WAIT):
                await waker.came.wait()
            assert waker.woken == [served.deployment.id]


async def test_what_is_reported_tells_batches_apart_and_a_draining_replica_waits_for_them() -> None:
    app = ToyApp()
    reports = reported(app)
    async with serving(app):
        works = Works(app)
        async with works.targets.running():
            served = await a_served(app.store, "chat", [8001])
            (replica,) = served.replicas
            target = await works.target(served)
            with target.taken(seat_of(target)):
                await served.becomes(replica, ReplicaStatus.DRAINING)
                head = await app.store.log.head()
                report = await reports.comes(lambda made: made.position >= head.position)
                assert report.in_flight == report.batch == {replica.id: 1}
                assert stands(target) is BatchReason.NO_HEALTHY_REPLICA
            await reports.comes(lambda made: not made.in_flight and not made.batch)


async def test_clients_get_at_no_deployment_that_was_made_for_batches(
    works: Works, client: httpx.AsyncClient
) -> None:
    async with engine() as port:
        served = await a_served(works.app.store, "batch-1", [port], is_dedicated=True)
        target = await works.target(served)
        assert target.room() == served.deployment.max_in_flight
        said = {"model": "batch-1", "messages": [{"role": "user", "content": "hi"}]}
        answer = await client.post("/chat/completions", json=said)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
        assert not (await client.get("/models")).json()["data"]
        assert (await client.get("/models/batch-1")).status_code == 404
        seat = seat_of(target)
        async with httpx.AsyncClient() as direct:
            assert (await direct.post(seat.url, json={**said, "model": seat.model})).is_success


async def test_one_made_for_batches_is_known_also_to_a_gateway_that_begins_later() -> None:
    app = ToyApp()
    served = await a_served(app.store, "batch-1", [8001], is_dedicated=True)
    async with serving(app):
        works = Works(app)
        target = await works.target(served)
        assert seat_of(target).id == served.ids[0]
