"""What a group has in the cluster before its first pod: its workload, and what belongs to that."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from domain.deployments.deployment import Deployment, Revision
from domain.deployments.reason import Reason
from domain.deployments.replica import Replica
from domain.errors import SealBroken
from infra.k8s import objects
from infra.k8s.errors import Conflict, FieldsDropped, Refused
from infra.k8s.groups import Groups
from infra.k8s.kinds import Kind, Object
from infra.k8s.manifests import names, secret
from infra.k8s.manifests.names import Group
from infra.k8s.manifests.namespace import namespace
from infra.k8s.manifests.refusal import CantStart
from infra.k8s.manifests.service import service
from infra.k8s.manifests.workload import workload
from infra.k8s.parts import Parts


@dataclass(frozen=True, slots=True)
class Making:
    parts: Parts
    groups: Groups
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def make(self, replica: Replica, revision: Revision) -> None:
        """Nothing of the workload where it is made, whatever a newer Modelyard would render: all pods would
        go by that. A new one has no pods; how many it is to have is said once it is made.

        Raises CantStart, Refused, FieldsDropped, Conflict, Gone, ClusterUnavailable, StorageUnavailable.
        """
        lock = self._locks.setdefault(replica.group_id, asyncio.Lock())
        async with lock:
            known = self.parts.workload_of(replica.group_id)
            if known is not None and objects.is_leaving(known):
                return
            found = await self.parts.reads.deployments.by_ids([replica.deployment_id])
            group = await self._named(found[replica.deployment_id], replica.group_id, revision)
            if known is not None and objects.is_made(known):
                await self._mend(group, known)
            else:
                await self._make(group)

    async def _mend(self, group: Group, given: Object) -> None:
        """What a pod to come needs, where somebody deleted it. What is there stays as it is: nobody may
        read it, so that it is made anew in vain."""
        with suppress(CantStart, Refused):
            values = await self._opened(group.revision)
            held = secret.secret(group, values, self.parts.settings, given)
            for manifest in (held, service(group, given)):
                if manifest is not None:
                    await self._made(manifest)

    async def _made(self, manifest: Object) -> None:
        with suppress(Conflict):
            await self.parts.cluster.create(manifest)

    async def _make(self, group: Group) -> None:
        """Each object where it is lacking; the mark that nothing is comes last."""
        cluster, settings = self.parts.cluster, self.parts.settings
        values = await self._opened(group.revision)
        place = group.namespace, group.name
        given = await cluster.get(Kind.DEPLOYMENT, *place)
        _check(given, group)
        if given is not None and (objects.is_made(given) or objects.is_leaving(given)):
            return
        try:
            if given is None:
                given = await cluster.apply(workload(group, settings))
            held = secret.secret(group, values, settings, given)
            if held is not None:
                await cluster.apply(held)
            await cluster.apply(service(group, given))
        except (CantStart, Conflict, FieldsDropped, Refused) as error:
            if not isinstance(error, Conflict) or error.others:  # else it is tried again
                await self._undo(group)
            raise
        await cluster.patch_labels(Kind.DEPLOYMENT, *place, {names.MADE: "true"}, None)

    async def _undo(self, group: Group) -> None:
        """What was made of it goes: there may be no replica any more by which it would."""
        place = group.namespace, group.name
        found = await self.parts.cluster.get(Kind.DEPLOYMENT, *place)
        if found is None or objects.label(found, names.GROUP) != group.id:
            return
        if not objects.is_made(found):
            with suppress(Conflict):  # another control plane makes it
                await self.groups.delete(found, unchanged=True)

    async def _named(self, deployment: Deployment, group_id: str, revision: Revision) -> Group:
        """With its namespace there."""
        settings = self.parts.settings
        projects = await self.parts.reads.projects.by_ids([deployment.project_id])
        project = projects[deployment.project_id]
        if settings.namespace_per_project:
            wanted = namespace(settings, project)
            if await self.parts.cluster.get(Kind.NAMESPACE, None, objects.name(wanted)) is None:
                await self.parts.cluster.apply(wanted)
        return Group(
            namespace=names.namespace_name(settings, project),
            installation=settings.installation,
            deployment=deployment,
            revision=revision,
            id=group_id,
        )

    async def _opened(self, revision: Revision) -> dict[str, str]:
        wanted = secret.opened(revision)
        try:
            return dict(await self.parts.secrets.open(revision.project_id, wanted))
        except SealBroken as error:
            raise CantStart(Reason.SECRET_UNREADABLE, error.message) from error


def _check(given: Object | None, group: Group) -> None:
    """Raises Conflict where it is another's, which has the name by chance."""
    if given is None or objects.label(given, names.GROUP) == group.id:
        return
    whose = objects.label(given, names.MANAGED_BY) or "somebody"
    raise Conflict(
        what=Kind.DEPLOYMENT.called(group.namespace, group.name),
        problem="it is not of this replica group",
        others=(whose,),
    )
