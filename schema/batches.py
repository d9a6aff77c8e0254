"""Batch jobs."""

from datetime import datetime

import strawberry

from domain.batches import batch
from schema import batch_parts, versions
from schema.access import Project
from schema.batch_enums import BatchReason, BatchStatus, TargetKind
from schema.batch_parts import (
    BatchCounts,
    BatchJobError,
    BatchMetadata,
    BatchRetry,
    BatchUsage,
)
from schema.batch_profiles import BatchProfile
from schema.batch_results import BatchResultConnection
from schema.context import Info
from schema.deployments import ModelDeployment
from schema.errors import Payload
from schema.external_endpoints import ExternalEndpoint
from schema.files import File
from schema.relay import MOST_FIRST, After, First, Node, global_id, page_size
from schema.scalars import Duration, duration
from schema.templates import DeploymentTemplate


@versions.type(added="0.2.0")
class BatchJob(Node):
    """A file of requests for a model, and what becomes of it."""

    openai_id: str = versions.field(
        description="batch_…, as the OpenAI-compatible API names it; arguments take it as id, too."
    )
    status: BatchStatus = versions.field(
        description="Where it stands now; a subscription tells of each change."
    )
    status_since: datetime = versions.field(description="When it came to that status.")
    reason: BatchReason | None = versions.field(
        description="Why it stands there; null where there is nothing to say."
    )
    message: str = versions.field(description="The reason in words; may be empty.")
    endpoint: str = versions.field(description="The path of its requests: /v1/chat/completions …")
    model: str | None = versions.field(
        description="What its lines ask for; null until it is validated."
    )
    completion_window: str = versions.field(description="As it was sent, e.g. 24h.")
    expires_at: datetime = versions.field(description="When its window closes.")
    output_expires_after: Duration | None = versions.field(
        description="How long its result files are kept, from when they are made."
    )
    priority: int = versions.field(
        description="From 1 to 10: its share of a place beside other jobs."
    )
    max_concurrency: int | None = versions.field(
        description="Requests at a time; null: as many as its place takes."
    )
    request_timeout: Duration = versions.field(description="How long one request may take.")
    replicas: int | None = versions.field(
        description="Of a deployment that is made for it; null: as its template says."
    )
    keep_alive: Duration = versions.field(
        description="How long that deployment stays warm behind the job's end."
    )
    created_at: datetime
    created_by: str = versions.field(description="Who made it, e.g. key:ci.")
    in_progress_at: datetime | None
    finalizing_at: datetime | None
    completed_at: datetime | None
    failed_at: datetime | None
    expired_at: datetime | None
    cancelling_at: datetime | None
    cancelled_at: datetime | None
    paused_at: datetime | None = versions.field(description="Null where it is not paused.")
    held: strawberry.Private[batch.Batch]

    @versions.field
    def metadata(self) -> list[BatchMetadata]:
        """What its maker noted of it."""
        return batch_parts.metadata(self.held)

    @versions.field
    def retry(self) -> BatchRetry:
        """How often its requests are tried."""
        return BatchRetry.of(self.held.terms.retry)

    @versions.field
    def counts(self) -> BatchCounts:
        """How many of its lines are done."""
        return batch_parts.counts(self.held)

    @versions.field
    def usage(self) -> BatchUsage:
        """The tokens that its results took."""
        return BatchUsage.of(self.held.usage)

    @versions.field
    def errors(self) -> list[BatchJobError]:
        """What was wrong with its input, or with the place that it was to run at."""
        return [BatchJobError.of(error) for error in self.held.errors]

    @versions.field
    def target(self) -> TargetKind | None:
        """What kind of place it runs at; null until one is chosen."""
        return None if self.held.place is None else self.held.place.target

    @versions.field
    def target_reason(self) -> str | None:
        """Why it runs there."""
        return None if self.held.place is None else self.held.place.why

    @versions.field
    def revision_number(self) -> int | None:
        """The revision that it is pinned to; null where it follows the active one."""
        return None if self.held.place is None else self.held.place.revision_number

    @versions.load
    async def project(self, info: Info) -> Project | None:
        found = await info.context.loads.project(self.held.project_id)
        return None if found is None else Project.of(found)

    @versions.load
    async def input_file(self, info: Info) -> File | None:
        """Its requests; null where the file is deleted."""
        return await _file(info, self.held.input_file_id)

    @versions.load
    async def output_file(self, info: Info) -> File | None:
        """Its results in input order; null before it is final, where there are none, and where the
        file is deleted."""
        return await _file(info, self.held.output_file_id)

    @versions.load
    async def error_file(self, info: Info) -> File | None:
        """Its errors in input order; null before it is final, where there are none, and where the
        file is deleted."""
        return await _file(info, self.held.error_file_id)

    @versions.load
    async def deployment(self, info: Info) -> ModelDeployment | None:
        """Where it runs; null where that is no deployment, or none yet."""
        own = self.held.place and self.held.place.deployment_id
        found = await info.context.loads.deployment(own) if own else None
        return None if found is None else ModelDeployment.of(found)

    @versions.load
    async def external_endpoint(self, info: Info) -> ExternalEndpoint | None:
        """Where it runs; null where that is no external endpoint, or it is deleted."""
        own = self.held.place and self.held.place.external_endpoint_id
        found = await info.context.loads.external_endpoint(own) if own else None
        return None if found is None else ExternalEndpoint.of(found)

    @versions.load
    async def template(self, info: Info) -> DeploymentTemplate | None:
        """What the deployment is made from that is made for it."""
        own = self.held.place and self.held.place.template_id
        found = await info.context.loads.template(own) if own else None
        return None if found is None else DeploymentTemplate.of(found)

    @versions.load
    async def profile(self, info: Info) -> BatchProfile | None:
        """The rules that it was made under; null for none, and where they are deleted."""
        own = self.held.profile_id
        found = await info.context.loads.batch_profile(own) if own else None
        return None if found is None else BatchProfile.of(found)

    @versions.load
    async def retry_of(self, info: Info) -> "BatchJob | None":
        """The job whose lines without a result it repeats."""
        own = self.held.retry_of
        found = await info.context.loads.batch_job(own) if own else None
        return None if found is None else BatchJob.of(found)

    @versions.field
    async def results(
        self, info: Info, first: First = MOST_FIRST, after: After = None
    ) -> BatchResultConnection | None:
        """What is committed so far, results and errors, in the order in which they came; null, beside
        an error RESULTS_DELETED, where its files are deleted. Lines that a cancel or the window's end
        cut off stand in the error file alone."""
        page = await info.context.loads.batch_results(self.held, after, page_size(first))
        return BatchResultConnection.of(page, after)

    @classmethod
    def of(cls, value: batch.Batch) -> "BatchJob":
        return cls(
            id=global_id("BatchJob", value.id),
            openai_id=f"batch_{value.id}",
            request_timeout=Duration(value.terms.request_timeout),
            output_expires_after=duration(value.output_expires_after),
            keep_alive=Duration(value.terms.keep_alive),
            priority=value.terms.priority,
            max_concurrency=value.terms.max_concurrency,
            replicas=value.terms.replicas,
            held=value,
            **{name: getattr(value, name) for name in _AS_THEY_ARE},
        )


