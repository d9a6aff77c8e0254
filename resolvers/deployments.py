"""Model deployments."""

from typing import cast

import strawberry

from domain.deployments.deployment import MAX_IN_FLIGHT
from domain.deployments.service import DeploymentPatch, NewDeployment
from domain.deployments.strategy import Rolling
from resolvers import lists
from resolvers.context import Info
from resolvers.errors import mending
from resolvers.inputs import own_id, own_id_or_none, patch
from schema import strategies, versions
from schema.deployment_inputs import (
    ORDER_KINDS,
    CreateModelDeploymentInput,
    DeleteModelDeploymentInput,
    ModelDeploymentFilter,
    ModelDeploymentOrder,
    ScaleModelDeploymentInput,
    UpdateModelDeploymentInput,
)
from schema.deployments import (
    CreateModelDeploymentPayload,
    DeleteModelDeploymentPayload,
    ModelDeployment,
    ScaleModelDeploymentPayload,
    UpdateModelDeploymentPayload,
)
from schema.relay import DEFAULT_FIRST, After, Connection, First


@versions.type(added="0.1.0")
class DeploymentQueries:
    @versions.field
    async def model_deployment(self, info: Info, id: strawberry.ID) -> ModelDeployment | None:
        """A deployment by its id, also one that was deleted."""
        own = own_id_or_none("ModelDeployment", id)
        found = await info.context.loads.deployment(own) if own else None
        return None if found is None else ModelDeployment.of(found)

    @versions.field
    async def model_deployments(
        self,
        info: Info,
        first: First = DEFAULT_FIRST,
        after: After = None,
        filter: ModelDeploymentFilter | None = None,
        order_by: ModelDeploymentOrder | None = None,
    ) -> Connection[ModelDeployment]:
        """The project's deployments without the deleted and those made for batches, oldest first unless
        ordered."""
        return await lists.in_project(
            info.context,
            info.context.services.reads.deployments,
            ModelDeployment.of,
            ORDER_KINDS,
            first=first,
            after=after,
            filter=filter,
            order_by=order_by,
        )


@versions.type(added="0.1.0")
class DeploymentMutations:
    @versions.field
    async def create_model_deployment(
        self, info: Info, input: CreateModelDeploymentInput
    ) -> CreateModelDeploymentPayload | None:
        """Makes a deployment; nothing runs before a revision is added and activated."""
        payload = CreateModelDeploymentPayload()
        with mending(payload):
            new = NewDeployment(
                name=input.name,
                tags=tuple(input.tags or ()),
                desired_replicas=1 if input.desired_replicas is None else input.desired_replicas,
                strategy=Rolling() if input.strategy is None else strategies.read(input.strategy),
                max_in_flight=MAX_IN_FLIGHT if input.max_in_flight is None else input.max_in_flight,
            )
            deployments = info.context.services.deployments
            created = await deployments.create(info.context.caller, new, input.idempotency_key)
            payload.deployment = ModelDeployment.of(created)
        return payload

    @versions.field
    async def update_model_deployment(
        self, info: Info, input: UpdateModelDeploymentInput
    ) -> UpdateModelDeploymentPayload | None:
        """Changes what is said, and leaves the rest as it is."""
        payload = UpdateModelDeploymentPayload()
        with mending(payload):
            own = own_id("ModelDeployment", input.deployment_id, "deployment_id")
            said = patch(input, without=("deployment_id", "expected_etag"))
            if said.get("strategy") is not None:
                said["strategy"] = strategies.read(said["strategy"])
            deployments = info.context.services.deployments
            changed = await deployments.update(
                info.context.caller, own, cast("DeploymentPatch", said), input.expected_etag
            )
            payload.deployment = ModelDeployment.of(changed)
        return payload

    @versions.field
    async def scale_model_deployment(
        self, info: Info, input: ScaleModelDeploymentInput
    ) -> ScaleModelDeploymentPayload | None:
        """Says how many replicas are to run; a live rollout goes on with that number."""
        payload = ScaleModelDeploymentPayload()
        with mending(payload):
            own = own_id("ModelDeployment", input.deployment_id, "deployment_id")
            deployments = info.context.services.deployments
            scaled, payload.changed = await deployments.scale(
                info.context.caller, own, input.desired_replicas, input.expected_etag
            )
            payload.deployment = ModelDeployment.of(scaled)
        return payload

    @versions.field
    async def delete_model_deployment(
        self, info: Info, input: DeleteModelDeploymentInput
    ) -> DeleteModelDeploymentPayload | None:
        """Drains, stops and deletes it. Its history and events stay, found by its id; its name is free
        once it is STOPPED."""
        payload = DeleteModelDeploymentPayload()
        with mending(payload):
            own = own_id("ModelDeployment", input.deployment_id, "deployment_id")
            deployments = info.context.services.deployments
            deleted = await deployments.delete(info.context.caller, own, input.expected_etag)
            payload.deployment = ModelDeployment.of(deleted)
        return payload
