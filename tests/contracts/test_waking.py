import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from domain.autoscaling.rule import AutoscalingRule, Metric
from domain.autoscaling.wake import Waking
from domain.autoscaling.watch import Ceilings
from domain.deployments.deployment import Deployment, DeploymentStatus
from domain.deployments.facts import DeploymentScaled
from domain.deployments.ports import GatewayReport
from domain.deployments.reason import Reason
from domain.deployments.shards import shard_of
from domain.events import Scope
from tests.conftest import AnyStore
from tests.support.builders import a_revision
from tests.support.clock import TestClock
from tests.support.scaling import a_rollout, a_rule, of, serving


@dataclass
class Sleep:
    """Deployments without replicas, in any store."""

    store: AnyStore
    clock: TestClock
    fixed_ports: bool = False

    def __post_init__(self) -> None:
        self.waking = self.a_gateways_own()

    def a_gateways_own(self) -> Waking:
        reads = self.store.reads
        return Waking(
            start_work=self.store.start_work,
            reads=reads,
            gateways=self.store.gateways,
            ceilings=Ceilings(reads=reads, in_place=lambda _: self.fixed_ports),
            clock=self.clock,
        )

    async def a_deployment(self, *rules: AutoscalingRule, **said: Any) -> Deployment:
        """With an active revision, READY and without replicas unless it says otherwise."""
        project = await self.store.reads.projects.named("default")
        assert project is not None
        deployment = serving(**{"project_id": project.id, "desired_replicas": 0, **said})
        revision = a_revision(deployment)
        if deployment.active_revision_id is not None:
            deployment = replace(deployment, active_revision_id=revision.id)
        async with self.store.start_work("ada", "request:1") as w:
            await w.deployments.add(deployment)
            await w.revisions.add(revision)
            for rule in rules:
                await w.rules.add(of(rule, deployment))
        return deployment

    async def holds(self, deployment: Deployment, *counts: int) -> None:
        """Each gateway so many requests."""
        for place, count in enumerate(counts):
            report = GatewayReport(
                gateway=f"g{place}",
                position=0,
                in_flight={},
                held={deployment.id: count},
                arrived={},
                seen_at=self.clock(),
            )
            await self.store.gateways.report(report)

    async def desired(self, deployment: Deployment) -> int:
        found = await self.store.reads.deployments.by_ids([deployment.id])
        return found[deployment.id].desired_replicas

    async def scalings(self) -> list[Any]:
        events = await self.store.log.read(None, 1_000, Scope())
        return [event.fact for event in events]


@pytest.fixture
def sleep(store: AnyStore, clock: TestClock) -> Sleep:
    return Sleep(store, clock)


async def test_held_requests_bring_the_first_replicas_at_once(sleep: Sleep) -> None:
    rule = a_rule(target=4, min_replicas=0, last_scaled_at=sleep.clock(), cooldown_up=9_999)
    deployment = await sleep.a_deployment(rule)
    await sleep.holds(deployment, 3, 6)
    await sleep.waking.wake(deployment.id)
    assert await sleep.scalings() == [
        DeploymentScaled(
            deployment_id=deployment.id,
            replicas_before=0,
            replicas_after=3,
            rule_id=rule.id,
            metric=Metric.IN_FLIGHT,
            measured=9.0,
            target=4.0,
            note="9 requests held.",
        )
    ]
    now = (await sleep.store.reads.deployments.by_ids([deployment.id]))[deployment.id]
    assert now == replace(deployment, desired_replicas=3)
    (kept,) = (await sleep.store.reads.rules.of([deployment.id]))[deployment.id]
    assert kept.last_scaled_at is not None
    assert rule.last_scaled_at is not None
    assert kept.last_scaled_at > rule.last_scaled_at
    later = sleep.clock() + timedelta(seconds=1)
    (due,) = await sleep.store.reads.due.due([shard_of(deployment.id)], later, 9)
    assert due.deployment_id == deployment.id


