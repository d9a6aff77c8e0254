"""What a group has in the cluster before its first pod: its workload, and what belongs to that."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from domain.deployments.deployment import Deployment, Revision
from domain.deployments.reason import Reason
from domain.deployments.replica import Replica
from domain.errors import SealBroken
from infra.k8s import objects
from infra.k8s.kinds import Kind
from infra.k8s.manifests import rendering
from infra.k8s.manifests.refusals import CantStart
from infra.k8s.parts import Parts


@dataclass(frozen=True, slots=True)
class Making:
    parts: Parts
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def make(self, replica: Replica, revision: Revision) -> None:
        """Nothing where the workload is made, whatever a newer Modelyard would render: all its pods would be
        replaced by that. A new one has no pods; how many it is to have is said once it is made.

        Raises CantStart, Refused, FieldsDropped, Conflict, ClusterUnavailable.
        """
        lock = self._locks.setdefault(replica.group_id, asyncio.Lock())
        async with lock:
            known = self.parts.workload_of(replica.group_id)
            if known is not None and (objects.is_made(known) or objects.is_leaving(known)):
                return
            found = await self.parts.reads.deployments.by_ids([replica.deployment_id])
            await self._make(found[replica.deployment_id], replica.group_id, revision)

    async def _make(self, deployment: Deployment, group_id: str, revision: Revision) -> None:
        """Whole objects, each only where it is lacking."""
        values = await self._secrets(revision)
        rendered = rendering.rendered(deployment, revision, group_id, self.parts.settings)
        cluster = self.parts.cluster
        if rendered.namespace is not None:
            await cluster.apply(rendered.namespace)
        place = objects.namespace(rendered.workload), objects.name(rendered.workload)
        workload = await cluster.get(Kind.DEPLOYMENT, *place)
        if workload is None:
            workload = await cluster.apply(rendered.workload)
        elif objects.is_made(workload) or objects.is_leaving(workload):
            return
        for manifest in rendered.owned(workload, values):
            await cluster.apply(manifest)
        version = workload["metadata"]["resourceVersion"]
        await cluster.patch_labels(
            Kind.DEPLOYMENT, *place, {objects.MADE: "true"}, resource_version=version
        )

    async def _secrets(self, revision: Revision) -> Mapping[str, str]:
        said = (each.secret for each in revision.environment.values() if each.secret is not None)
        names = {name for name in said if not name.startswith("k8s:")}
        try:
            values = await self.parts.secrets.open(revision.project_id, names)
        except SealBroken as error:
            raise CantStart(Reason.SECRET_UNREADABLE, error.message) from error
        if missing := sorted(names - set(values)):
            says = f"There is no secret {missing[0]!r} any more, which the environment names."
            raise CantStart(Reason.SECRET_NOT_FOUND, says)
        return values
