"""Deployment templates."""

from datetime import datetime
from enum import Enum
from typing import cast

import strawberry
from strawberry import Maybe

from domain.templates import template
from schema import versions
from schema.access import Project
from schema.context import Info
from schema.enums import TemplateStatus, Variant
from schema.errors import Payload
from schema.kubernetes import KubernetesUse, KubernetesUseInput
from schema.lists import DateTimeFilter, IDFilter, IntFilter, OrderDirection, StringFilter
from schema.relay import Node, global_id
from schema.scalars import JSON, Duration, JSONPointer


@versions.type(added="0.2.0")
class TemplateBatchUse:
    """How batch jobs may use a template: a deployment is made from it for them."""

    supported_endpoints: list[str] = versions.field(
        description="The paths of requests that it is for, e.g. /v1/embeddings; empty: all."
    )
    replicas: int = versions.field(description="How many, where a job says nothing else.")
    ready_timeout: Duration = versions.field(
        description="A deployment that takes longer to be ready is given up."
    )

    @classmethod
    def of(cls, value: template.BatchUse) -> "TemplateBatchUse":
        return cls(
            supported_endpoints=list(value.endpoints),
            replicas=value.replicas,
            ready_timeout=Duration(value.ready_timeout),
        )


@versions.type(added="0.1.0")
class DeploymentTemplate(Node):
    """One version of a named, stored layer."""

    name: str = versions.field(description="All versions share it.")
    version: int = versions.field(description="Counts from 1 within the name.")
    status: TemplateStatus = versions.field(description="Who may use this version.")
    runtime_variant: Variant = versions.field(
        description="The variant that revisions made from it have."
    )
    spec: JSON = versions.field(
        description="A draft {image, models, environment, resources}, in the file's spelling."
    )
    allowed_overrides: list[JSONPointer] = versions.field(
        description="Pointers into the spec, * for an index; each allows its subtree."
    )
    description: str = versions.field(description="For people: what it is for.")
    created_at: datetime
    created_by: str = versions.field(description="Who made it, e.g. key:ci.")
    updated_at: datetime = versions.field(description="When it last changed.")
    held: strawberry.Private[template.Template]

    @versions.method(added="0.2.0")
    def batch(self) -> TemplateBatchUse:
        """How batch jobs may use it."""
        return TemplateBatchUse.of(self.held.batch)

    @versions.method(added="0.2.0")
    def kubernetes(self) -> KubernetesUse:
        """How pods are scheduled, where replicas are pods; its revisions take it over."""
        return KubernetesUse.of(self.held.kubernetes)

    @versions.load
    async def project(self, info: Info) -> Project | None:
        found = await info.context.loads.project(self.held.project_id)
        return None if found is None else Project.of(found)

    @classmethod
    def of(cls, value: template.Template) -> "DeploymentTemplate":
        return cls(
            id=global_id("DeploymentTemplate", value.id),
            name=value.name,
            version=value.version,
            status=value.status,
            runtime_variant=value.variant,
            spec=cast("JSON", value.spec),
            allowed_overrides=cast("list[JSONPointer]", value.allowed_overrides),
            description=value.description,
            created_at=value.created_at,
            created_by=value.created_by,
            updated_at=value.updated_at,
            held=value,
        )


class DeploymentTemplateOrderField(Enum):
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    NAME = "name"
    VERSION = "version"


versions.enum(DeploymentTemplateOrderField, added="0.1.0")
ORDER_KINDS: dict[str, type] = {
    "created_at": datetime,
    "updated_at": datetime,
    "name": str,
    "version": int,
}


@versions.input(added="0.1.0")
class DeploymentTemplateOrder:
    field: DeploymentTemplateOrderField
    direction: OrderDirection | None = versions.field(description="ASC unless said.")


@versions.input(added="0.1.0")
class DeploymentTemplateStatusFilter:
    eq: TemplateStatus | None
    ne: TemplateStatus | None
    in_: list[TemplateStatus] | None = versions.field(name="in")


@versions.input(added="0.1.0")
class RuntimeVariantFilter:
    eq: Variant | None
    ne: Variant | None
    in_: list[Variant] | None = versions.field(name="in")


