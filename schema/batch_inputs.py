"""What lists of batch jobs are filtered by, and what users say of one."""

from datetime import datetime
from enum import Enum

import strawberry

from domain.listing import Order
from schema import versions
from schema.batch_enums import BatchReason, BatchStatus, TargetKind
from schema.lists import DateTimeFilter, IDFilter, OrderDirection, StringFilter
from schema.revision_inputs import DeploymentTemplateChoiceInput
from schema.scalars import Duration

NEWEST_FIRST = Order("created_at", descending=True)


class BatchJobOrderField(Enum):
    CREATED_AT = "created_at"
    EXPIRES_AT = "expires_at"
    STATUS = "status"


versions.enum(BatchJobOrderField, added="0.2.0")
ORDER_KINDS: dict[str, type] = {
    "created_at": datetime,
    "expires_at": datetime,
    "status": BatchStatus,
}


@versions.input(added="0.2.0")
class BatchJobOrder:
    field: BatchJobOrderField
    direction: OrderDirection | None = versions.field(description="ASC unless said.")


@versions.input(added="0.2.0")
class BatchJobStatusFilter:
    eq: BatchStatus | None
    ne: BatchStatus | None
    in_: list[BatchStatus] | None = versions.field(name="in")


@versions.input(added="0.2.0")
class BatchJobReasonFilter:
    eq: BatchReason | None
    ne: BatchReason | None
    in_: list[BatchReason] | None = versions.field(name="in")


@versions.input(added="0.2.0")
class BatchJobFilter:
    """All that is said must hold."""

    id: IDFilter | None
    status: BatchJobStatusFilter | None
    reason: BatchJobReasonFilter | None
    endpoint: StringFilter | None
    model: StringFilter | None
    input_file_id: IDFilter | None
    profile_id: IDFilter | None
    retry_of: IDFilter | None
    created_by: StringFilter | None
    created_at: DateTimeFilter | None
    expires_at: DateTimeFilter | None
    and_: list["BatchJobFilter"] | None = versions.field(name="and")
    or_: list["BatchJobFilter"] | None = versions.field(name="or")
    not_: "BatchJobFilter | None" = versions.field(name="not")


@versions.input(added="0.2.0")
class BatchMetadataInput:
    """One pair; a job has at most 16, of 64 and 512 characters."""

    key: str
    value: str


@versions.input(added="0.2.0")
class BatchRetryInput:
    attempts: int | None = versions.field(
        description="How many tries a line has, the first included; 5 unless said."
    )
    first: Duration | None = versions.field(
        description="The wait before the second try, doubled for each further one; PT0.5S unless said."
    )
    longest: Duration | None = versions.field(description="No wait is longer; PT30S unless said.")


@versions.input(added="0.2.0")
class CreateBatchJobInput:
    """What is not said is as the profile has it, else the default."""

    input_file_id: strawberry.ID = versions.field(
        description="An uploaded file of purpose BATCH: a request a line."
    )
    endpoint: str = versions.field(
        description="The path of all its requests: /v1/chat/completions, /v1/completions, "
        "/v1/embeddings, /v1/responses, /v1/rerank or /v1/moderations."
    )
    completion_window: str | None = versions.field(
        description="How long it may take: 24h, or <n>m, <n>h, <n>d from 1m to 30d; 24h unless said."
    )
    metadata: list[BatchMetadataInput] | None = versions.field(
        description="What to note of it; nothing unless said."
    )
    output_expires_after: Duration | None = versions.field(
        description="How long result files are kept, from when they are made; P30D unless said."
    )
    target: TargetKind | None = versions.field(
        description="What kind of place it is to run at; what fits its model unless said."
    )
    deployment: str | None = versions.field(
        description="The deployment to run on: its name, or name@N for its revision N alone."
    )
    external_endpoint: str | None = versions.field(
        description="The name of the external endpoint to send its requests to."
    )
    template: DeploymentTemplateChoiceInput | None = versions.field(
        description="The template to make a deployment from for it."
    )
    profile: str | None = versions.field(
        description="The name of a batch profile; the project's default one unless said."
    )
    priority: int | None = versions.field(
        description="From 1 to 10: its share of a place beside other jobs; 5 unless said."
    )
    replicas: int | None = versions.field(
        description="Of a deployment that is made for it; as its template has it unless said."
    )
    keep_alive: Duration | None = versions.field(
        description="How long that deployment stays warm behind the job's end, for the next job of "
        "the same; PT0S unless said."
    )
    max_concurrency: int | None = versions.field(
        description="Requests at a time; as many as its place takes unless said."
    )
    request_timeout: Duration | None = versions.field(
        description="How long one request may take; PT10M unless said."
    )
    retry: BatchRetryInput | None = versions.field(description="How often a request is tried.")
    idempotency_key: str | None = versions.field(
        description="For repeats: within a day, the same key and input get the first answer."
    )


@versions.input(added="0.2.0")
class CancelBatchJobInput:
    batch_job_id: strawberry.ID = versions.field(description="The job to cancel.")


@versions.input(added="0.2.0")
class PauseBatchJobInput:
    batch_job_id: strawberry.ID = versions.field(description="The job to pause.")


@versions.input(added="0.2.0")
class ResumeBatchJobInput:
    batch_job_id: strawberry.ID = versions.field(description="The job to go on with.")


@versions.input(added="0.2.0")
class RetryBatchJobInput:
    batch_job_id: strawberry.ID = versions.field(
        description="The final job whose lines without a result are to be run."
    )
    idempotency_key: str | None = versions.field(
        description="For repeats: within a day, the same key and input get the first answer."
    )
