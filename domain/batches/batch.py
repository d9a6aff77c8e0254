"""A batch: a file of requests for a model, and what becomes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class BatchStatus(StrEnum):
    """As OpenAI's."""

    VALIDATING = "validating"  # its file is read. A worker moves it on
    IN_PROGRESS = "in_progress"  # also while it waits; its reason says for what. Workers move it on
    FINALIZING = "finalizing"  # its result files are written. A worker moves it on
    CANCELLING = "cancelling"  # requests in flight end, files are written. A worker moves it on
    COMPLETED = "completed"  # every line has a result or an error. Final
    FAILED = "failed"  # its input was refused, nothing ran. Final
    EXPIRED = "expired"  # its window closed before it was done. Final
    CANCELLED = "cancelled"  # Final


S = BatchStatus
TRANSITIONS: Mapping[BatchStatus, frozenset[BatchStatus]] = {
    S.VALIDATING: frozenset({S.IN_PROGRESS, S.FAILED, S.CANCELLING, S.EXPIRED}),
    S.IN_PROGRESS: frozenset({S.FINALIZING, S.CANCELLING}),
    S.FINALIZING: frozenset({S.COMPLETED, S.EXPIRED}),
    S.CANCELLING: frozenset({S.CANCELLED}),
    S.COMPLETED: frozenset(),
    S.FAILED: frozenset(),
    S.EXPIRED: frozenset(),
    S.CANCELLED: frozenset(),
}
FINAL = frozenset(s for s, onward in TRANSITIONS.items() if not onward)
CANCELLABLE = frozenset({S.VALIDATING, S.IN_PROGRESS})


class BatchReason(StrEnum):
    """Why a batch stands where it stands."""

    QUEUED = "queued"  # waits for a place to run
    PROVISIONING = "provisioning"  # the deployment made for it is not ready yet
    PAUSED = "paused"
    NO_HEALTHY_REPLICA = "no_healthy_replica"  # its deployment has nothing that answers now
    DEPLOYMENT_GONE = "deployment_gone"  # its deployment was deleted
    ENGINE_UNREACHABLE = "engine_unreachable"  # connections fail, or it answers 503: tried again
    ENGINE_BUSY = "engine_busy"  # it answers 429: tried again
    ONLINE_FIRST = "online_first"  # all that its replicas can take is taken by online requests
    STORAGE_FULL = "storage_full"  # results can't be stored
    STORAGE_UNAVAILABLE = "storage_unavailable"
    INPUT_UNAVAILABLE = "input_unavailable"  # the input file is gone from storage
    DRAINING = "draining"  # cancelled or expired: requests in flight end
    DEPLOYMENT_NOT_READY = "deployment_not_ready"  # the deployment made for it never became ready
    INPUT_REFUSED = "input_refused"  # see `errors`


class TargetKind(StrEnum):
    DEPLOYMENT = "deployment"
    DEDICATED = "dedicated"
    KUBERNETES_JOB = "kubernetes_job"
    EXTERNAL = "external"
    ECHO = "echo"


ENDPOINTS = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/responses",
    "/v1/rerank",
    "/v1/moderations",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """`attempts` counts all, the first included; waits double from `first` up to `longest` (seconds)."""

    attempts: int = 5
    first: float = 0.5
    longest: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateWish:
    """`version` None: the newest active one. `overrides` is a draft in the spec's spelling."""

    name: str
    version: int | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the `modelyard` object of a new batch said; None: not said. Times in seconds.

    `deployment` is a name or `name@N`; `endpoint` an external endpoint's name; `profile` a profile's.
    """

    target: TargetKind | None = None
    deployment: str | None = None
    endpoint: str | None = None
    template: TemplateWish | None = None
    profile: str | None = None
    priority: int | None = None
    replicas: int | None = None
    keep_alive: float | None = None
    max_concurrency: int | None = None
    request_timeout: float | None = None
    retry: Retry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How it is run: the wish over the profile over the defaults, fixed when the batch is made.

    `priority` from 1 to 10: its share of a target beside other batches. `max_concurrency` None: as many as
    the target takes. Times in seconds; `keep_alive` from the batch's end.
    """

    priority: int = 5
    max_concurrency: int | None = None
    request_timeout: float = 600.0
    retry: Retry = Retry()
    replicas: int | None = None  # of a deployment made for it; None: as its template says
    keep_alive: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where it runs, and why there. Chosen once, when it is validated; never changed but for
    `deployment_id` of a DEDICATED one or a KUBERNETES_JOB, which is filled in when the deployment is
    made."""

    target: TargetKind
    why: str
    deployment_id: str | None = None
    deployment_name: str | None = None
    revision_number: int | None = None  # pinned; None: follows the active revision
    model: str | None = None  # of `deployment/model`: a model's name in the definition
    external_endpoint_id: str | None = None
    template_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InputError:
    """`line` is the physical line, from 1, blanks counted; None for what is about no one line."""

    code: str
    message: str
    param: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens, summed over the lines that have a result."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    total_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            total_tokens=self.total_tokens + other.total_tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """`total = completed + failed` once it is final; before, what is left over is still to be done.

    `model` is what its lines say, once validated. `output_expires_after` is in seconds from the
    output file's creation. `ending` is what it ends as, once that is decided (it may still be
    IN_PROGRESS then, draining): COMPLETED, EXPIRED or CANCELLED. `drain_until`: when its last
    requests in flight are cut.
    `index_key` is the object that knows its lines' custom ids, once validated.
    `paused_at` may be set in VALIDATING and IN_PROGRESS.
    """

    id: str
    project_id: str
    status: BatchStatus
    status_since: datetime
    reason: BatchReason | None = None
    message: str = ""
    endpoint: str
    model: str | None = None
    input_file_id: str
    index_key: str | None = None
    completion_window: str  # as it was sent
    metadata: Mapping[str, str] = field(default_factory=dict)
    output_expires_after: float | None = None
    wish: Wish = Wish()
    profile_id: str | None = None
    terms: Terms = Terms()
    place: Place | None = None
    total: int = 0
    completed: int = 0
    failed: int = 0
    usage: Usage = Usage()
    errors: tuple[InputError, ...] = ()
    output_file_id: str | None = None
    error_file_id: str | None = None
    retry_of: str | None = None
    ending: BatchStatus | None = None
    drain_until: datetime | None = None
    paused_at: datetime | None = None
    created_at: datetime
    created_by: str
    expires_at: datetime
    in_progress_at: datetime | None = None
    finalizing_at: datetime | None = None
    completed_at: datetime | None = None
    failed_at: datetime | None = None
    expired_at: datetime | None = None
    cancelling_at: datetime | None = None
    cancelled_at: datetime | None = None

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def left(self) -> int:
        return self.total - self.completed - self.failed


def runs_in_pods(batch: Batch) -> bool:
    """Whether the workers of a Kubernetes Job alone work on it."""
    return batch.place is not None and batch.place.target is TargetKind.KUBERNETES_JOB


DRAIN = timedelta(seconds=60)  # at most, and at most the request timeout
