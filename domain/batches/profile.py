"""Rules for batches, by name: how they are scheduled, and how much of them there may be."""

from dataclasses import dataclass
from datetime import datetime

from domain.batches.batch import Retry


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduling:
    """What a batch gets that says nothing of its own; and, for `max_*` and windows, at most. Seconds."""

    max_window: float | None = None
    priority: int | None = None
    max_concurrency: int | None = None
    request_timeout: float | None = None
    retry: Retry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """Of one batch: requests and input bytes; of all batches of the project under the profile: active
    ones. None: no limit but the server's."""

    max_requests: int | None = None
    max_bytes: int | None = None
    max_active: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchProfile:
    """`is_default`: for batches that name none; at most one of a project."""

    id: str
    project_id: str
    name: str
    is_default: bool
    scheduling: Scheduling
    quotas: Quotas
    created_at: datetime
    created_by: str
    updated_at: datetime
