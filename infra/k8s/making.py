"""What a group has in the cluster before its first pod: its workload, and what belongs to that."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.deployments.deployment import Deployment, Revision
from domain.deployments.reason import Reason
from domain.deployments.replica import Replica
from domain.errors import SealBroken
from infra.k8s import objects
from infra.k8s.manifests import rendering
from infra.k8s.manifests.refusals import CantStart
from infra.k8s.objects import Object
from infra.k8s.parts import Parts


@dataclass(frozen=True, slots=True)
class Making:
    parts: Parts

    async def make(self, replica: Replica, revision: Revision) -> None:
        """Nothing where the workload is there, whatever a newer Modelyard would render: its pods would all be
        replaced by that. It has no pods yet; who makes it says how many it is to have.

        Raises CantStart, Refused, FieldsDropped, Conflict, ClusterUnavailable.
        """
        if self.parts.workload_of(replica.group_id) is not None:
            return
        found = await self.parts.reads.deployments.by_ids([replica.deployment_id])
        deployment = found[replica.deployment_id]
        values = await self._secrets(revision)
        for each in await self._before(deployment):
            await self.parts.cluster.apply(each)
        rendered = rendering.rendered(deployment, revision, replica.group_id, self.parts.settings)
        workload = await self.parts.cluster.apply(rendered.workload)
        owner = rendering.owned_by(workload)
        for manifest in (rendered.secret(values), rendered.service):
            if manifest is not None:
                await self.parts.cluster.apply(owner(manifest))

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
