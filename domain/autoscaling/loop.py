"""The loop that has deployments follow their load: those of its control plane's shards."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.autoscaling.apply import ACTOR, apply
from domain.autoscaling.decide import Scaling, decide, is_at_rest
from domain.autoscaling.load import Load, observe, reported
from domain.autoscaling.watch import Watch, Watched
from domain.clock import Clock
from domain.deployments.deployment import Deployment
from domain.deployments.ports import GatewayReport, Gateways, Lease
from domain.deployments.shards import shard_of
from domain.work import Reads, StartWork, Work

LOOK_EVERY = 2.0  # seconds
AT_ONCE = 100  # deployments, between which others go on
CAUSE = "sweep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscaler:
    """`lease` gives this plane's lease of a shard. What was seen of a load is kept in memory alone:
    whoever takes over begins anew, and takes nothing away before it has seen enough."""

    start_work: StartWork
    reads: Reads
    gateways: Gateways
    watch: Watch
    lease: Callable[[int], Lease | None]
    clock: Clock
    _loads: dict[str, Load] = field(default_factory=dict)
    _owners: dict[str, str] = field(default_factory=dict)

    async def look(self) -> float:
        """Once at all; after how many seconds to look again. Raises StorageUnavailable."""
        watched = await self.watch.current()
        leases = {i: lease for i in watched if (lease := self.lease(shard_of(i))) is not None}
        for lost in self._loads.keys() - leases.keys():
            del self._loads[lost]
        if leases:
            now = self.clock()
            reports = await self.gateways.living(now)
            replicas = await self._replicas(reports)
            for count, (i, lease) in enumerate(leases.items()):
                if count % AT_ONCE == 0:
                    await asyncio.sleep(0)  # others want to go on, too
                await self._follow(watched[i], replicas.get(i, ()), reports, lease, now)
        return LOOK_EVERY

    async def _follow(
        self,
        watched: Watched,
        replica_ids: Collection[str],
        reports: Sequence[GatewayReport],
        lease: Lease,
        now: datetime,
    ) -> None:
        deployment, rules = watched.deployment, watched.rules
        look = reported(deployment.id, deployment.desired_replicas, replica_ids, reports)
        before = self._loads.get(deployment.id)
        if before is not None and is_at_rest(rules, before, look, watched.most):
            return
        load = observe(before, look, rules, now)
        self._loads[deployment.id] = load
        scaling = decide(
            rules, deployment, load, rolling_out=watched.rolling_out, most=watched.most
        )
        if scaling is None:
            return
        async with self.start_work(ACTOR, CAUSE) as work:
            is_applied = await _applied(work, deployment, scaling, lease, now)
        if is_applied:
            self._loads[deployment.id] = replace(load, desired=scaling.after)
        else:
            self.watch.doubt(deployment.id)

    async def _replicas(self, reports: Sequence[GatewayReport]) -> Mapping[str, Collection[str]]:
        """Those that are named in the reports, by deployment."""
        named = {i for report in reports for i in report.in_flight}
        for gone in self._owners.keys() - named:
            del self._owners[gone]
        if new := named - self._owners.keys():
            found = await self.reads.replicas.by_ids(new)
            self._owners.update({i: replica.deployment_id for i, replica in found.items()})
        by_deployment = defaultdict(list)
        for replica_id, deployment_id in self._owners.items():
            by_deployment[deployment_id].append(replica_id)
        return by_deployment


async def _applied(
    work: Work, seen: Deployment, scaling: Scaling, lease: Lease, now: datetime
) -> bool:
    """Nothing is written where the lease is lost, or where something that mattered is otherwise by
    now: it is looked at again soon."""
    if not await work.holds(lease):
        return False
    deployment = await work.deployments.lock(seen.id)
    if deployment is None or _matter(deployment) != _matter(seen):
        return False
    if await work.rules.lock(scaling.rule.id) != scaling.rule:
        return False
    if await work.live_rollout(seen.id) is not None:
        return False
    await apply(work, deployment, scaling, now)
    return True


def _matter(deployment: Deployment) -> object:
    return deployment.desired_replicas, deployment.status, deployment.active_revision_id