_AS_THEY_ARE = (
    "status",
    "status_since",
    "reason",
    "message",
    "endpoint",
    "model",
    "completion_window",
    "expires_at",
    "created_at",
    "created_by",
    "in_progress_at",
    "finalizing_at",
    "completed_at",
    "failed_at",
    "expired_at",
    "cancelling_at",
    "cancelled_at",
    "paused_at",
)


async def _file(info: Info, own: str | None) -> File | None:
    found = await info.context.loads.file(own) if own else None
    return None if found is None else File.of(found)


@versions.type(added="0.2.0")
class CreateBatchJobPayload(Payload):
    batch_job: BatchJob | None = versions.field(
        default=None, description="The new job; null where there are user errors."
    )


@versions.type(added="0.2.0")
class CancelBatchJobPayload(Payload):
    batch_job: BatchJob | None = versions.field(
        default=None, description="As it is now; null where there are user errors."
    )


@versions.type(added="0.2.0")
class PauseBatchJobPayload(Payload):
    batch_job: BatchJob | None = versions.field(
        default=None, description="As it is now; null where there are user errors."
    )


@versions.type(added="0.2.0")
class ResumeBatchJobPayload(Payload):
    batch_job: BatchJob | None = versions.field(
        default=None, description="As it is now; null where there are user errors."
    )


@versions.type(added="0.2.0")
class RetryBatchJobPayload(Payload):
    batch_job: BatchJob | None = versions.field(
        default=None, description="The new job; null where there are user errors."
    )
