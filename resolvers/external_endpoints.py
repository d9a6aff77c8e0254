"""External endpoints."""

from typing import cast

import strawberry

from domain.batches.external_endpoints import ExternalEndpointPatch, NewExternalEndpoint
from resolvers import lists
from resolvers.context import Info
from resolvers.errors import mending
from resolvers.inputs import own_id, own_id_or_none, patch
from schema import versions
from schema.external_endpoints import (
    ORDER_KINDS,
    CreateExternalEndpointInput,
    CreateExternalEndpointPayload,
    DeleteExternalEndpointInput,
    DeleteExternalEndpointPayload,
    ExternalEndpoint,
    ExternalEndpointFilter,
    ExternalEndpointOrder,
    UpdateExternalEndpointInput,
    UpdateExternalEndpointPayload,
)
from schema.relay import DEFAULT_FIRST, After, Connection, First


@versions.type(added="0.2.0")
class ExternalEndpointQueries:
    @versions.method(added="0.2.0")
    async def external_endpoint(self, info: Info, id: strawberry.ID) -> ExternalEndpoint | None:
        """An endpoint by its id; null for an id of nothing that the caller sees."""
        own = own_id_or_none("ExternalEndpoint", id)
        found = await info.context.loads.external_endpoint(own) if own else None
        return None if found is None else ExternalEndpoint.of(found)

    @versions.method(added="0.2.0")
    async def external_endpoints(
        self,
        info: Info,
        first: First = DEFAULT_FIRST,
        after: After = None,
        filter: ExternalEndpointFilter | None = None,
        order_by: ExternalEndpointOrder | None = None,
    ) -> Connection[ExternalEndpoint]:
        """The project's endpoints, oldest first unless ordered."""
        return await lists.in_project(
            info.context,
            info.context.services.reads.external_endpoints,
            ExternalEndpoint.of,
            ORDER_KINDS,
            first=first,
            after=after,
            filter=filter,
            order_by=order_by,
        )


@versions.type(added="0.2.0")
class ExternalEndpointMutations:
    @versions.method(added="0.2.0")
    async def create_external_endpoint(
        self, info: Info, input: CreateExternalEndpointInput
    ) -> CreateExternalEndpointPayload | None:
        """Registers an OpenAI-compatible server; needs an admin of the project."""
        payload = CreateExternalEndpointPayload()
        with mending(payload):
            new = NewExternalEndpoint(
                name=input.name,
                base_url=input.base_url,
                models=tuple(input.models),
                api_key_secret=input.api_key_secret,
            )
            endpoints = info.context.services.external_endpoints
            created = await endpoints.create(info.context.caller, new, input.idempotency_key)
            payload.external_endpoint = ExternalEndpoint.of(created)
        return payload

    @versions.method(added="0.2.0")
    async def update_external_endpoint(
        self, info: Info, input: UpdateExternalEndpointInput
    ) -> UpdateExternalEndpointPayload | None:
        """Changes what is said, and leaves the rest as it is; needs an admin of the project."""
        payload = UpdateExternalEndpointPayload()
        with mending(payload):
            own = own_id("ExternalEndpoint", input.external_endpoint_id, "external_endpoint_id")
            said = patch(input, without=("external_endpoint_id",))
            endpoints = info.context.services.external_endpoints
            changed = await endpoints.update(
                info.context.caller, own, cast("ExternalEndpointPatch", said)
            )
            payload.external_endpoint = ExternalEndpoint.of(changed)
        return payload

    @versions.method(added="0.2.0")
    async def delete_external_endpoint(
        self, info: Info, input: DeleteExternalEndpointInput
    ) -> DeleteExternalEndpointPayload | None:
        """Deletes an endpoint; needs an admin of the project."""
        payload = DeleteExternalEndpointPayload()
        with mending(payload):
            own = own_id("ExternalEndpoint", input.external_endpoint_id, "external_endpoint_id")
            endpoints = info.context.services.external_endpoints
            deleted = await endpoints.delete(info.context.caller, own)
            payload.external_endpoint = ExternalEndpoint.of(deleted)
        return payload