@versions.input(added="0.1.0")
class DeploymentTemplateFilter:
    """All that is said must hold."""

    id: IDFilter | None
    name: StringFilter | None
    version: IntFilter | None
    status: DeploymentTemplateStatusFilter | None
    variant: RuntimeVariantFilter | None = versions.field(name="runtimeVariant")
    created_by: StringFilter | None
    created_at: DateTimeFilter | None
    updated_at: DateTimeFilter | None
    and_: list["DeploymentTemplateFilter"] | None = versions.field(name="and")
    or_: list["DeploymentTemplateFilter"] | None = versions.field(name="or")
    not_: "DeploymentTemplateFilter | None" = versions.field(name="not")


@versions.input(added="0.2.0")
class TemplateBatchUseInput:
    supported_endpoints: list[str] | None = versions.field(
        description="The paths of requests that it is for; all unless said."
    )
    replicas: int | None = versions.field(
        description="How many, where a job says nothing else; 1 unless said."
    )
    ready_timeout: Duration | None = versions.field(
        description="A deployment that takes longer to be ready is given up; PT30M unless said."
    )


@versions.input(added="0.1.0")
class CreateDeploymentTemplateInput:
    """Makes the next version of the name, whatever was there before."""

    name: str = versions.field(description="1 to 63 of a-z, 0-9 and -.")
    runtime_variant: Variant = versions.field(
        description="The variant that revisions made from it will have."
    )
    spec: JSON = versions.field(
        description="A draft {image, models, environment, resources}, in the file's spelling."
    )
    allowed_overrides: list[JSONPointer] | None = versions.field(
        description="Pointers into the spec that requests may override, * for an index; none unless said."
    )
    description: str | None = versions.field(description="For people: what it is for.")
    status: TemplateStatus | None = versions.field(description="DRAFT unless said.")
    batch: TemplateBatchUseInput | None = versions.field(
        added="0.2.0", description="How batch jobs may use it."
    )
    kubernetes: KubernetesUseInput | None = versions.field(
        added="0.2.0", description="How the pods of its revisions are scheduled."
    )
    idempotency_key: str | None = versions.field(
        description="For repeats: within a day, the same key and input get the first answer."
    )


@versions.input(added="0.1.0")
class UpdateDeploymentTemplateInput:
    """A draft may change in all but its name; later only status and description do."""

    template_id: strawberry.ID = versions.field(description="The version to change.")
    runtime_variant: Maybe[Variant | None]
    spec: Maybe[JSON | None] = versions.field(description="Replaces the spec whole; drafts alone.")
    allowed_overrides: Maybe[list[JSONPointer] | None] = versions.field(
        description="Replaces them all; null allows none."
    )
    description: Maybe[str | None] = versions.field(
        description="For people: what it is for; null empties it."
    )
    status: Maybe[TemplateStatus | None] = versions.field(
        description="E.g. ACTIVE, so that the name alone means it."
    )
    batch: Maybe[TemplateBatchUseInput | None] = versions.field(
        added="0.2.0", description="Replaces it whole; drafts alone. Null is the default again."
    )
    kubernetes: Maybe[KubernetesUseInput | None] = versions.field(
        added="0.2.0", description="Replaces it whole; drafts alone. Null is the default again."
    )


@versions.input(added="0.1.0")
class DeleteDeploymentTemplateInput:
    template_id: strawberry.ID = versions.field(description="The version to delete.")


@versions.type(added="0.1.0")
class CreateDeploymentTemplatePayload(Payload):
    template: DeploymentTemplate | None = versions.field(
        default=None, description="The new version; null where there are user errors."
    )


@versions.type(added="0.1.0")
class UpdateDeploymentTemplatePayload(Payload):
    template: DeploymentTemplate | None = versions.field(
        default=None, description="As it is now; null where there are user errors."
    )


@versions.type(added="0.1.0")
class DeleteDeploymentTemplatePayload(Payload):
    template: DeploymentTemplate | None = versions.field(default=None, description="As it was.")
