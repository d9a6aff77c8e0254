"""Facts about batch jobs, profiles and external endpoints."""

import strawberry

from schema import versions
from schema.batch_enums import BatchReason, BatchStatus, TargetKind
from schema.batch_event_kinds import BatchJobEvent, BatchProfileEvent, ExternalEndpointEvent
from schema.batches import BatchJob
from schema.context import Info
from schema.deployments import ModelDeployment
from schema.external_endpoints import ExternalEndpoint
from schema.files import File


@versions.type(added="0.2.0")
class BatchJobCreated(BatchJobEvent):
    """A batch job was made; its file is validated next."""

    endpoint: str = versions.field(description="The path of its requests.")
    input_file_id: strawberry.ID
    retry_of: strawberry.ID | None = versions.field(
        name="retryOfId", description="The job whose lines without a result it repeats."
    )
    own_input_file_id: strawberry.Private[str]
    own_retry_of: strawberry.Private[str | None]

    @versions.load
    async def input_file(self, info: Info) -> File | None:
        """As it is now; null when it is gone."""
        found = await info.context.loads.file(self.own_input_file_id)
        return None if found is None else File.of(found)

    @versions.method(name="retryOf", loads=True)
    async def repeated(self, info: Info) -> BatchJob | None:
        """The job that it repeats, as it is now."""
        found = await info.context.loads.batch_job(self.own_retry_of) if self.own_retry_of else None
        return None if found is None else BatchJob.of(found)


@versions.type(added="0.2.0")
class BatchJobStatusChanged(BatchJobEvent):
    """A batch job's status or its reason is another."""

    job_status_before: BatchStatus
    job_status_after: BatchStatus
    job_reason: BatchReason | None = versions.field(description="Why it came to the later one.")
    message: str = versions.field(description="The reason in words; may be empty.")


@versions.type(added="0.2.0")
class BatchJobPlaced(BatchJobEvent):
    """Where a batch job runs was decided."""

    target: TargetKind = versions.field(name="batchTarget")
    why: str = versions.field(description="Why there.")
    placed_deployment_id: strawberry.ID | None
    placed_endpoint_id: strawberry.ID | None
    own_placed_deployment_id: strawberry.Private[str | None]
    own_placed_endpoint_id: strawberry.Private[str | None]

    @versions.load
    async def placed_deployment(self, info: Info) -> ModelDeployment | None:
        """As it is now; null where it runs elsewhere, or the deployment is yet to be made."""
        own = self.own_placed_deployment_id
        found = await info.context.loads.deployment(own) if own else None
        return None if found is None else ModelDeployment.of(found)

    @versions.load
    async def placed_endpoint(self, info: Info) -> ExternalEndpoint | None:
        """As it is now; null where it runs elsewhere, or when it is gone."""
        own = self.own_placed_endpoint_id
        found = await info.context.loads.external_endpoint(own) if own else None
        return None if found is None else ExternalEndpoint.of(found)


@versions.type(added="0.2.0")
class BatchJobProgressed(BatchJobEvent):
    """Results became durable; the counts are the whole job's."""

    total: int
    completed: int
    failed: int


@versions.type(added="0.2.0")
class BatchJobPaused(BatchJobEvent):
    """A batch job sends nothing more until somebody resumes it."""


@versions.type(added="0.2.0")
class BatchJobResumed(BatchJobEvent):
    """A paused batch job goes on."""


@versions.type(added="0.2.0")
class BatchProfileCreated(BatchProfileEvent):
    """A batch profile was made."""

    name: str


@versions.type(added="0.2.0")
class BatchProfileUpdated(BatchProfileEvent):
    """A batch profile changed; jobs that were made keep what they got."""

    name: str


@versions.type(added="0.2.0")
class BatchProfileDeleted(BatchProfileEvent):
    """A batch profile is gone."""

    name: str


@versions.type(added="0.2.0")
class ExternalEndpointCreated(ExternalEndpointEvent):
    """An external endpoint was registered."""

    name: str


@versions.type(added="0.2.0")
class ExternalEndpointUpdated(ExternalEndpointEvent):
    """An external endpoint changed."""

    name: str


@versions.type(added="0.2.0")
class ExternalEndpointDeleted(ExternalEndpointEvent):
    """An external endpoint is no longer registered."""

    name: str
