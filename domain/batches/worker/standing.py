"""Why a batch stands still, told where its readers look; and that it goes on."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from domain.batches.batch import Batch, BatchReason, BatchStatus
from domain.batches.facts import BatchJobStatusChanged
from domain.batches.ports import Standstill
from domain.batches.sending.execution import Lane
from domain.batches.sending.run import Gate, Run
from domain.batches.worker.committing import ACTOR
from domain.clock import Clock, Timer
from domain.work import StartWork

SETTLED = 1.0  # seconds without an answer: less is no standstill
WAITED_FOR = frozenset({BatchReason.QUEUED, BatchReason.PROVISIONING})  # until something is sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    start_work: StartWork
    clock: Clock
    timer: Timer
    gate: Gate

    async def tell(self, runs: Iterable[tuple[Run, Lane | None]]) -> None:
        """Raises StorageUnavailable."""
        for run, lane in runs:
            if run.is_over:
                continue
            seen = self._seen(run, lane)
            if seen is not None and seen.reason is not run.batch.reason:
                await self._write(run, seen)
            elif seen is None and _goes_on(run, self.timer.now()):
                await self._write(run, None)

    def _seen(self, run: Run, lane: Lane | None) -> Standstill | None:
        if self.gate.trouble is not None:
            return self.gate.trouble
        if run.standstill is not None and not run.flights:
            return run.standstill
        if lane is None or run.share == 0 or self.timer.now() < run.moved_at + SETTLED:
            return None
        return None if run.is_idle else lane.standstill(run)

    async def _write(self, run: Run, seen: Standstill | None) -> None:
        async with self.start_work(ACTOR, f"batch:{run.batch.id}") as work:
            batch = await work.batches.lock(run.batch.id)
            if batch is None or not _is_running(batch):
                return
            reason = None if seen is None else seen.reason
            if batch.reason is not reason:
                message = "" if seen is None else seen.message
                batch = replace(batch, reason=reason, message=message)
                await work.batches.put(batch)
                changed = BatchJobStatusChanged(
                    batch_job_id=batch.id,
                    job_status_before=batch.status,
                    job_status_after=batch.status,
                    job_reason=reason,
                    message=message,
                )
                work.record(batch.project_id, changed)
        run.batch = batch


def _goes_on(run: Run, now: float) -> bool:
    if run.batch.reason is None:
        return False
    is_moving = run.moved_at > 0 and now < run.moved_at + SETTLED
    return is_moving or (bool(run.flights) and run.batch.reason in WAITED_FOR)


def _is_running(batch: Batch) -> bool:
    return (
        batch.status is BatchStatus.IN_PROGRESS and batch.ending is None and batch.paused_at is None
    )
