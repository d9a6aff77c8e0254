"""The loop over the store in memory, with a driver and a time that the tests own."""

from dataclasses import replace

from domain.deployments.deployment import DeploymentStatus
from domain.deployments.replica import ReplicaStatus
from tests.support.planes import Yard

S = ReplicaStatus


async def test_a_hint_leads_to_action_before_any_time_passes() -> None:
    yard = Yard()
    async with yard.plane() as plane:
        deployment = await yard.deployment(desired=2)
        await yard.timer.pass_(0)
        assert len(plane.driver.started) == 2
        assert await yard.statuses(deployment) == [S.HEALTHY, S.HEALTHY]


async def test_a_deployment_gets_ready_once_its_replicas_are_healthy() -> None:
    yard = Yard()
    async with yard.plane() as plane:
        deployment = await yard.deployment(desired=2)
        await yard.timer.pass_(1)
        now = await yard.now(deployment)
        assert now.status is DeploymentStatus.READY
        assert now.active_revision_id is not None
        assert plane.logger.named("a deployment could not be reconciled") == []
