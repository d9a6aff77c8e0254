"""What has to be done about a batch next, and how it looks once that is done.

    VALIDATING ─▶ IN_PROGRESS ─(ending set, the last requests in flight end)─▶ FINALIZING ─▶ COMPLETED
        │              │                                                            └──────▶ EXPIRED
        ├─▶ FAILED     └──(a user cancels)──▶ CANCELLING ─(likewise)─▶ CANCELLED
        ├─▶ EXPIRED, CANCELLING: the input was refused, but its window had closed; a user cancels

Whatever it ends as, the last step is tearing down what was made for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from domain.batches.batch import (
    DRAIN,
    TRANSITIONS,
    Batch,
    BatchReason,
    BatchStatus,
    InputError,
    Place,
    TargetKind,
    runs_in_pods,
)
from domain.errors import TransitionRefused

MADE = frozenset({TargetKind.DEDICATED, TargetKind.KUBERNETES_JOB})
"""Places that are made for a batch, and torn down with it."""
DRAIN_LOOK = timedelta(seconds=5)  # whoever worked on it may be gone without a word
NOT_READY, INPUT_GONE = "deployment_not_ready", "input_unavailable"  # codes of a batch's errors


@dataclass(frozen=True, slots=True)
class Situation:
    """`working`: how many of its shards some living worker has."""

    working: int


@dataclass(frozen=True, slots=True)
class Validate:
    pass


@dataclass(frozen=True, slots=True)
class Provide:
    """A deployment of its own, until it is ready; a Kubernetes Job, as long as it lasts."""


@dataclass(frozen=True, slots=True)
class End:
    """Nothing more is sent; it is to end as this, with these errors."""

    status: BatchStatus
    errors: tuple[InputError, ...] = ()


@dataclass(frozen=True, slots=True)
class Close:
    """Nothing more is stored: its files are to be written."""


@dataclass(frozen=True, slots=True)
class Finalise:
    pass


@dataclass(frozen=True, slots=True)
class TearDown:
    pass


@dataclass(frozen=True, slots=True)
class Wait:
    until: datetime


Step = Validate | Provide | End | Close | Finalise | TearDown | Wait


def step(batch: Batch, situation: Situation, now: datetime) -> Step:
    match batch.status:
        case BatchStatus.VALIDATING:
            return Validate()
        case BatchStatus.CANCELLING if batch.index_key is None:
            return Validate()
        case BatchStatus.IN_PROGRESS if batch.ending is None:
            return _going_on(batch, now)
        case BatchStatus.IN_PROGRESS:
            return _draining(batch, situation, now) or Close()
        case BatchStatus.CANCELLING:
            return _draining(batch, situation, now) or Finalise()
        case BatchStatus.FINALIZING:
            return Finalise()
        case _:
            return TearDown()


def _going_on(batch: Batch, now: datetime) -> Step:
    if batch.left == 0:
        return Close()
    if batch.reason is BatchReason.INPUT_UNAVAILABLE:
        error = InputError(code=INPUT_GONE, message=batch.message)
        return End(BatchStatus.COMPLETED, (error,))
    if now >= batch.expires_at:
        return End(BatchStatus.EXPIRED)
    if runs_in_pods(batch) or (needs_deployment(batch) and batch.paused_at is None):
        return Provide()
    return Wait(batch.expires_at)


def needs_deployment(batch: Batch) -> bool:
    """Once a line has an answer, its deployment was ready."""
    dedicated = batch.place is not None and batch.place.target is TargetKind.DEDICATED
    return dedicated and batch.left == batch.total


def _draining(batch: Batch, situation: Situation, now: datetime) -> Wait | None:
    if not situation.working or batch.drain_until is None or now >= batch.drain_until:
        return None
    return Wait(min(batch.drain_until, now + DRAIN_LOOK))


def accepted(
    batch: Batch, total: int, model: str | None, index_key: str, place: Place, now: datetime
) -> Batch:
    """Its input is valid. One that was cancelled meanwhile, or whose window closed, sends nothing."""
    read = replace(batch, total=total, model=model, index_key=index_key, place=place)
    if batch.status is BatchStatus.CANCELLING:
        return replace(read, ending=BatchStatus.CANCELLED)
    reason = BatchReason.QUEUED
    if place.target in MADE:
        reason = BatchReason.PROVISIONING
    if batch.paused_at is not None:
        reason = BatchReason.PAUSED
    running = moved(read, BatchStatus.IN_PROGRESS, now, reason)
    return ended(running, End(BatchStatus.EXPIRED), now) if now >= batch.expires_at else running


def refused(
    batch: Batch, errors: Sequence[InputError], reason: BatchReason, now: datetime
) -> Batch:
    """Nothing of it runs."""
    if batch.status is BatchStatus.CANCELLING:
        status = BatchStatus.CANCELLED
    elif now >= batch.expires_at:
        status = BatchStatus.EXPIRED
    else:
        status = BatchStatus.FAILED
    return replace(moved(batch, status, now, reason), ending=None, errors=tuple(errors))


def ended(batch: Batch, end: End, now: datetime) -> Batch:
    drain = min(DRAIN, timedelta(seconds=batch.terms.request_timeout))
    return replace(
        batch,
        ending=end.status,
        drain_until=now + drain,
        errors=(*batch.errors, *end.errors),
        reason=BatchReason.DRAINING if batch.left else None,
        message=end.errors[0].message if end.errors else "",
    )


def closed(batch: Batch, now: datetime) -> Batch:
    """Where nothing else ended it, all its lines are done."""
    batch = replace(batch, ending=batch.ending or BatchStatus.COMPLETED)
    return moved(batch, BatchStatus.FINALIZING, now, lasting_reason(batch), batch.message)


def lasting_reason(batch: Batch) -> BatchReason | None:
    """Why it ended as it did, where that says more than its status."""
    codes = {error.code for error in batch.errors}
    if NOT_READY in codes:
        return BatchReason.DEPLOYMENT_NOT_READY
    return BatchReason.INPUT_UNAVAILABLE if INPUT_GONE in codes else None


def never_ready(message: str) -> End:
    return End(BatchStatus.COMPLETED, (InputError(code=NOT_READY, message=message),))


def moved(
    batch: Batch,
    status: BatchStatus,
    now: datetime,
    reason: BatchReason | None = None,
    message: str = "",
) -> Batch:
    """Raises TransitionRefused."""
    if status not in TRANSITIONS[batch.status]:
        raise TransitionRefused(kind="batch", source=batch.status.value, target=status.value)
    stamped: dict[str, Any] = {f"{status.value}_at": now}
    return replace(
        batch, status=status, status_since=now, reason=reason, message=message, **stamped
    )
