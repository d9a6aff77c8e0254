"""What would become of a batch job."""

import strawberry

from domain.batches.batch import Place
from schema import versions
from schema.batch_enums import TargetKind
from schema.batch_parts import BatchJobError
from schema.context import Info
from schema.deployments import ModelDeployment
from schema.errors import Payload
from schema.external_endpoints import ExternalEndpoint
from schema.templates import DeploymentTemplate


@versions.type(added="0.2.0")
class PreviewBatchJobPayload(Payload):
    """With errors the job would be made, and would fail; with user errors it would not be made."""

    total: int | None = versions.field(default=None, description="The lines of the input file.")
    model: str | None = versions.field(default=None, description="What they ask for.")
    errors: list[BatchJobError] = versions.field(
        default_factory=list, description="What is wrong with the input; at most 100."
    )
    target: TargetKind | None = versions.field(
        default=None, description="What kind of place it would run at."
    )
    target_reason: str | None = versions.field(default=None, description="Why there.")
    revision_number: int | None = versions.field(
        default=None, description="The revision that it would be pinned to."
    )
    place: strawberry.Private[Place | None] = None

    @versions.load
    async def deployment(self, info: Info) -> ModelDeployment | None:
        """The one that it would run on."""
        own = self.place and self.place.deployment_id
        found = await info.context.loads.deployment(own) if own else None
        return None if found is None else ModelDeployment.of(found)

    @versions.load
    async def external_endpoint(self, info: Info) -> ExternalEndpoint | None:
        """The one that its requests would go to."""
        own = self.place and self.place.external_endpoint_id
        found = await info.context.loads.external_endpoint(own) if own else None
        return None if found is None else ExternalEndpoint.of(found)

    @versions.load
    async def template(self, info: Info) -> DeploymentTemplate | None:
        """The one that a deployment would be made from for it."""
        own = self.place and self.place.template_id
        found = await info.context.loads.template(own) if own else None
        return None if found is None else DeploymentTemplate.of(found)

    def show(self, place: Place | None) -> None:
        self.place = place
        if place is not None:
            self.target, self.target_reason = place.target, place.why
            self.revision_number = place.revision_number
