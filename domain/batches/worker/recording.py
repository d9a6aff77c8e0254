"""What workers write of batches, where the database is: implements `Records`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from domain.batches.batch import Batch, BatchReason, BatchStatus, Usage
from domain.batches.facts import BatchJobProgressed, BatchJobStatusChanged
from domain.batches.ports import Recorded, Standstill
from domain.batches.shard import Entry, Progress
from domain.clock import Clock
from domain.work import StartWork, Work

ACTOR = "batches"
KEPT_REASONS = frozenset({BatchReason.PAUSED, BatchReason.DRAINING})  # somebody else's to say


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    start_work: StartWork
    clock: Clock

    async def store(
        self, batch_id: str, parts: Sequence[Progress], *, is_doubtful: bool
    ) -> Recorded:
        async with self.start_work(ACTOR, f"batch:{batch_id}") as work:
            batch = await work.batches.lock(batch_id)
            if batch is None:
                return Recorded(None, ())
            kept = await _kept(work, batch_id, parts) if is_doubtful else []
            added = [
                place
                for place, progress in enumerate(parts)
                if place not in kept and await work.batch_shards.store(progress)
            ]
            if added:
                seen, batch = batch, _counted(batch, [parts[place] for place in added])
                await self._tell(work, seen, batch)
        return Recorded(batch, (*kept, *added))

    async def tell(self, batch_id: str, seen: Standstill | None) -> Batch | None:
        async with self.start_work(ACTOR, f"batch:{batch_id}") as work:
            batch = await work.batches.lock(batch_id)
            if batch is None or not _is_running(batch):
                return None
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
        return batch

    async def look(self, batch_id: str) -> None:
        async with self.start_work(ACTOR, f"batch:{batch_id}") as work:
            await work.look_at_batch(batch_id, self.clock())

    async def _tell(self, work: Work, seen: Batch, batch: Batch) -> None:
        await work.batches.put(batch)
        if batch.reason is None and seen.reason is not None:
            work.record(
                batch.project_id,
                BatchJobStatusChanged(
                    batch_job_id=batch.id,
                    job_status_before=batch.status,
                    job_status_after=batch.status,
                ),
            )
        progressed = BatchJobProgressed(
            batch_job_id=batch.id,
            total=batch.total,
            completed=batch.completed,
            failed=batch.failed,
        )
        work.record(batch.project_id, progressed)
        if batch.left == 0:
            await work.look_at_batch(batch.id, self.clock())


async def _kept(work: Work, batch_id: str, parts: Sequence[Progress]) -> list[int]:
    """Of a commit of which nobody could tell whether it was kept: the places of the parts that were, or
    whose lines somebody else did meanwhile."""
    found = {shard.number: shard for shard in await work.batch_shards.of(batch_id)}
    return [
        place
        for place, progress in enumerate(parts)
        if (shard := found.get(progress.shard.number)) is not None
        and _has(shard.done, progress.entries)
    ]


def _has(done: bytes, entries: Iterable[Entry]) -> bool:
    return all(done[entry.line >> 3] & 1 << (entry.line & 7) for entry in entries)


def _counted(batch: Batch, added: Sequence[Progress]) -> Batch:
    failed = sum(entry.is_error for each in added for entry in each.entries)
    stored = sum(len(each.entries) for each in added)
    used = sum((each.usage for each in added), Usage())
    counted = replace(
        batch,
        completed=batch.completed + stored - failed,
        failed=batch.failed + failed,
        usage=batch.usage + used,
    )
    if batch.reason is None or batch.reason in KEPT_REASONS or batch.ending is not None:
        return counted
    return replace(counted, reason=None, message="")


def _is_running(batch: Batch) -> bool:
    return (
        batch.status is BatchStatus.IN_PROGRESS and batch.ending is None and batch.paused_at is None
    )
