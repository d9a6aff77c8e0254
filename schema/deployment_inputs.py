"""What lists of deployments are filtered by, and what users say of one."""

from datetime import datetime
from enum import Enum

import strawberry
from strawberry import Maybe

from schema import versions
from schema.enums import DeploymentStatus
from schema.lists import (
    BooleanFilter,
    DateTimeFilter,
    IDFilter,
    IntFilter,
    OrderDirection,
    StringFilter,
    TagsFilter,
)
from schema.strategies import DeploymentStrategyInput


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
    is_dedicated: BooleanFilter | None = versions.field(
        description="Lists leave those out that were made for batches where nothing is said of it.",
        added="0.2.0",
    )
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
    max_in_flight: int | None = versions.field(
        description="How many requests batches may have one of its replicas answer at a time, clients' "
        "own counted in: 2 to 100000, 256 unless said.",
        added="0.2.0",
    )
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
    max_in_flight: Maybe[int | None] = versions.field(
        description="How many requests batches may have one of its replicas answer at a time; null is "
        "256 again.",
        added="0.2.0",
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


@versions.input(added="0.1.0")
class ScaleModelDeploymentInput:
    deployment_id: strawberry.ID = versions.field(description="The deployment to scale.")
    desired_replicas: int = versions.field(description="How many replicas are to run from now on.")
    expected_etag: str | None = versions.field(
        description="Refuses when the deployment has another etag by now."
    )
