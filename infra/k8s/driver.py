"""Replicas as pods of a cluster: those of a group come from one Kubernetes Deployment.

async with open_driver(parts) as driver: ...      # a domain.deployments.ports.Driver
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

import structlog

from domain.deployments.changes import Changes
from domain.deployments.deployment import Revision
from domain.deployments.ports import Observed, Sight
from domain.deployments.reason import Reason
from domain.deployments.replica import Replica, ReplicaStatus
from infra.k8s import logs, objects, sights
from infra.k8s.binding import Binding, Group
from infra.k8s.errors import ClusterUnavailable, Conflict, FieldsDropped, Gone, Refused
from infra.k8s.groups import Groups
from infra.k8s.kinds import Kind, Object
from infra.k8s.making import Making
from infra.k8s.manifests import names
from infra.k8s.manifests.containers import PAUSE
from infra.k8s.manifests.refusal import CantStart
from infra.k8s.mirror import Change
from infra.k8s.parts import Parts
from infra.k8s.sweeping import Sweeping

log = structlog.get_logger()

SOON = 0.1  # seconds
TAIL = 20  # lines of a log that are kept with what went wrong
ABSENT = Observed(sight=Sight.ABSENT)
AGAIN = (ClusterUnavailable, Gone)  # the plan repeats what it does not see done


@dataclass(frozen=True, slots=True)
class Wait:
    """With a pod that may yet come right."""

    since: datetime
    look: asyncio.TimerHandle


@asynccontextmanager
async def open_driver(parts: Parts) -> AsyncIterator["KubernetesDriver"]:
    """Closed at the block's end: its pods live on."""
    driver = KubernetesDriver(parts)
    tasks = [
        asyncio.create_task(parts.pods.run(), name="pods"),
        asyncio.create_task(parts.workloads.run(), name="workloads"),
        asyncio.create_task(driver.listen(), name="changes of pods"),
    ]
    try:
        yield driver
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        driver.close()


