"""Model deployments."""

from datetime import datetime
from enum import Enum
from functools import partial
from typing import cast

import strawberry
from strawberry import Maybe

from domain.deployments import deployment
from schema import lists, relay, revision_inputs, versions
from schema.access import Project
from schema.context import Info
from schema.enums import DeploymentStatus
from schema.errors import Payload
from schema.lists import (
    DateTimeFilter,
    IDFilter,
    IntFilter,
    OrderDirection,
    StringFilter,
    TagsFilter,
)
from schema.relay import DEFAULT_FIRST, After, Connection, First, Node, global_id
from schema.revision_inputs import ModelRevisionFilter, ModelRevisionOrder
from schema.revisions import ModelRevision
from schema.strategies import DeploymentStrategy, DeploymentStrategyInput, shown


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
    etag: str = versions.field(description="Changes with every decision of a user.")
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
        """The revision that is to run."""
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

    @classmethod
    def of(cls, value: deployment.Deployment) -> "ModelDeployment":
        return cls(
            id=global_id("ModelDeployment", value.id),
            name=value.name,
            desired_replicas=value.desired_replicas,
            status=value.status,
            status_since=value.status_since,
            etag=value.etag,
            created_at=value.created_at,
            created_by=value.created_by,
            updated_at=value.updated_at,
            deleted_at=value.deleted_at,
            held=value,
        )


class ModelDeploymentOrderField(Enum):
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    NAME = "name"
    STATUS = "status"
    DESIRED_REPLICAS = "desired_replicas"


versions.enum(ModelDeploymentOrderField, added="0.1.0")
ORDER_KINDS: dict[str, type] = {
    "created_at": datetime,
    "updated_at": datetime,
    "name": str,
    "status": DeploymentStatus,
    "desired_replicas": int,
}


@versions.input(added="0.1.0")
class ModelDeploymentOrder:
    field: ModelDeploymentOrderField
    direction: OrderDirection | None = versions.field(description="ASC unless said.")


@versions.input(added="0.1.0")
class DeploymentStatusFilter:
    eq: DeploymentStatus | None
    ne: DeploymentStatus | None
    in_: list[DeploymentStatus] | None = versions.field(name="in")


@versions.input(added="0.1.0")
class ModelDeploymentFilter:
    """All that is said must hold."""

    id: IDFilter | None
    name: StringFilter | None
    tags: TagsFilter | None
    status: DeploymentStatusFilter | None
    desired_replicas: IntFilter | None
    created_by: StringFilter | None
    created_at: DateTimeFilter | None
    updated_at: DateTimeFilter | None
    and_: list["ModelDeploymentFilter"] | None = versions.field(name="and")
    or_: list["ModelDeploymentFilter"] | None = versions.field(name="or")
    not_: "ModelDeploymentFilter | None" = versions.field(name="not")


@versions.input(added="0.1.0")
class CreateModelDeploymentInput:
    name: str = versions.field(description="1 to 63 of a-z, 0-9 and -, unique in the project.")
    tags: list[str] | None = versions.field(
        description="Free labels, to find it by; none unless said."
    )
    desired_replicas: int | None = versions.field(description="1 unless said.")
    strategy: DeploymentStrategyInput | None = versions.field(description="Rolling unless said.")
    idempotency_key: str | None = versions.field(
        description="For repeats: within a day, the same key and input get the first answer."
    )


@versions.input(added="0.1.0")
class UpdateModelDeploymentInput:
    """Absent stays as it is; null is the default again."""

    deployment_id: strawberry.ID = versions.field(description="The deployment to change.")
    name: Maybe[str | None] = versions.field(description="Its new name; it has to have one.")
    tags: Maybe[list[str] | None] = versions.field(
        description="Replaces all of them; null removes them."
    )
    desired_replicas: Maybe[int | None] = versions.field(
        description="How many replicas are to run; null is 1 again."
    )
    strategy: Maybe[DeploymentStrategyInput | None] = versions.field(
        description="Replaces it whole; null is rolling again."
    )
    expected_etag: str | None = versions.field(
        description="Refuses when the deployment has another etag by now."
    )


@versions.input(added="0.1.0")
class DeleteModelDeploymentInput:
    deployment_id: strawberry.ID = versions.field(description="The deployment to delete.")
    expected_etag: str | None = versions.field(
        description="Refuses when the deployment has another etag by now."
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
