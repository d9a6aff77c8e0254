"""OpenAI-compatible servers that are not ours."""

from datetime import datetime
from enum import Enum
from typing import cast

import strawberry
from strawberry import Maybe

from domain.batches import external_endpoint
from schema import versions
from schema.access import Project
from schema.context import Info
from schema.errors import Payload
from schema.lists import DateTimeFilter, IDFilter, OrderDirection, StringFilter
from schema.relay import Node, global_id


@versions.type(added="0.2.0")
class ExternalEndpoint(Node):
    """An OpenAI-compatible server that an operator registered for batch jobs."""

    name: str = versions.field(description="Unique in the project.")
    base_url: str = versions.field(description="What takes the place of /v1 in a request's path.")
    api_key_secret: str | None = versions.field(
        description="The name of the secret that is sent as bearer token; null sends none."
    )
    created_at: datetime
    created_by: str = versions.field(description="Who registered it, e.g. key:ci.")
    updated_at: datetime = versions.field(description="When it last changed.")
    held: strawberry.Private[external_endpoint.ExternalEndpoint]

    @versions.field
    def models(self) -> list[str]:
        """The models that it serves: jobs that ask for one of them may run there."""
        return cast("list[str]", self.held.models)

    @versions.load
    async def project(self, info: Info) -> Project | None:
        found = await info.context.loads.project(self.held.project_id)
        return None if found is None else Project.of(found)

    @classmethod
    def of(cls, value: external_endpoint.ExternalEndpoint) -> "ExternalEndpoint":
        return cls(
            id=global_id("ExternalEndpoint", value.id),
            name=value.name,
            base_url=value.base_url,
            api_key_secret=value.api_key_secret,
            created_at=value.created_at,
            created_by=value.created_by,
            updated_at=value.updated_at,
            held=value,
        )


class ExternalEndpointOrderField(Enum):
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    NAME = "name"


versions.enum(ExternalEndpointOrderField, added="0.2.0")
ORDER_KINDS: dict[str, type] = {"created_at": datetime, "updated_at": datetime, "name": str}


@versions.input(added="0.2.0")
class ExternalEndpointOrder:
    field: ExternalEndpointOrderField
    direction: OrderDirection | None = versions.field(description="ASC unless said.")


@versions.input(added="0.2.0")
class ExternalEndpointFilter:
    """All that is said must hold."""

    id: IDFilter | None
    name: StringFilter | None
    base_url: StringFilter | None
    created_by: StringFilter | None
    created_at: DateTimeFilter | None
    updated_at: DateTimeFilter | None
    and_: list["ExternalEndpointFilter"] | None = versions.field(name="and")
    or_: list["ExternalEndpointFilter"] | None = versions.field(name="or")
    not_: "ExternalEndpointFilter | None" = versions.field(name="not")


@versions.input(added="0.2.0")
class CreateExternalEndpointInput:
    name: str = versions.field(description="1 to 63 of a-z, 0-9 and -, unique in the project.")
    base_url: str = versions.field(
        description="E.g. https://host/v1: what takes the place of /v1 in a request's path."
    )
    models: list[str] = versions.field(description="The models that it serves.")
    api_key_secret: str | None = versions.field(
        description="The name of a secret that is sent as bearer token; none unless said."
    )
    idempotency_key: str | None = versions.field(
        description="For repeats: within a day, the same key and input get the first answer."
    )


@versions.input(added="0.2.0")
class UpdateExternalEndpointInput:
    """Absent stays as it is."""

    external_endpoint_id: strawberry.ID = versions.field(description="The endpoint to change.")
    name: Maybe[str | None] = versions.field(description="Its new name; it has to have one.")
    base_url: Maybe[str | None] = versions.field(description="Its new URL; it has to have one.")
    models: Maybe[list[str] | None] = versions.field(
        description="Replaces them all; null removes them."
    )
    api_key_secret: Maybe[str | None] = versions.field(description="Null sends no token.")


@versions.input(added="0.2.0")
class DeleteExternalEndpointInput:
    external_endpoint_id: strawberry.ID = versions.field(description="The endpoint to delete.")


@versions.type(added="0.2.0")
class CreateExternalEndpointPayload(Payload):
    external_endpoint: ExternalEndpoint | None = versions.field(
        default=None, description="The new endpoint; null where there are user errors."
    )


@versions.type(added="0.2.0")
class UpdateExternalEndpointPayload(Payload):
    external_endpoint: ExternalEndpoint | None = versions.field(
        default=None, description="As it is now; null where there are user errors."
    )


@versions.type(added="0.2.0")
class DeleteExternalEndpointPayload(Payload):
    external_endpoint: ExternalEndpoint | None = versions.field(
        default=None, description="As it was."
    )