class KubernetesDriver:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._groups = Groups(parts)
        self._making = Making(parts, self._groups)
        self._sweeping = Sweeping(parts, self._groups)
        self._changes = Changes()
        self._refused: dict[str, Observed] = {}
        self._waits: dict[str, Wait] = {}  # by the pod's uid

    async def observe(self, replicas: Sequence[Replica]) -> Mapping[str, Observed]:
        if not self._parts.is_in_sync:
            return {}
        groups: dict[str, list[Replica]] = defaultdict(list)
        for each in replicas:
            groups[each.group_id].append(each)
        seen = await asyncio.gather(*(self._observed(i, rows) for i, rows in groups.items()))
        return {replica_id: each for of_group in seen for replica_id, each in of_group.items()}

    async def start(self, replica: Replica, revision: Revision) -> None:
        """Where the cluster does not answer, the plan starts it again."""
        try:
            await self._making.make(replica, revision)
            await self._groups.settle(replica.group_id, replica.deployment_id)
        except AGAIN as error:
            log.warning(
                "a replica waits for the cluster", replica=replica.id, problem=error.message
            )
        except CantStart as error:
            self._refuse(replica, error.reason, error.message)
        except Conflict as error:
            if error.others:
                self._refuse(replica, Reason.MANIFEST_REFUSED, error.message)
            else:  # somebody else changed it in the same moment
                log.warning(
                    "a replica waits for the cluster", replica=replica.id, problem=error.message
                )
        except (Refused, FieldsDropped) as error:
            self._refuse(replica, Reason.MANIFEST_REFUSED, error.message)

    async def stop(self, replica: Replica, grace: timedelta) -> None:
        """Its pod goes before the workload is told to have fewer: so it is this one that goes. A workload
        that is to have none goes first, as it would replace the pod.
        """
        whose = replica.group_id, replica.deployment_id
        try:
            _, binding = await self._groups.stored(*whose)
            if binding.size == 0:
                await self._groups.settle(*whose)
            pod = binding.pods.get(replica.id)
            seconds = ceil(grace.total_seconds()) + PAUSE
            if pod is not None and objects.lasts_over(pod, seconds):
                await self._groups.delete_pod(pod, seconds)
            if binding.size:
                await self._groups.settle(*whose)
        except (*AGAIN, Conflict, Refused) as error:
            log.warning(
                "a replica's end waits for the cluster", replica=replica.id, problem=error.message
            )

    async def release(self, replicas: Sequence[Replica]) -> None:
        """Nothing is held of them here but what was refused."""
        for each in replicas:
            self._refused.pop(each.id, None)

    async def sweep(self) -> int:
        if not self._parts.is_in_sync:
            return 0
        rows = await self._parts.reads.replicas.by_ids(self._refused)
        for replica_id in list(self._refused):
            row = rows.get(replica_id)
            if row is None or row.status is ReplicaStatus.EXITED:
                del self._refused[replica_id]
        there = {objects.uid(pod) for pod in self._parts.pods.all()}
        for uid in self._waits.keys() - there:
            self._waits.pop(uid).look.cancel()
        return await self._sweeping.sweep()

    def changes(self) -> AsyncGenerator[str, None]:
        return self._changes.follow()

    async def listen(self) -> None:
        """For as long as it is not cancelled."""
        async with asyncio.TaskGroup() as both:
            for informer in (self._parts.pods, self._parts.workloads):
                both.create_task(self._hear(informer.changes()))

    def close(self) -> None:
        for wait in self._waits.values():
            wait.look.cancel()
        self._changes.close()

    async def _hear(self, changes: AsyncGenerator[Change, None]) -> None:
        async for each in changes:
            deployment_id = objects.label(each.object, names.DEPLOYMENT_ID)
            if deployment_id is not None:
                self._changes.tell(deployment_id)

    def _refuse(self, replica: Replica, reason: Reason, message: str) -> None:
        self._refused[replica.id] = Observed(sight=Sight.EXITED, reason=reason, message=message)
        self._changes.tell(replica.deployment_id)

    async def _observed(self, group_id: str, replicas: Sequence[Replica]) -> Mapping[str, Observed]:
        """Nothing of a group for which the cluster does not answer."""
        try:
            group, binding = await self._groups.settled(group_id, replicas)
            each = await asyncio.gather(*(self._sight(r, group, binding) for r in replicas))
        except (*AGAIN, Refused) as error:
            log.warning("replicas can't be seen", group=group_id, problem=error.message)
            return {}
        return {r.id: seen for r, seen in zip(replicas, each, strict=True)}

    async def _sight(self, replica: Replica, group: Group, binding: Binding) -> Observed:
        pod = binding.pods.get(replica.id) or await self._unheard(replica)
        if pod is None:
            return self._without_pod(replica, group, binding)
        waited = self._waited(objects.uid(pod))
        observed = sights.of(pod, replica, waited)
        self._note(objects.uid(pod), observed, waited, replica.deployment_id)
        if observed.sight is Sight.EXITED and not replica.is_staying and binding.size == 0:
            return replace(observed, sight=Sight.RUNNING)  # until all that its group had is gone
        if not sights.has_log(observed) or not _is_news(replica, observed):
            return observed
        tail = await logs.last_lines(self._parts.cluster, pod, TAIL)
        return replace(observed, log_tail=tuple(tail))

    async def _unheard(self, replica: Replica) -> Object | None:
        """The pod that its row says it has, of which another control plane knew before us."""
        if replica.placement is None or not replica.is_staying:
            return None
        place = replica.placement
        found = await self._parts.cluster.get(Kind.POD, place["namespace"], place["pod"])
        return found if found is not None and objects.uid(found) == place["uid"] else None

    def _waited(self, uid: str) -> timedelta:
        """For how long the pod has had what is borne for a while. By our clock alone: the node's may be
        another, and the pod may have prepared itself for hours before."""
        wait = self._waits.get(uid)
        return timedelta(0) if wait is None else self._parts.clock() - wait.since

    def _note(self, uid: str, observed: Observed, waited: timedelta, deployment_id: str) -> None:
        """There is another look when patience with the pod ends: of one that goes on waiting, the cluster
        tells nothing."""
        known = self._waits.get(uid)
        if observed.reason not in sights.BORNE:
            if known is not None:
                self._waits.pop(uid).look.cancel()
            return
        loop = asyncio.get_running_loop()
        if known is not None and (known.look.when() > loop.time() or waited >= sights.PATIENCE):
            return
        left = max((sights.PATIENCE - waited).total_seconds(), SOON)
        look = loop.call_later(left, self._changes.tell, deployment_id)
        self._waits[uid] = Wait(known.since if known else self._parts.clock(), look)

    def _without_pod(self, replica: Replica, group: Group, binding: Binding) -> Observed:
        if replica.id in self._refused and replica.is_staying:
            return self._refused[replica.id]
        if replica.placement is None and replica.is_staying:
            workload = group.workload
            if workload is None or not (objects.is_made(workload) or objects.is_leaving(workload)):
                return ABSENT  # or half of it is, as who made it was stopped: it is started again
            return sights.unplaced(workload)
        if binding.size == 0 and (group.workload is not None or group.pods):
            return Observed(sight=Sight.RUNNING)  # gone once all that its group had is
        return ABSENT if replica.placement is None else sights.lost(replica)


def _is_news(replica: Replica, observed: Observed) -> bool:
    """Whether what is seen ends the replica's time in its status, so that it is kept."""
    return observed.sight is Sight.EXITED or replica.status in (
        ReplicaStatus.STARTING,
        ReplicaStatus.HEALTHY,
    )
