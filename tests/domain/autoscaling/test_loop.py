from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import pytest

from domain.autoscaling.loop import Autoscaler
from domain.autoscaling.rule import AutoscalingRule, Metric
from domain.autoscaling.service import Autoscaling, NewRule
from domain.autoscaling.watch import Ceilings, Watch
from domain.deployments.deployment import Deployment, DeploymentStatus
from domain.deployments.facts import DeploymentScaled, DeploymentStatusChanged
from domain.deployments.ports import GatewayReport, Lease
from domain.deployments.shards import shard_of
from domain.events import Scope
from domain.ids import new_id
from domain.work import Reads, Work
from tests.support.build import a_caller
from tests.support.builders import a_revision
from tests.support.clock import TestClock
from tests.support.memory import MemoryStore
from tests.support.scaling import a_replica, a_rollout, a_rule, of, serving

FOREVER = timedelta(days=1)


class CountedReads:
    """Notes each use of the reads below it."""

    def __init__(self, reads: Reads, asked: list[str]) -> None:
        self._reads, self._asked = reads, asked

    def __getattr__(self, name: str) -> Any:
        self._asked.append(name)
        return getattr(self._reads, name)


@dataclass
class Plane:
    """A control plane that has all shards, one gateway, and what the two know."""

    clock: TestClock
    store: MemoryStore
    fixed_ports: bool = False
    in_flight: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    arrived: dict[str, int] = field(default_factory=dict)
    leases: dict[int, Lease] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.autoscaler = self.an_autoscaler()

    def an_autoscaler(self) -> Autoscaler:
        reads = cast("Reads", CountedReads(self.store.reads, self.asked))
        ceilings = Ceilings(reads=reads, in_place=lambda _: self.fixed_ports)
        return Autoscaler(
            start_work=self.store.start_work,
            reads=reads,
            gateways=self.store.gateways,
            watch=Watch(reads=reads, log=self.store.log, ceilings=ceilings),
            lease=lambda shard: self.leases.get(shard),
            clock=self.clock,
        )

    async def take_leases(self, plane: str = "one") -> None:
        now = self.clock()
        taken = await self.store.leases.renew(plane, now, now + FOREVER)
        self.leases = {lease.shard: lease for lease in taken}

    async def look(self, times: int = 1) -> None:
        """Each two seconds after the one before, with a gateway that has just reported."""
        for _ in range(times):
            self.clock.advance(timedelta(seconds=2))
            report = GatewayReport(
                gateway="g",
                position=0,
                in_flight=dict(self.in_flight),
                held=dict(self.held),
                arrived=dict(self.arrived),
                seen_at=self.clock(),
            )
            await self.store.gateways.report(report)
            assert await self.autoscaler.look() == 2

    async def a_deployment(self, *rules: AutoscalingRule, **said: Any) -> Deployment:
        """READY, with an active revision and these rules."""
        deployment = serving(project_id=self.store.default.id, **said)
        revision = a_revision(deployment)
        deployment = replace(deployment, active_revision_id=revision.id)
        async with self.work() as w:
            await w.deployments.add(deployment)
            await w.revisions.add(revision)
            for rule in rules:
                await w.rules.add(of(rule, deployment))
        return deployment

    async def a_replica(self, deployment: Deployment, in_flight: int = 0) -> str:
        replica = a_replica(deployment)
        async with self.work() as w:
            await w.replicas.add(replica)
        self.in_flight[replica.id] = in_flight
        return replica.id

    async def change(self, deployment: Deployment, **said: Any) -> None:
        """As a user's or the reconciler's decision, with an event."""
        changed = replace(await self.now_of(deployment), **said)
        async with self.work() as w:
            await w.deployments.put(changed)
            fact = DeploymentStatusChanged(
                deployment_id=deployment.id,
                status_before=changed.status,
                status_after=changed.status,
            )
            w.record(deployment.project_id, fact)

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        async with self.store.start_work("ada", "request:1") as w:
            yield w

    async def now_of(self, deployment: Deployment) -> Deployment:
        return (await self.store.reads.deployments.by_ids([deployment.id]))[deployment.id]

    async def desired(self, deployment: Deployment) -> int:
        return (await self.now_of(deployment)).desired_replicas

    async def scalings(self) -> list[DeploymentScaled]:
        events = await self.store.log.read(None, 1_000, Scope())
        return [e.fact for e in events if isinstance(e.fact, DeploymentScaled)]


