"""What gateways know decides when a replica may go, and when a deployment is ready."""

from datetime import timedelta

from domain.deployments.deployment import DeploymentStatus
from domain.deployments.facts import ReplicaDraining
from domain.deployments.reason import Reason
from domain.deployments.replica import Replica, ReplicaStatus
from domain.deployments.situation import Patience
from tests.support.yard import Yard

D, S = DeploymentStatus, ReplicaStatus


async def a_draining_replica(yard: Yard) -> Replica:
    """Of a deployment that was ready, and that a user scaled to none."""
    await yard.gateway("g")
    deployment = await yard.deployment()
    await yard.timer.pass_(0)
    await yard.gateway("g")
    await yard.timer.pass_(1)
    assert await yard.status(deployment) is D.READY
    await yard.change(deployment.id, desired_replicas=0)
    await yard.timer.pass_(1)
    [replica] = await yard.replicas(deployment)
    assert replica.status is S.DRAINING
    return replica


async def test_a_deployment_is_ready_only_when_every_living_gateway_knows_its_replicas() -> None:
    yard = Yard()
    await yard.gateway("one")
    await yard.gateway("two")
    async with yard.plane():
        deployment = await yard.deployment()
        await yard.timer.pass_(0)
        assert await yard.statuses(deployment) == [S.HEALTHY]
        assert (await yard.now(deployment)).reason is Reason.GATEWAYS_LEARNING
        await yard.gateway("one")
        await yard.timer.pass_(1)
        assert await yard.status(deployment) is D.DEPLOYING
        await yard.gateway("two")
        await yard.timer.pass_(0.2)
        assert await yard.status(deployment) is D.READY


async def test_a_gateway_that_fell_silent_is_not_waited_for() -> None:
    yard = Yard()
    await yard.gateway("gone")
    async with yard.plane():
        deployment = await yard.deployment()
        await yard.timer.pass_(9)
        assert await yard.status(deployment) is D.DEPLOYING
        await yard.timer.pass_(2)
        assert await yard.status(deployment) is D.READY


async def test_a_draining_replica_is_not_stopped_before_every_gateway_knows() -> None:
    yard = Yard()
    async with yard.plane() as plane:
        replica = await a_draining_replica(yard)
        [drained] = [e for e in await yard.events() if isinstance(e.fact, ReplicaDraining)]
        for _ in range(20):
            await yard.gateway("g", position=drained.position - 1)
            await yard.timer.pass_(1)
        assert plane.driver.stopped == []
        await yard.gateway("g")
        await yard.timer.pass_(0.2)
        assert plane.driver.stopped == [replica.id]


async def test_a_draining_replica_finishes_its_requests_first() -> None:
    yard = Yard()
    async with yard.plane() as plane:
        replica = await a_draining_replica(yard)
        for _ in range(20):
            await yard.gateway("g", **{replica.id: 1})
            await yard.timer.pass_(1)
        assert plane.driver.stopped == []
        await yard.gateway("g", **{replica.id: 0})
        await yard.timer.pass_(0.2)
        assert plane.driver.stopped == [replica.id]


async def test_each_gateway_has_a_say_in_a_drain() -> None:
    yard = Yard()
    async with yard.plane() as plane:
        replica = await a_draining_replica(yard)
        await yard.gateway("other", **{replica.id: 2})
        await yard.gateway("g")
        await yard.timer.pass_(5)
        assert plane.driver.stopped == []
        await yard.gateway("other")
        await yard.timer.pass_(0.2)
        assert plane.driver.stopped == [replica.id]


async def test_a_drain_is_over_after_the_drain_timeout() -> None:
    yard = Yard()
    patience = Patience(drain=timedelta(seconds=30))
    async with yard.plane(patience=patience) as plane:
        replica = await a_draining_replica(yard)
        for _ in range(28):
            await yard.gateway("g", **{replica.id: 1})
            await yard.timer.pass_(1)
        assert plane.driver.stopped == []
        for _ in range(3):
            await yard.gateway("g", **{replica.id: 1})
            await yard.timer.pass_(1)
        assert plane.driver.stopped == [replica.id]


async def test_a_plane_that_begins_during_a_drain_waits_for_gateways_too() -> None:
    yard = Yard()
    async with yard.plane("one"):
        replica = await a_draining_replica(yard)
        await yard.gateway("g", position=0)
    async with yard.plane("two") as two:
        await yard.timer.pass_(5)
        assert two.driver.stopped == []
        await yard.gateway("g")
        await yard.timer.pass_(1)
        assert two.driver.stopped == [replica.id]
