"""Where a project wants to be told of its batches' ends."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class WebhookEvent(StrEnum):
    BATCH_COMPLETED = "batch.completed"
    BATCH_FAILED = "batch.failed"
    BATCH_EXPIRED = "batch.expired"
    BATCH_CANCELLED = "batch.cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """`sealed_secret` is the signing secret, sealed; it is shown once. `position` is the event up to
    which all deliveries are written down."""

    id: str
    project_id: str
    name: str
    url: str
    events: tuple[WebhookEvent, ...]
    sealed_secret: bytes
    position: int
    created_at: datetime
    created_by: str


class DeliveryStatus(StrEnum):
    PENDING = "pending"  # to be sent (again) at `due_at`
    DELIVERED = "delivered"  # answered with 2xx. Final
    GIVEN_UP = "given_up"  # after its last attempt. Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one webhook; `id` goes into the `webhook-id` header, the same at each attempt."""

    id: str
    project_id: str
    webhook_id: str
    event: WebhookEvent
    batch_job_id: str
    status: DeliveryStatus
    attempts: int
    due_at: datetime
    last_code: int | None = None
    message: str = ""
    created_at: datetime
    finished_at: datetime | None = None