@pytest.fixture
async def plane(clock: TestClock) -> Plane:
    plane = Plane(clock=clock, store=MemoryStore(clock=clock))
    await plane.take_leases()
    return plane


async def test_a_deployment_follows_its_load_and_its_etag_does_not_change(plane: Plane) -> None:
    deployment = await plane.a_deployment(rule := a_rule(target=4))
    for in_flight in (5, 6):
        await plane.a_replica(deployment, in_flight)
    await plane.look()
    now = await plane.now_of(deployment)
    assert now == replace(deployment, desired_replicas=3)
    assert now.etag == deployment.etag
    (event,) = await plane.store.log.read(None, 9, Scope())
    assert (event.actor, event.subject_id) == ("autoscaler", deployment.id)
    assert event.fact == DeploymentScaled(
        deployment_id=deployment.id,
        replicas_before=1,
        replicas_after=3,
        rule_id=rule.id,
        metric=Metric.IN_FLIGHT,
        measured=11.0,
        target=4.0,
        note="11 requests in flight now, 4 for each replica.",
    )
    (kept,) = (await plane.store.reads.rules.of([deployment.id]))[deployment.id]
    assert kept.last_scaled_at is not None
    (due,) = await plane.store.reads.due.due([shard_of(deployment.id)], plane.clock(), 9)
    assert (due.deployment_id, due.asked) == (deployment.id, 1)


async def test_what_is_over_takes_replicas_away_after_the_cooldown(plane: Plane) -> None:
    deployment = await plane.a_deployment(a_rule(cooldown_down=60))
    replica = await plane.a_replica(deployment, 20)
    await plane.look()
    assert await plane.desired(deployment) == 5
    plane.in_flight[replica] = 2
    await plane.look(times=29)
    assert await plane.desired(deployment) == 5
    await plane.look(times=2)
    assert await plane.desired(deployment) == 1


async def test_a_rate_is_followed(plane: Plane) -> None:
    deployment = await plane.a_deployment(a_rule(metric=Metric.REQUEST_RATE, target=2))
    for _ in range(10):
        plane.arrived[deployment.id] = plane.arrived.get(deployment.id, 0) + 14
        await plane.look()
    (scaled,) = await plane.scalings()
    assert (scaled.replicas_after, scaled.metric) == (4, Metric.REQUEST_RATE)
    assert scaled.measured == pytest.approx(7, rel=0.01)


async def test_deployments_without_rules_and_those_of_other_planes_are_left_alone(
    plane: Plane,
) -> None:
    free = await plane.a_deployment()
    theirs = await plane.a_deployment(a_rule())
    del plane.leases[shard_of(theirs.id)]
    for deployment in (free, theirs):
        await plane.a_replica(deployment, 99)
    await plane.look(times=3)
    assert await plane.scalings() == []
    await plane.take_leases()
    await plane.look()
    assert [fact.deployment_id for fact in await plane.scalings()] == [theirs.id]


async def test_a_lost_lease_scales_nothing(plane: Plane) -> None:
    deployment = await plane.a_deployment(a_rule())
    await plane.a_replica(deployment, 99)
    await plane.store.leases.leave("one")
    await plane.store.leases.renew("two", plane.clock(), plane.clock() + FOREVER)
    await plane.look(times=3)
    assert await plane.scalings() == []


async def test_nothing_is_scaled_while_a_rollout_lives(plane: Plane) -> None:
    deployment = await plane.a_deployment(a_rule())
    await plane.a_replica(deployment, 99)
    rollout = a_rollout(deployment)
    async with plane.work() as w:
        await w.rollouts.add(rollout)
    await plane.look(times=3)
    assert await plane.scalings() == []
    async with plane.work() as w:
        await w.rollouts.remove(rollout.id)
    await plane.change(deployment)
    await plane.look()
    assert await plane.desired(deployment) == 10


async def test_a_rollout_that_began_just_now_is_seen_before_anything_is_written(
    plane: Plane,
) -> None:
    """It is there, and its event is not yet heard of."""
    deployment = await plane.a_deployment(a_rule(cooldown_up=0))
    replica = await plane.a_replica(deployment, 1)
    await plane.look()
    async with plane.work() as w:
        await w.rollouts.add(a_rollout(deployment))
    plane.in_flight[replica] = 99
    await plane.look(times=2)
    assert await plane.scalings() == []


