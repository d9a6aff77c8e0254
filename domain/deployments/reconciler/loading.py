"""From deployments' ids to all that the plan has to know of them, with one statement for each kind."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from domain.definitions.render import has_fixed_port
from domain.deployments.deployment import FINAL, Deployment, Revision
from domain.deployments.ports import Driver, Lease
from domain.deployments.reconciler.barriers import Barriers
from domain.deployments.reconciler.tenure import Tenure
from domain.deployments.replica import ReplicaGroup, ReplicaStatus
from domain.deployments.rollout import Rollout
from domain.deployments.shards import shard_of
from domain.deployments.situation import Patience, Situation
from domain.work import Due, EventLog, Reads

REVISIONS_REMEMBERED = 50_000

InPlace = Callable[[Revision], bool]


@dataclass(frozen=True, slots=True)
class Look:
    """A deployment as it was seen under a lease."""

    due: Due
    lease: Lease
    situation: Situation

    @property
    def deployment_id(self) -> str:
        return self.due.deployment_id

    @property
    def is_over(self) -> bool:
        """Nothing will ever have to be done about it again."""
        return self.situation.deployment.status in FINAL and not self.situation.replicas


def fixed_port(revision: Revision) -> bool:
    """Whether two replicas of it can't run side by side on one host."""
    services = (model.service for model in revision.definition.models)
    return any(has_fixed_port(service.start_command) for service in services if service)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loader:
    """`in_place` says which revisions can't have two replicas on this driver; a revision never
    changes, so that each is asked once."""

    reads: Reads
    log: EventLog
    driver: Driver
    tenure: Tenure
    barriers: Barriers
    in_place: InPlace
    patience: Patience
    _asked: dict[str, bool] = field(default_factory=dict)

    async def load(self, deployment_ids: Collection[str]) -> Sequence[Look]:
        """Those that are this plane's; whoever asks later for a look is noticed by the `due` of each,
        which is read before everything else."""
        leases = {i: self.tenure.lease(shard_of(i)) for i in deployment_ids}
        own = {i: lease for i, lease in leases.items() if lease is not None}
        if not own:
            return ()
        looks = await self.reads.due.of(own)
        deployments, rollouts, groups, replicas = await asyncio.gather(
            self.reads.deployments.by_ids(own),
            self.reads.rollouts.live(own),
            self.reads.groups.of(own),
            self.reads.replicas.present(own),
        )
        present = [replica for each in replicas.values() for replica in each]
        observed = await self.driver.observe(present) if present else {}
        if self.barriers.lacking(present):
            self.barriers.set(present, (await self.log.head()).position)
        in_place = await self._in_place(
            {i for d in deployments.values() for i in _revisions(d, rollouts, groups)}
        )
        return [
            Look(
                due=looks[deployment.id],
                lease=own[deployment.id],
                situation=Situation(
                    deployment=deployment,
                    rollout=rollouts.get(deployment.id),
                    groups=tuple(groups.get(deployment.id, ())),
                    replicas=(mine := tuple(replicas.get(deployment.id, ()))),
                    observed={r.id: observed[r.id] for r in mine if r.id in observed},
                    unused=self.barriers.passed(mine, ReplicaStatus.DRAINING),
                    known=self.barriers.passed(mine, ReplicaStatus.HEALTHY),
                    in_place=in_place.intersection(_revisions(deployment, rollouts, groups)),
                    patience=self.patience,
                ),
            )
            for deployment in deployments.values()
            if deployment.id in looks
        ]

    async def _in_place(self, revision_ids: Collection[str]) -> frozenset[str]:
        if len(self._asked) > REVISIONS_REMEMBERED:
            self._asked.clear()
        new = [i for i in revision_ids if i not in self._asked]
        if new:
            revisions = await self.reads.revisions.by_ids(new)
            self._asked.update({i: self.in_place(revision) for i, revision in revisions.items()})
        return frozenset(i for i in revision_ids if self._asked.get(i))


def _revisions(
    deployment: Deployment,
    rollouts: Mapping[str, Rollout],
    groups: Mapping[str, Sequence[ReplicaGroup]],
) -> frozenset[str]:
    """The ids of those that it runs or may run next."""
    rollout = rollouts.get(deployment.id)
    wanted = (deployment.active_revision_id, rollout and rollout.revision_id)
    running = (group.revision_id for group in groups.get(deployment.id, ()))
    return frozenset(i for i in (*wanted, *running) if i)
