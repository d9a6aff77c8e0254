"""What a batch keeps in the object store beside its segments, and how it is removed again."""

from contextlib import aclosing
from dataclasses import dataclass

from domain.batches.batch import Batch
from domain.batches.ports import Claim
from domain.batches.tending.changing import ACTOR, CAUSE
from domain.files import keys
from domain.files.file import File
from domain.files.ports import Objects
from domain.work import Reads, StartWork, Work


def index_key(claim: Claim) -> str:
    return _key("index", claim)


def output_key(claim: Claim) -> str:
    return _key("output", claim)


def error_key(claim: Claim) -> str:
    return _key("error", claim)


def _key(name: str, claim: Claim) -> str:
    """A claim's token was never another's, and it writes each of them once."""
    return f"{keys.area(claim.batch_id)}{name}-{claim.token}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Areas:
    reads: Reads
    start_work: StartWork
    objects: Objects

    async def clear(self, batch: Batch) -> None:
        """All of a final batch's area but its result files."""
        results = await self.reads.files.by_ids(_files(batch))
        named = {file.key for file in results.values()}
        async with aclosing(self.objects.listed(keys.area(batch.id))) as found:
            left = [kept.key async for kept in found if kept.key not in named]
        if left:
            await self.objects.remove(left)

    async def discard(self, claim: Claim) -> None:
        """What was written under the claim, and no row names. The claim's row is locked, so that a
        commit which is under way is seen."""
        async with self.start_work(ACTOR, CAUSE) as work:
            batch = await work.batches.lock(claim.batch_id)
            await work.holds_batch(claim)
            named = await _named(work, batch)
        written = {index_key(claim), output_key(claim), error_key(claim)}
        await self.objects.remove(written - named)


async def _named(work: Work, batch: Batch | None) -> set[str]:
    files: list[File | None] = [await work.files.get(file_id) for file_id in _files(batch)]
    named = {file.key for file in files if file is not None}
    return named | {batch.index_key} if batch is not None and batch.index_key else named


def _files(batch: Batch | None) -> list[str]:
    found = (batch.output_file_id, batch.error_file_id) if batch is not None else ()
    return [file_id for file_id in found if file_id is not None]
