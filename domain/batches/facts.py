"""What is recorded of batches, profiles and external endpoints."""

from dataclasses import dataclass

from domain.batches.batch import BatchReason, BatchStatus, TargetKind


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchJobCreated:
    batch_job_id: str
    endpoint: str
    input_file_id: str
    retry_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchJobStatusChanged:
    """Also recorded where only the reason is another."""

    batch_job_id: str
    job_status_before: BatchStatus
    job_status_after: BatchStatus
    job_reason: BatchReason | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchJobPlaced:
    """Where it runs was decided; `why` tells."""

    batch_job_id: str
    target: TargetKind
    why: str
    placed_deployment_id: str | None = None
    placed_endpoint_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchJobProgressed:
    """Results became durable; the counts are the batch's, not this commit's."""

    batch_job_id: str
    total: int
    completed: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchJobPaused:
    batch_job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchJobResumed:
    batch_job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchProfileCreated:
    batch_profile_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchProfileUpdated:
    batch_profile_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchProfileDeleted:
    batch_profile_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalEndpointCreated:
    external_endpoint_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalEndpointUpdated:
    external_endpoint_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalEndpointDeleted:
    external_endpoint_id: str
    name: str


Fact = (
    BatchJobCreated
    | BatchJobStatusChanged
    | BatchJobPlaced
    | BatchJobProgressed
    | BatchJobPaused
    | BatchJobResumed
    | BatchProfileCreated
    | BatchProfileUpdated
    | BatchProfileDeleted
    | ExternalEndpointCreated
    | ExternalEndpointUpdated
    | ExternalEndpointDeleted
)
