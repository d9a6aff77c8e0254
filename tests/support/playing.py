"""Plays the reconciler: writes rows and facts as it would, through units of work."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from domain.deployments.deployment import Deployment, DeploymentStatus, Revision
from domain.deployments.facts import (
    DeploymentDeleted,
    DeploymentStatusChanged,
    ReplicaBecameHealthy,
    ReplicaExited,
    ReplicaStarted,
    RolloutSucceeded,
)
from domain.deployments.reason import Reason
from domain.deployments.replica import Endpoint, Replica, ReplicaGroup, ReplicaStatus
from domain.deployments.rollout import Rollout, RolloutStatus
from domain.deployments.strategy import Rolling, Strategy
from domain.events import Fact
from domain.work import Reads, StartWork, Work
from tests.support.house import House


@dataclass(frozen=True)
class Player:
    house: House

    async def deployed(
        self, revisions: int = 1, *, replicas: int = 1, strategy: Strategy | None = None
    ) -> tuple[Deployment, Sequence[Revision]]:
        """A deployment with so many revisions, of which nothing was ever activated."""
        house = self.house
        made = await house.a_deployment(f"d-{uuid4().hex[:8]}", replicas=replicas)
        await house.deployments.update(
            house.caller, made.id, {"strategy": strategy or Rolling(max_surge=1)}
        )
        request = await house.a_request(deployment_id=made.id)
        added = [
            await house.deployments.add_revision(house.caller, request) for _ in range(revisions)
        ]
        return await self.deployment(made.id), added

    async def deployment(self, id: str) -> Deployment:
        return (await self.house.store.reads.deployments.by_ids([id]))[id]

    async def live(self, deployment_id: str) -> Rollout | None:
        return (await self.house.store.reads.rollouts.live([deployment_id])).get(deployment_id)

    async def promote(self, deployment_id: str) -> Deployment:
        """The live rollout succeeds: its revision is the active one, and READY."""
        store = self.house.store
        return await promoted(store.start_work, store.reads, deployment_id, self.house.clock())

    async def become(
        self, deployment_id: str, status: DeploymentStatus, reason: Reason | None = None
    ) -> Deployment:
        async with self.work() as work:
            deployment = await work.deployments.lock(deployment_id)
            assert deployment is not None
            return await _become(work, deployment, status, reason)

    async def put(self, rollout: Rollout) -> Rollout:
        async with self.work() as work:
            await work.rollouts.put(rollout)
        return rollout

    async def group(self, revision: Revision, **said: Any) -> ReplicaGroup:
        """The revision's group, made if it is not there."""
        groups = (await self.house.store.reads.groups.of([revision.deployment_id])).get(
            revision.deployment_id, ()
        )
        for found in groups:
            if found.revision_id == revision.id:
                return found
        made = ReplicaGroup(
            id=uuid4().hex,
            project_id=revision.project_id,
            deployment_id=revision.deployment_id,
            revision_id=revision.id,
            revision_number=revision.number,
            created_at=self.house.clock(),
            **said,
        )
        async with self.work() as work:
            await work.groups.add(made)
        return made

    async def start(self, revision: Revision, **said: Any) -> Replica:
        group, now = await self.group(revision), self.house.clock()
        replica = Replica(
            **{
                "id": uuid4().hex,
                "project_id": revision.project_id,
                "deployment_id": revision.deployment_id,
                "group_id": group.id,
                "revision_id": revision.id,
                "revision_number": revision.number,
                "status": ReplicaStatus.STARTING,
                "status_since": now,
                "endpoints": (Endpoint(model="echo-model", host="127.0.0.1", port=20_000),),
                "created_at": now,
                **said,
            }
        )
        fact = ReplicaStarted(
            deployment_id=replica.deployment_id,
            replica_id=replica.id,
            revision_id=revision.id,
            number=revision.number,
        )
        async with self.work() as work:
            await work.replicas.add(replica)
            work.record(replica.project_id, fact)
        return replica

    async def heal(self, replica: Replica) -> Replica:
        now = self.house.clock()
        healthy = replace(
            replica, status=ReplicaStatus.HEALTHY, status_since=now, first_healthy_at=now
        )
        fact = ReplicaBecameHealthy(
            deployment_id=replica.deployment_id,
            replica_id=replica.id,
            number=replica.revision_number,
        )
        return await self.move(healthy, fact)

    async def exit(self, replica: Replica, code: int | None = 0) -> Replica:
        now = self.house.clock()
        gone = replace(
            replica,
            status=ReplicaStatus.EXITED,
            status_since=now,
            exited_at=now,
            exit_code=code,
        )
        fact = ReplicaExited(
            deployment_id=replica.deployment_id,
            replica_id=replica.id,
            number=replica.revision_number,
            wanted=True,
            exit_code=code,
            reason=None,
            message="",
        )
        return await self.move(gone, fact)

    async def move(self, replica: Replica, *facts: Fact) -> Replica:
        async with self.work() as work:
            await work.replicas.put(replica)
            for fact in facts:
                work.record(replica.project_id, fact)
        return replica

    async def stopped(self, deployment_id: str) -> Deployment:
        """The last step of a deletion."""
        async with self.work() as work:
            deployment = await work.deployments.lock(deployment_id)
            assert deployment is not None
            changed = await _become(work, deployment, DeploymentStatus.STOPPED, deployment.reason)
            fact = DeploymentDeleted(deployment_id=deployment_id, name=deployment.name)
            work.record(deployment.project_id, fact)
        return changed

    async def record(self, project_id: str, *facts: Fact) -> None:
        async with self.work() as work:
            for fact in facts:
                work.record(project_id, fact)

    def work(self) -> Any:
        return self.house.store.start_work("reconciler", "sweep")


async def promoted(
    start_work: StartWork, reads: Reads, deployment_id: str, now: datetime
) -> Deployment:
    """As `Player.promote`, in any store."""
    live = (await reads.rollouts.live([deployment_id]))[deployment_id]
    async with start_work("reconciler", "sweep") as work:
        deployment = await work.deployments.lock(deployment_id)
        assert deployment is not None
        ended = replace(live, status=RolloutStatus.SUCCEEDED, status_since=now, finished_at=now)
        await work.rollouts.put(ended)
        fact = RolloutSucceeded(
            deployment_id=deployment_id,
            rollout_id=live.id,
            revision_id=live.revision_id,
            number=live.revision_number,
            duration_seconds=(now - live.created_at).total_seconds(),
        )
        work.record(live.project_id, fact)
        active = replace(deployment, active_revision_id=live.revision_id)
        return await _become(work, active, DeploymentStatus.READY)


async def _become(
    work: Work, deployment: Deployment, status: DeploymentStatus, reason: Reason | None = None
) -> Deployment:
    changed = replace(deployment, status=status, reason=reason)
    await work.deployments.put(changed)
    fact = DeploymentStatusChanged(
        deployment_id=deployment.id,
        status_before=deployment.status,
        status_after=status,
        reason=reason,
    )
    work.record(deployment.project_id, fact)
    return changed
