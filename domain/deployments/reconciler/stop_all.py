"""`serve --stop-replicas`: what a control plane looks after ends with it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.clock import Clock, Timer
from domain.deployments.facts import ReplicaStopping
from domain.deployments.ports import Driver, Lease, Sight
from domain.deployments.reason import Reason
from domain.deployments.reconciler.applying import ACTOR
from domain.deployments.reconciler.tenure import Tenure
from domain.deployments.replica import Replica, ReplicaStatus
from domain.deployments.situation import Patience
from domain.work import Reads, StartWork

LOOK_EVERY = 0.1
AFTER_GRACE = 5.0
GONE = frozenset({Sight.ABSENT, Sight.EXITED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Replicas become STOPPING and are ended, all at once. That they exited is written by whichever
    plane looks at them next; it then starts others in their place."""

    reads: Reads
    start_work: StartWork
    driver: Driver
    tenure: Tenure
    patience: Patience
    clock: Clock
    timer: Timer
    _never: asyncio.Event = field(default_factory=asyncio.Event)

    async def end_all(self) -> int:
        """How many are left when all patience is over. Raises StorageUnavailable."""
        ids = await self.reads.due.running(self.tenure.shards())
        looks, present = await asyncio.gather(
            self.reads.due.of(ids), self.reads.replicas.present(ids)
        )
        ending: list[Replica] = []
        for deployment_id, replicas in present.items():
            lease = self.tenure.lease(looks[deployment_id].shard)
            if lease is not None and await self._told(lease, replicas):
                ending += replicas
        for replica in ending:
            await self.driver.stop(replica, self.patience.grace)
        return await self._left(ending)

    async def _told(self, lease: Lease, replicas: Sequence[Replica]) -> bool:
        """Whether the rows say now that they are stopping."""
        now = self.clock()
        async with self.start_work(ACTOR, "stop") as work:
            if not await work.holds(lease):
                return False
            for replica in replicas:
                if replica.status is not ReplicaStatus.STOPPING:
                    await work.replicas.put(_stopping(replica, now))
                    work.record(replica.project_id, _fact(replica))
                await work.look(replica.deployment_id, now)
        return True

    async def _left(self, replicas: Sequence[Replica]) -> int:
        until = self.timer.now() + self.patience.grace.total_seconds() + AFTER_GRACE
        left = list(replicas)
        while left and self.timer.now() < until:
            seen = await self.driver.observe(left)
            left = [r for r in left if r.id not in seen or seen[r.id].sight not in GONE]
            if left:
                await self.timer.wait(self._never, LOOK_EVERY)
        return len(left)


def _stopping(replica: Replica, now: datetime) -> Replica:
    return replace(
        replica,
        status=ReplicaStatus.STOPPING,
        status_since=now,
        reason=Reason.SERVER_STOPPED,
        message="",
    )


def _fact(replica: Replica) -> ReplicaStopping:
    return ReplicaStopping(
        deployment_id=replica.deployment_id,
        replica_id=replica.id,
        number=replica.revision_number,
        reason=Reason.SERVER_STOPPED,
    )
