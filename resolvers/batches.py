"""Batch jobs."""

from typing import cast

import strawberry

from domain.batches.admission.options import NewBatch
from domain.batches.batch import TemplateWish, Wish
from domain.errors import InvalidValue
from resolvers import lists
from resolvers.batch_profiles import retry
from resolvers.context import Info
from resolvers.errors import mending
from resolvers.inputs import json_object, own_id, own_id_or_none
from schema import versions
from schema.batch_inputs import (
    NEWEST_FIRST,
    ORDER_KINDS,
    BatchJobFilter,
    BatchJobOrder,
    BatchMetadataInput,
    CancelBatchJobInput,
    CreateBatchJobInput,
    PauseBatchJobInput,
    ResumeBatchJobInput,
    RetryBatchJobInput,
)
from schema.batch_parts import BatchJobError
from schema.batch_previews import PreviewBatchJobPayload
from schema.batches import (
    BatchJob,
    CancelBatchJobPayload,
    CreateBatchJobPayload,
    PauseBatchJobPayload,
    ResumeBatchJobPayload,
    RetryBatchJobPayload,
)
from schema.relay import DEFAULT_FIRST, After, Connection, First
from schema.revision_inputs import DeploymentTemplateChoiceInput

WINDOW = "24h"


@versions.type(added="0.2.0")
class BatchQueries:
    @versions.method(added="0.2.0")
    async def batch_job(self, info: Info, id: strawberry.ID) -> BatchJob | None:
        """A job by its id, also as the OpenAI-compatible API writes it (batch_…)."""
        own = own_id_or_none("BatchJob", id)
        found = await info.context.loads.batch_job(own) if own else None
        return None if found is None else BatchJob.of(found)

    @versions.method(added="0.2.0")
    async def batch_jobs(
        self,
        info: Info,
        first: First = DEFAULT_FIRST,
        after: After = None,
        filter: BatchJobFilter | None = None,
        order_by: BatchJobOrder | None = None,
    ) -> Connection[BatchJob]:
        """The project's jobs, newest first unless ordered."""
        return await lists.in_project(
            info.context,
            info.context.services.reads.batches,
            BatchJob.of,
            ORDER_KINDS,
            first=first,
            after=after,
            filter=filter,
            order_by=order_by,
            otherwise=NEWEST_FIRST,
        )

    @versions.method(added="0.2.0")
    async def preview_batch_job(
        self, info: Info, input: CreateBatchJobInput
    ) -> PreviewBatchJobPayload:
        """Reads the whole file and chooses a place, as the job would; makes nothing."""
        payload = PreviewBatchJobPayload()
        with mending(payload):
            batches = info.context.services.batches
            found = await batches.preview(info.context.caller, new_batch(input))
            payload.total, payload.model = found.total, found.model
            payload.errors = [BatchJobError.of(error) for error in found.errors]
            payload.show(found.place)
        return payload


@versions.type(added="0.2.0")
class BatchMutations:
    @versions.method(added="0.2.0")
    async def create_batch_job(
        self, info: Info, input: CreateBatchJobInput
    ) -> CreateBatchJobPayload | None:
        """Makes a job of an uploaded file; what its content lacks fails the job later."""
        payload = CreateBatchJobPayload()
        with mending(payload):
            batches = info.context.services.batches
            new = new_batch(input)
            created = await batches.create(info.context.caller, new, input.idempotency_key)
            payload.batch_job = BatchJob.of(created)
        return payload

    @versions.method(added="0.2.0")
    async def cancel_batch_job(
        self, info: Info, input: CancelBatchJobInput
    ) -> CancelBatchJobPayload | None:
        """Ends a job: nothing more is sent, what was done is kept."""
        payload = CancelBatchJobPayload()
        with mending(payload):
            own = own_id("BatchJob", input.batch_job_id, "batch_job_id")
            batches = info.context.services.batches
            payload.batch_job = BatchJob.of(await batches.cancel(info.context.caller, own))
        return payload

    @versions.method(added="0.2.0")
    async def pause_batch_job(
        self, info: Info, input: PauseBatchJobInput
    ) -> PauseBatchJobPayload | None:
        """Has a job send nothing more until it is resumed; its window goes on."""
        payload = PauseBatchJobPayload()
        with mending(payload):
            own = own_id("BatchJob", input.batch_job_id, "batch_job_id")
            batches = info.context.services.batches
            payload.batch_job = BatchJob.of(await batches.pause(info.context.caller, own))
        return payload

    @versions.method(added="0.2.0")
    async def resume_batch_job(
        self, info: Info, input: ResumeBatchJobInput
    ) -> ResumeBatchJobPayload | None:
        """Has a paused job go on."""
        payload = ResumeBatchJobPayload()
        with mending(payload):
            own = own_id("BatchJob", input.batch_job_id, "batch_job_id")
            batches = info.context.services.batches
            payload.batch_job = BatchJob.of(await batches.resume(info.context.caller, own))
        return payload

    @versions.method(added="0.2.0")
    async def retry_batch_job(
        self, info: Info, input: RetryBatchJobInput
    ) -> RetryBatchJobPayload | None:
        """Makes a new job of the lines of a final one that have no result."""
        payload = RetryBatchJobPayload()
        with mending(payload):
            own = own_id("BatchJob", input.batch_job_id, "batch_job_id")
            batches = info.context.services.batches
            made = await batches.retry(info.context.caller, own, input.idempotency_key)
            payload.batch_job = BatchJob.of(made)
        return payload


def new_batch(said: CreateBatchJobInput) -> NewBatch:
    """Raises NotFound for an id of another type, InvalidValue."""
    return NewBatch(
        input_file_id=own_id("File", said.input_file_id, "input_file_id"),
        endpoint=said.endpoint,
        completion_window=said.completion_window or WINDOW,
        metadata=_metadata(said.metadata or []),
        output_expires_after=cast("float | None", said.output_expires_after),
        wish=Wish(
            target=said.target,
            deployment=said.deployment,
            endpoint=said.external_endpoint,
            template=_template(said.template),
            profile=said.profile,
            priority=said.priority,
            replicas=said.replicas,
            keep_alive=cast("float | None", said.keep_alive),
            max_concurrency=said.max_concurrency,
            request_timeout=cast("float | None", said.request_timeout),
            retry=retry(said.retry),
        ),
    )


def _metadata(said: list[BatchMetadataInput]) -> dict[str, str]:
    found: dict[str, str] = {}
    for place, pair in enumerate(said):
        if pair.key in found:
            raise InvalidValue(path=("metadata", place, "key"), problem="The key comes twice.")
        found[pair.key] = pair.value
    return found


def _template(said: DeploymentTemplateChoiceInput | None) -> TemplateWish | None:
    if said is None:
        return None
    path = ("template", "overrides")
    overrides = {} if said.overrides is None else json_object(said.overrides, *path)
    return TemplateWish(name=said.name, version=said.version, overrides=overrides)
