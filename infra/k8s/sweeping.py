"""What is ours by its labels and belongs to nothing that lives is removed."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

import structlog

from domain.deployments.replica import ReplicaStatus
from infra.k8s import objects
from infra.k8s.errors import ClusterUnavailable, Conflict, Refused
from infra.k8s.groups import Groups
from infra.k8s.kinds import Object
from infra.k8s.manifests import names
from infra.k8s.parts import Parts

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Sweeping:
    parts: Parts
    groups: Groups

    async def sweep(self) -> int:
        """How many objects were told to go. The objects are looked at before the rows: a row is written
        before anything is made for it."""
        workloads = [each for each in self.parts.workloads.all() if not objects.is_leaving(each)]
        pods = [each for each in self.parts.pods.all() if not objects.is_leaving(each)]
        groups = await self._living_groups([*workloads, *pods])
        over = [each for each in workloads if objects.label(each, names.GROUP) not in groups]
        strays = [each for each in pods if await self._is_stray(each, groups)]
        done = [await self._is_done(self.groups.delete, each) for each in over]
        done += [await self._is_done(self.groups.delete_pod, each) for each in strays]
        return sum(done)

    async def _is_done(self, end: Callable[[Object], Awaitable[None]], each: Object) -> bool:
        """What one namespace refuses keeps none of the others from being swept."""
        try:
            await end(each)
        except (ClusterUnavailable, Conflict, Refused) as error:
            log.warning("something that nobody owns is left", problem=error.message)
            return False
        return True

    async def _living_groups(self, found: Collection[Object]) -> set[str]:
        ids = {i for each in found if (i := objects.label(each, names.DEPLOYMENT_ID))}
        present = await self.parts.reads.replicas.present(ids) if ids else {}
        return {replica.group_id for rows in present.values() for replica in rows}

    async def _is_stray(self, pod: Object, groups: Collection[str]) -> bool:
        """Of no group that lives, or of a replica that has exited."""
        if objects.label(pod, names.GROUP) not in groups:
            return True
        owner = objects.label(pod, names.REPLICA)
        if owner is None:
            return False
        rows = await self.parts.reads.replicas.by_ids([owner])
        return owner not in rows or rows[owner].status is ReplicaStatus.EXITED
