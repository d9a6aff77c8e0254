"""Model deployments."""

from datetime import datetime
from functools import partial
from typing import cast

import strawberry

from domain.deployments import deployment
from schema import lists, relay, replicas, revision_inputs, rollouts, versions
from schema.access import Project
from schema.autoscaling import AutoscalingRule
from schema.context import Info
from schema.enums import DeploymentStatus, Reason
from schema.errors import Payload
from schema.relay import DEFAULT_FIRST, After, Connection, First, Node, global_id
from schema.replicas import (
    IncludeExited,
    ModelReplica,
    ModelReplicaFilter,
    ModelReplicaOrder,
    ReplicaGroup,
)
from schema.revision_inputs import ModelRevisionFilter, ModelRevisionOrder
from schema.revisions import ModelRevision
from schema.rollouts import Rollout, RolloutFilter, RolloutOrder
from schema.strategies import DeploymentStrategy, shown


@versions.type(added="0.1.0")
class ModelDeployment(Node):
    """The served thing: one of its revisions is active, the others are its history."""

    name: str = versions.field(
        description="Unique in the project among those that are not deleted."
    )
    desired_replicas: int = versions.field(
        description="How many replicas of the active revision are to run."
    )
    status: DeploymentStatus = versions.field(
        description="Where it stands now; a subscription tells of each change."
    )
    status_since: datetime = versions.field(description="When it came to that status.")
    status_reason: Reason | None = versions.field(
        description="Why it is what it is; null where there is nothing to say."
    )
    status_message: str = versions.field(description="The reason in words; may be empty.")
    next_retry_at: datetime | None = versions.field(
        description="When what failed is tried again; null where nothing waits for that."
    )
    etag: str = versions.field(description="Changes with every decision of a user.")
    max_in_flight: int = versions.field(
        description="How many requests batches may have one of its replicas answer at a time, clients' "
        "own counted in; a tenth of it is kept for clients.",
        added="0.2.0",
    )
    is_dedicated: bool = versions.field(
        description="Whether it was made for batches: no client gets at it by its name, and lists have "
        "it only where they are filtered by this.",
        added="0.2.0",
    )
    created_at: datetime
    created_by: str = versions.field(description="Who made it, e.g. key:ci.")
    updated_at: datetime = versions.field(
        description="When a user last decided something about it."
    )
    deleted_at: datetime | None = versions.field(description="Null while it is not deleted.")
    held: strawberry.Private[deployment.Deployment]

    @versions.field
    def tags(self) -> list[str]:
        """Free labels, to find it by."""
        return cast("list[str]", self.held.tags)

    @versions.field
    def strategy(self) -> DeploymentStrategy:
        """How it goes from one revision to the next."""
        return shown(self.held.strategy)

    @versions.load
    async def project(self, info: Info) -> Project | None:
        found = await info.context.loads.project(self.held.project_id)
        return None if found is None else Project.of(found)

    @versions.load
    async def active_revision(self, info: Info) -> ModelRevision | None:
        """The revision that was last promoted; a live rollout may be on its way to another."""
        if self.held.active_revision_id is None:
            return None
        found = await info.context.loads.revision_head(self.held.active_revision_id)
        return None if found is None else ModelRevision.of(found)

    @versions.load
    async def revisions(
        self,
        info: Info,
        first: First = DEFAULT_FIRST,
        after: After = None,
        filter: ModelRevisionFilter | None = None,
        order_by: ModelRevisionOrder | None = None,
    ) -> Connection[ModelRevision]:
        """All that were ever added, oldest first unless ordered."""
        listing = lists.listing(
            first=first,
            after=after,
            filter=filter,
            order_by=order_by,
            kinds=revision_inputs.ORDER_KINDS,
            within={},
        )
        loads = info.context.loads
        return relay.connection(
            await loads.revisions(self.held.id, listing),
            listing.order,
            ModelRevision.of,
            partial(loads.revision_count, self.held.id, listing),
            after,
        )

    @versions.load
    async def rollout(self, info: Info) -> Rollout | None:
        """The live one: it is on its way to another revision; null where none is."""
        found = await info.context.loads.live_rollout(self.held.id)
        return None if found is None else Rollout.of(found)

    @versions.load
    async def rollouts(
        self,
        info: Info,
        first: First = DEFAULT_FIRST,
        after: After = None,
        filter: RolloutFilter | None = None,
        order_by: RolloutOrder | None = None,
    ) -> Connection[Rollout]:
        """All that there ever were, newest first unless ordered."""
        listing = lists.listing(
            first=first,
            after=after,
            filter=filter,
            order_by=order_by,
            kinds=rollouts.ORDER_KINDS,
            within={},
            otherwise=rollouts.NEWEST_FIRST,
        )
        loads = info.context.loads
        return relay.connection(
            await loads.rollouts(self.held.id, listing),
            listing.order,
            Rollout.of,
            partial(loads.rollout_count, self.held.id, listing),
            after,
        )

    @versions.load
    async def replica_groups(self, info: Info) -> list[ReplicaGroup]:
        """One for each revision that ever ran or has replicas to come, oldest first."""
        found = await info.context.loads.groups(self.held.id)
        return [ReplicaGroup.of(each) for each in found]

    @versions.load
    async def replicas(
        self,
        info: Info,
        first: First = DEFAULT_FIRST,
        after: After = None,
        filter: ModelReplicaFilter | None = None,
        order_by: ModelReplicaOrder | None = None,
        include_exited: IncludeExited = False,
    ) -> Connection[ModelReplica]:
        """Those that have not exited, oldest first unless ordered."""
        listing = replicas.listing(first, after, filter, order_by, include_exited=include_exited)
        loads = info.context.loads
        return relay.connection(
            await loads.replicas(self.held.id, listing),
            listing.order,
            ModelReplica.of,
            partial(loads.replica_count, self.held.id, listing),
            after,
        )

    @versions.load
    async def autoscaling_rules(self, info: Info) -> list[AutoscalingRule]:
        """What its number of replicas follows, oldest first; the rule that asks for most decides."""
        found = await info.context.loads.rules(self.held.id)
        return [AutoscalingRule.of(each) for each in found]

    @classmethod
    def of(cls, value: deployment.Deployment) -> "ModelDeployment":
        return cls(
            id=global_id("ModelDeployment", value.id),
            name=value.name,
            desired_replicas=value.desired_replicas,
            status=value.status,
            status_since=value.status_since,
            status_reason=value.reason,
            status_message=value.message,
            next_retry_at=value.next_retry_at,
            etag=value.etag,
            max_in_flight=value.max_in_flight,
            is_dedicated=value.is_dedicated,
            created_at=value.created_at,
            created_by=value.created_by,
            updated_at=value.updated_at,
            deleted_at=value.deleted_at,
            held=value,
        )


@versions.type(added="0.1.0")
class CreateModelDeploymentPayload(Payload):
    deployment: ModelDeployment | None = versions.field(
        default=None, description="The new deployment; null where there are user errors."
    )


@versions.type(added="0.1.0")
class UpdateModelDeploymentPayload(Payload):
    deployment: ModelDeployment | None = versions.field(
        default=None, description="As it is now; null where there are user errors."
    )


@versions.type(added="0.1.0")
class DeleteModelDeploymentPayload(Payload):
    deployment: ModelDeployment | None = versions.field(
        default=None,
        description="As it is now, on its way to STOPPED; null where there are user errors.",
    )


@versions.type(added="0.1.0")
class ScaleModelDeploymentPayload(Payload):
    deployment: ModelDeployment | None = versions.field(
        default=None, description="As it is now; null where there are user errors."
    )
    changed: bool = versions.field(
        default=False, description="False where as many were desired already."
    )
