"""Anything by its global id."""

from asyncio import gather
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import strawberry

from resolvers.context import Context, Info
from resolvers.views import sees_as
from schema import versions
from schema.access import Project
from schema.autoscaling import AutoscalingRule
from schema.batch_profiles import BatchProfile
from schema.batches import BatchJob
from schema.deployments import ModelDeployment
from schema.external_endpoints import ExternalEndpoint
from schema.files import File
from schema.folders import ModelFolder
from schema.relay import Node, many, parse_id
from schema.replicas import ModelReplica, ReplicaGroup
from schema.revisions import ModelRevision
from schema.rollouts import Rollout
from schema.secrets import Secret
from schema.templates import DeploymentTemplate
from schema.webhooks import Webhook

Load: TypeAlias = Callable[[Context, str], Awaitable[Any]]
LOADS: Mapping[str, tuple[Load, Callable[[Any], Node]]] = {
    "Project": (lambda context, own: context.loads.project(own), Project.of),
    "Secret": (lambda context, own: context.loads.secret(own), Secret.of),
    "Webhook": (lambda context, own: context.loads.webhook(own), Webhook.of),
    "ModelFolder": (lambda context, own: context.loads.folder(own), ModelFolder.of),
    "DeploymentTemplate": (lambda context, own: context.loads.template(own), DeploymentTemplate.of),
    "ModelDeployment": (lambda context, own: context.loads.deployment(own), ModelDeployment.of),
    "ModelRevision": (lambda context, own: context.loads.revision(own), ModelRevision.of),
    "Rollout": (lambda context, own: context.loads.rollout(own), Rollout.of),
    "ReplicaGroup": (lambda context, own: context.loads.group(own), ReplicaGroup.of),
    "ModelReplica": (lambda context, own: context.loads.replica(own), ModelReplica.of),
    "AutoscalingRule": (lambda context, own: context.loads.rule(own), AutoscalingRule.of),
    "File": (lambda context, own: context.loads.file(own), File.of),
    "BatchJob": (lambda context, own: context.loads.batch_job(own), BatchJob.of),
    "BatchProfile": (lambda context, own: context.loads.batch_profile(own), BatchProfile.of),
    "ExternalEndpoint": (
        lambda context, own: context.loads.external_endpoint(own),
        ExternalEndpoint.of,
    ),
}


@versions.type(added="0.1.0")
class NodeQueries:
    @versions.field
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        """Anything by its id; null for an id of nothing, or of nothing that the caller sees."""
        return await _node(info, id)

    @versions.field
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
        """In the order of the ids, null as `node` is; at most 100."""
        return list(await gather(*(_node(info, each) for each in many(ids))))


async def _node(info: Info, id: str) -> Node | None:
    """A type that the view lacks, or does not know as a Node, has no nodes there."""
    found = parse_id(id)
    if found is None or not sees_as(info, found[0], "Node"):
        return None
    load, show = LOADS[found[0]]
    value = await load(info.context, found[1])
    return None if value is None else show(value)