async def test_a_request_that_no_report_tells_of_yet_brings_one(sleep: Sleep) -> None:
    deployment = await sleep.a_deployment(a_rule(min_replicas=0))
    await sleep.waking.wake(deployment.id)
    assert await sleep.desired(deployment) == 1


async def test_a_rule_on_the_rate_wakes_too(sleep: Sleep) -> None:
    rule = a_rule(metric=Metric.REQUEST_RATE, min_replicas=0, target=0.1)
    deployment = await sleep.a_deployment(rule)
    await sleep.holds(deployment, 7)
    await sleep.waking.wake(deployment.id)
    (scaled,) = await sleep.scalings()
    assert (scaled.replicas_after, scaled.measured, scaled.note) == (1, None, "7 requests held.")


async def test_however_many_wake_it_at_once_it_is_woken_once(sleep: Sleep) -> None:
    deployment = await sleep.a_deployment(a_rule(min_replicas=0))
    gateways = [sleep.waking, sleep.a_gateways_own(), sleep.a_gateways_own()]
    await asyncio.gather(*(gateways[n % 3].wake(deployment.id) for n in range(30)))
    await sleep.waking.wake(deployment.id)
    assert len(await sleep.scalings()) == 1


async def test_no_more_come_than_the_rule_or_a_fixed_port_allow(sleep: Sleep) -> None:
    few = await sleep.a_deployment(a_rule(min_replicas=0, max_replicas=2))
    await sleep.holds(few, 99)
    await sleep.waking.wake(few.id)
    sleep.fixed_ports = True
    fixed = await sleep.a_deployment(a_rule(min_replicas=0))
    await sleep.holds(fixed, 99)
    await sleep.waking.wake(fixed.id)
    assert (await sleep.desired(few), await sleep.desired(fixed)) == (2, 1)


async def test_during_a_rollout_one_replica_comes(sleep: Sleep) -> None:
    deployment = await sleep.a_deployment(a_rule(min_replicas=0))
    async with sleep.store.start_work("ada", "request:1") as w:
        stored = (await sleep.store.reads.deployments.by_ids([deployment.id]))[deployment.id]
        await w.rollouts.add(a_rollout(stored))
    await sleep.holds(deployment, 99)
    await sleep.waking.wake(deployment.id)
    assert await sleep.desired(deployment) == 1


@pytest.mark.parametrize(
    "said",
    [
        {"rules": []},
        {"rules": [a_rule(min_replicas=1)]},
        {"active_revision_id": None, "status": DeploymentStatus.PENDING},
        {"status": DeploymentStatus.STOPPING},
    ],
    ids=["no rule", "min 1", "nothing active", "deleted"],
)
async def test_what_does_not_sleep_by_a_rule_is_not_woken(
    sleep: Sleep, clock: TestClock, said: dict[str, Any]
) -> None:
    said = {"rules": [a_rule(min_replicas=0)], **said}
    if said.get("status") is DeploymentStatus.STOPPING:
        said["deleted_at"] = clock()
    deployment = await sleep.a_deployment(*said.pop("rules"), **said)
    assert not await sleep.waking.wakes([deployment.id])
    await sleep.waking.wake(deployment.id)
    assert await sleep.scalings() == []


async def test_an_id_of_nothing_wakes_nothing(sleep: Sleep) -> None:
    await sleep.waking.wake("0" * 32)
    assert not await sleep.waking.wakes(["0" * 32])
    assert await sleep.scalings() == []


async def test_requests_wait_where_a_rule_allows_no_replicas_until_some_serve(
    sleep: Sleep,
) -> None:
    """Also those that come while the first replica starts."""
    asleep = await sleep.a_deployment(a_rule(min_replicas=0))
    starting = await sleep.a_deployment(
        a_rule(min_replicas=0),
        desired_replicas=1,
        status=DeploymentStatus.DEGRADED,
        reason=Reason.REPLICAS_STARTING,
    )
    always = await sleep.a_deployment(a_rule(), desired_replicas=1)
    ids = [each.id for each in (asleep, starting, always)]
    assert await sleep.waking.wakes(ids) == {asleep.id, starting.id}
