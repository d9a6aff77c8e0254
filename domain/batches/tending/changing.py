"""What tending writes: under its claim, or not at all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from domain.batches.batch import Batch
from domain.batches.facts import BatchJobStatusChanged
from domain.batches.ports import Claim
from domain.errors import ModelyardError
from domain.work import StartWork, Work

ACTOR, CAUSE = "batches", "tending"


@dataclass(eq=False, kw_only=True)
class ClaimLost(ModelyardError):
    """The batch {batch} is another worker's by now."""

    batch: str


@dataclass(eq=False, kw_only=True)
class Overtaken(ModelyardError):
    """Something was decided about the batch {batch} meanwhile."""

    batch: str


@dataclass(frozen=True, slots=True)
class Change:
    """`batch` is locked, and as it is now."""

    work: Work
    batch: Batch

    async def put(self, batch: Batch) -> None:
        if batch == self.batch:
            return
        await self.work.batches.put(batch)
        before, after = self.batch, batch
        told = (before.status, before.reason, before.message)
        if told != (after.status, after.reason, after.message):
            fact = BatchJobStatusChanged(
                batch_job_id=batch.id,
                job_status_before=before.status,
                job_status_after=after.status,
                job_reason=after.reason,
                message=after.message,
            )
            self.work.record(batch.project_id, fact)


@dataclass(frozen=True, slots=True)
class Changes:
    """The batch is locked before the claim, as by whoever stores results and then asks for a look."""

    start_work: StartWork

    @asynccontextmanager
    async def of(self, claim: Claim, seen: Batch | None = None) -> AsyncIterator[Change]:
        """Raises ClaimLost; Overtaken, where what was decided about it is not as it was seen."""
        async with self.start_work(ACTOR, CAUSE) as work:
            batch = await work.batches.lock(claim.batch_id)
            if batch is None or not await work.holds_batch(claim):
                raise ClaimLost(batch=claim.batch_id)
            if seen is not None and _decided(batch) != _decided(seen):
                raise Overtaken(batch=claim.batch_id)
            yield Change(work, batch)


def _decided(batch: Batch) -> tuple[object, ...]:
    return batch.status, batch.ending, batch.paused_at, batch.index_key
