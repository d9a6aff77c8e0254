"""What users decide about a batch that runs. Pure: what is to be stored and told comes out."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.batches.batch import CANCELLABLE, DRAIN, Batch, BatchReason, BatchStatus, runs_in_pods
from domain.batches.facts import BatchJobPaused, BatchJobResumed, BatchJobStatusChanged, Fact
from domain.batches.tending.course import moved, needs_deployment
from domain.errors import BatchNotCancellable, BatchNotPausable

PATH = ("batch_job_id",)


@dataclass(frozen=True, slots=True)
class Decided:
    """The same batch and no facts where nothing was left to decide."""

    batch: Batch
    facts: tuple[Fact, ...] = ()


def cancel(batch: Batch, now: datetime) -> Decided:
    """Also one that drains because its window closed: that goes on no longer for it. Raises
    BatchNotCancellable."""
    if batch.status is BatchStatus.CANCELLING:
        return Decided(batch)
    if batch.status not in CANCELLABLE:
        raise BatchNotCancellable(path=PATH, status=batch.status.value)
    cut = now + min(timedelta(seconds=batch.terms.request_timeout), DRAIN)
    ran = batch.status is BatchStatus.IN_PROGRESS
    changed = replace(
        moved(batch, BatchStatus.CANCELLING, now, BatchReason.DRAINING if ran else None),
        ending=BatchStatus.CANCELLED,
        drain_until=cut if batch.drain_until is None else min(cut, batch.drain_until),
        paused_at=None,
    )
    return Decided(changed, (_told(batch, changed),))


def pause(batch: Batch, now: datetime) -> Decided:
    """Nothing more is sent; its window goes on closing. Raises BatchNotPausable."""
    _check_pausable(batch)
    if batch.paused_at is not None:
        return Decided(batch)
    return _standing(
        replace(batch, paused_at=now), BatchReason.PAUSED, BatchJobPaused(batch_job_id=batch.id)
    )


def resume(batch: Batch, now: datetime) -> Decided:
    """It stands as one that waits, until whoever works on it knows better. Raises BatchNotPausable."""
    _check_pausable(batch)
    if batch.paused_at is None:
        return Decided(batch)
    resumed = replace(batch, paused_at=None)
    is_made_anew = needs_deployment(resumed) or runs_in_pods(resumed)
    reason = BatchReason.PROVISIONING if is_made_anew else BatchReason.QUEUED
    return _standing(resumed, reason, BatchJobResumed(batch_job_id=batch.id))


def _check_pausable(batch: Batch) -> None:
    if batch.status not in CANCELLABLE or batch.ending is not None:
        status = "ending" if batch.status in CANCELLABLE else batch.status.value
        raise BatchNotPausable(path=PATH, status=status)


def _standing(batch: Batch, reason: BatchReason, fact: Fact) -> Decided:
    """Being validated, it is not held up, so that it has no reason."""
    if batch.status is BatchStatus.VALIDATING:
        return Decided(batch, (fact,))
    changed = replace(batch, reason=reason, message="")
    return Decided(changed, (fact, _told(batch, changed)))


def _told(before: Batch, after: Batch) -> BatchJobStatusChanged:
    return BatchJobStatusChanged(
        batch_job_id=after.id,
        job_status_before=before.status,
        job_status_after=after.status,
        job_reason=after.reason,
    )
