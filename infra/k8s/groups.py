"""Acting on what the cluster has of a replica group: bound, sized, and removed when it is over."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from domain.deployments.replica import Replica
from infra.k8s import objects
from infra.k8s.binding import Binding, Group, bind
from infra.k8s.errors import ClusterUnavailable, Conflict, Gone, Refused
from infra.k8s.kinds import Kind, Object
from infra.k8s.manifests import names
from infra.k8s.parts import Parts

log = structlog.get_logger()

AT_ONCE = 1  # seconds; 0 would not wait for the node to end it


@dataclass(frozen=True, slots=True)
class Groups:
    parts: Parts

    async def settled(self, group_id: str, replicas: Sequence[Replica]) -> tuple[Group, Binding]:
        """What is there of the group, once what it lacks has been begun, or could not be: what is heard of
        its pods holds also where the cluster takes no changes, as behind a webhook that is broken.

        `replicas` may be older than what is stored: before anything is done their rows are read again.
        Raises StorageUnavailable.
        """
        group = self._there(group_id, replicas)
        binding = bind(group)
        if not _is_due(group, binding):
            return group, binding
        whose = group_id, replicas[0].deployment_id
        try:
            return await self.settle(*whose)
        except (ClusterUnavailable, Conflict, Gone, Refused) as error:
            log.warning("a group stays as it is", group=group_id, problem=error.message)
        return await self.stored(*whose)

    async def settle(self, group_id: str, deployment_id: str) -> tuple[Group, Binding]:
        """Begin what the group lacks, by its rows as they are stored now. Raises ClusterUnavailable,
        Conflict, Gone, Refused, StorageUnavailable."""
        group, binding = await self.stored(group_id, deployment_id)
        written = await asyncio.gather(*(self._bound(*pair) for pair in binding.to_bind))
        await self._sized(group, binding)
        own = {**binding.pods, **{r.id: pod for r, pod in written if pod is not None}}
        return group, Binding(pods=own, size=binding.size)

    async def stored(self, group_id: str, deployment_id: str) -> tuple[Group, Binding]:
        """What is there of the group, by its rows as they are stored now. The pods are looked at before
        the rows: a row is written before a pod is bound to it."""
        there = self._there(group_id)
        present = await self.parts.reads.replicas.present([deployment_id])
        rows = [r for r in present.get(deployment_id, ()) if r.group_id == group_id]
        group = replace(there, replicas=rows)
        return group, bind(group)

    def _there(self, group_id: str, replicas: Sequence[Replica] = ()) -> Group:
        return Group(
            replicas=replicas,
            pods=self.parts.pods_of(group_id),
            workload=self.parts.workload_of(group_id),
        )

    async def _bound(self, replica: Replica, pod: Object) -> tuple[Replica, Object | None]:
        try:
            labelled = await self.parts.cluster.patch_labels(
                Kind.POD,
                objects.namespace(pod),
                objects.name(pod),
                {names.REPLICA: replica.id},
                resource_version=pod["metadata"]["resourceVersion"],
            )
        except (Conflict, Gone):
            return replica, None  # it changed meanwhile; the next look has it as it is then
        return replica, labelled

    async def _sized(self, group: Group, binding: Binding) -> None:
        for pod in _useless(group, binding):
            await self.delete_pod(pod, AT_ONCE)
        workload = group.workload
        if workload is None or objects.is_leaving(workload):
            return
        if objects.is_made(workload) and objects.size(workload) != binding.size:
            place = objects.namespace(workload), objects.name(workload)
            await self.parts.cluster.scale(*place, binding.size)
        if binding.size == 0:
            await self.delete(workload)

    async def delete_pod(self, pod: Object, grace: int | None = None) -> None:
        await self.parts.cluster.delete(
            Kind.POD,
            objects.namespace(pod),
            objects.name(pod),
            uid=objects.uid(pod),
            grace=grace,
        )

    async def delete(self, workload: Object, *, unchanged: bool = False) -> None:
        """With all that it owns, which goes first. Raises Conflict where it is no longer as it was seen, if
        it must be `unchanged`."""
        metadata = workload["metadata"]
        await self.parts.cluster.delete(
            Kind.DEPLOYMENT,
            objects.namespace(workload),
            objects.name(workload),
            uid=objects.uid(workload),
            version=metadata["resourceVersion"] if unchanged else None,
            propagation="Foreground",
        )


def _useless(group: Group, binding: Binding) -> Sequence[Object]:
    """What nobody waits for, and what a ReplicaSet made for the moment between a pod's end and its own
    being told to have fewer: they may hold a GPU for as long as one that serves may take to end. A pod
    that finished stays until its replica's row says so: its log goes with it."""
    staying = {r.id for r in group.replicas if r.is_staying}
    needed = {objects.uid(pod) for owner, pod in binding.pods.items() if owner in staying}
    finished = (pod for pod in group.pods if objects.is_finished(pod))
    over = [p for p in finished if not (objects.is_leaving(p) or objects.uid(p) in needed)]
    strays = [pod for pod in binding.strays if objects.lasts_over(pod, AT_ONCE)]
    return *binding.surplus, *binding.orphans, *over, *strays


def _is_due(group: Group, binding: Binding) -> bool:
    """Whether anything of the group is otherwise than it should be."""
    if binding.to_bind or _useless(group, binding):
        return True
    workload = group.workload
    if workload is None or objects.is_leaving(workload):
        return False
    is_off = objects.is_made(workload) and objects.size(workload) != binding.size
    return binding.size == 0 or is_off