async def test_a_rule_and_a_number_that_changed_unheard_are_read_again(plane: Plane) -> None:
    deployment = await plane.a_deployment(rule := a_rule(cooldown_up=0, cooldown_down=0))
    replica = await plane.a_replica(deployment, 1)
    await plane.look()
    (known,) = (await plane.store.reads.rules.of([deployment.id]))[deployment.id]
    async with plane.work() as w:
        await w.rules.put(replace(known, max_replicas=2))
        await w.deployments.put(replace(deployment, desired_replicas=3))
    plane.in_flight[replica] = 99
    await plane.look()
    assert await plane.scalings() == []
    await plane.look()
    (scaled,) = await plane.scalings()
    assert (scaled.rule_id, scaled.replicas_before, scaled.replicas_after) == (rule.id, 3, 2)


async def test_rules_that_come_change_and_go_are_heard_of(plane: Plane) -> None:
    deployment = await plane.a_deployment()
    await plane.a_replica(deployment, 8)
    await plane.look()
    service = Autoscaling(
        start_work=plane.store.start_work, reads=plane.store.reads, clock=plane.clock, new_id=new_id
    )
    caller = a_caller(deployment.project_id)
    new = NewRule(deployment_id=deployment.id, metric=Metric.IN_FLIGHT, target=4, max_replicas=9)
    rule = await service.create(caller, new)
    await plane.look()
    assert await plane.desired(deployment) == 2
    await service.update(caller, rule.id, {"max_replicas": 1})
    await plane.look()
    assert await plane.desired(deployment) == 1
    await service.delete(caller, rule.id)
    await plane.look(times=40)
    assert len(await plane.scalings()) == 2


async def test_a_revision_with_a_fixed_port_is_not_scaled_beyond_one(plane: Plane) -> None:
    plane.fixed_ports = True
    deployment = await plane.a_deployment(a_rule(min_replicas=2))
    await plane.a_replica(deployment, 99)
    await plane.look(times=3)
    assert await plane.scalings() == []


async def test_what_was_at_rest_for_long_follows_its_load_at_once(plane: Plane) -> None:
    deployment = await plane.a_deployment(a_rule(target=4))
    await plane.look(times=60)
    await plane.a_replica(deployment, 12)
    await plane.look()
    assert await plane.desired(deployment) == 3


async def test_who_starts_anew_takes_nothing_away_before_it_has_seen_enough(plane: Plane) -> None:
    deployment = await plane.a_deployment(a_rule(cooldown_down=60), desired_replicas=5)
    await plane.a_replica(deployment, 1)
    await plane.look(times=29)
    plane.autoscaler = plane.an_autoscaler()
    await plane.look(times=29)
    assert await plane.scalings() == []
    await plane.look(times=2)
    assert await plane.desired(deployment) == 1


async def test_a_lease_that_comes_back_begins_a_new_observation(plane: Plane) -> None:
    deployment = await plane.a_deployment(a_rule(cooldown_down=10), desired_replicas=5)
    await plane.a_replica(deployment, 1)
    await plane.look(times=5)
    leases, plane.leases = plane.leases, {}
    await plane.look()
    plane.leases = leases
    await plane.look(times=4)
    assert await plane.scalings() == []


async def test_what_was_deleted_is_left_alone(plane: Plane) -> None:
    deployment = await plane.a_deployment(a_rule())
    await plane.a_replica(deployment, 1)
    await plane.look()
    await plane.change(deployment, status=DeploymentStatus.STOPPING, deleted_at=plane.clock())
    plane.in_flight = dict.fromkeys(plane.in_flight, 99)
    await plane.look(times=3)
    assert await plane.scalings() == []


async def test_a_log_that_begins_anew_is_no_reason_to_miss_a_rule(plane: Plane) -> None:
    deployment = await plane.a_deployment()
    await plane.a_replica(deployment, 8)
    await plane.look()
    async with plane.work() as w:
        await w.rules.add(a_rule(deployment))
    await plane.store.renew_epoch()
    await plane.look()
    assert await plane.desired(deployment) == 2


async def test_without_rules_a_look_asks_for_the_logs_head_alone(plane: Plane) -> None:
    """And with rules, while nothing happens, for the gateways' reports too."""
    await plane.a_deployment()
    await plane.look()
    plane.asked.clear()
    await plane.look(times=10)
    assert plane.asked == []
    deployment = await plane.a_deployment(a_rule())
    await plane.a_replica(deployment, 1)
    await plane.change(deployment)
    await plane.look()
    assert plane.asked != []
    plane.asked.clear()
    await plane.look(times=10)
    assert plane.asked == []
