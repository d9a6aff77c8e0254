"""Files whose time is up, and whatever objects belong to nothing."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from domain.batches.batch import Batch
from domain.clock import Clock
from domain.files import keys
from domain.files.facts import FileDeleted
from domain.files.file import File, FileStatus
from domain.files.ports import Kept, Objects
from domain.files.service import ACTOR, CAUSE, gone
from domain.work import Reads, StartWork, Work

EVERY = 60.0  # seconds between two looks at what is due
STRAYS_EVERY = timedelta(hours=1)  # between two looks at all objects there are
GRACE = timedelta(hours=1)  # an object as young as that may have a writer that lives
AT_ONCE = 200


@dataclass(slots=True, kw_only=True)
class Sweeping:
    """A `Rounds` act. All of it may be done twice, and by several servers at once."""

    start_work: StartWork
    reads: Reads
    objects: Objects
    clock: Clock
    _strays_at: datetime | None = field(default=None)

    async def act(self) -> float:
        """Raises StorageUnavailable: what it could not do then is still to be done."""
        more = await self._expire() >= AT_ONCE
        more = await self._finish() >= AT_ONCE or more
        await self.objects.sweep()
        now = self.clock()
        if self._strays_at is None or now >= self._strays_at:
            await self._remove_strays(now)
            self._strays_at = now + STRAYS_EVERY
        return 0.0 if more else EVERY

    async def _expire(self) -> int:
        """How many went."""
        expired = await self.reads.files.expired(self.clock(), AT_ONCE)
        return sum([await self._expired(file.id) for file in expired])

    async def _expired(self, id: str) -> bool:
        now = self.clock()
        async with self.start_work(ACTOR, CAUSE) as work:
            file = await work.files.lock(id)
            if file is None or file.status is not FileStatus.PROCESSED or file.expires_at > now:
                return False
            if await work.needs_file(id):
                return False
            await work.files.put(gone(file, now))
            fact = FileDeleted(file_id=id, name=file.name, expired=True)
            work.record(file.project_id, fact)
        return True

    async def _finish(self) -> int:
        """Remove the objects of what was deleted, and of uploads that nobody goes on with."""
        due = await self.reads.files.to_sweep(self.clock(), AT_ONCE)
        doomed = [file for file in due if await self._is_doomed(file)]
        await self.objects.remove([file.key for file in doomed])
        for file in doomed:
            async with self.start_work(ACTOR, CAUSE) as work:
                await _forget(work, file)
        return len(doomed)

    async def _is_doomed(self, file: File) -> bool:
        """Whether its object may go; a dead upload is written down as DELETED first, so that its writer
        can't finish it any more."""
        if file.status is FileStatus.DELETED:
            return True
        now = self.clock()
        async with self.start_work(ACTOR, CAUSE) as work:
            held = await work.files.lock(file.id)
            if held is None or held.status is FileStatus.PROCESSED:
                return False
            if held.status is FileStatus.UPLOADING:
                if held.sweep_at is None or held.sweep_at > now:
                    return False
                await work.files.put(gone(held, now))
        return True

    async def _remove_strays(self, now: datetime) -> None:
        old = now - GRACE
        async for some in self._listed(keys.UPLOADS):
            files = await self.reads.files.by_ids([_file_id(each) for each in some])
            lost = [each for each in some if each.modified_at < old and _is_lost(each, files)]
            await self.objects.remove([each.key for each in lost if await self._has_no_row(each)])
        async for some in self._listed(keys.BATCHES):
            batches = await self.reads.batches.by_ids(
                {keys.batch_of(each.key) or "" for each in some}
            )
            results = await self.reads.files.by_ids(_result_ids(batches.values()))
            kept = {file.key for file in results.values() if file.status is FileStatus.PROCESSED}
            await self.objects.remove(strays(some, batches, kept, old))

    async def _has_no_row(self, kept: Kept) -> bool:
        """Lists show no uploads."""
        async with self.start_work(ACTOR, CAUSE) as work:
            file = await work.files.get(_file_id(kept))
        return file is None or file.status is FileStatus.DELETED

    async def _listed(self, prefix: str) -> AsyncIterator[Sequence[Kept]]:
        some: list[Kept] = []
        async with aclosing(self.objects.listed(prefix)) as found:
            async for kept in found:
                some.append(kept)
                if len(some) >= AT_ONCE:
                    yield some
                    some = []
        if some:
            yield some


def strays(
    some: Collection[Kept], batches: Mapping[str, Batch], results: Collection[str], old: datetime
) -> Sequence[str]:
    """The keys of those in batches' areas that nothing needs: all but the results of final batches, and
    what is older than `old` of batches that there are not."""

    def is_stray(kept: Kept) -> bool:
        batch = batches.get(keys.batch_of(kept.key) or "")
        if batch is None:
            return kept.modified_at < old
        return batch.is_final and kept.key not in results

    return [kept.key for kept in some if is_stray(kept)]


async def _forget(work: Work, file: File) -> None:
    """There is nothing left to do for it; an upload that never ended leaves no row either."""
    held = await work.files.lock(file.id)
    if held is None or held.status is not FileStatus.DELETED:
        return
    if held.sha256:
        await work.files.put(replace(held, sweep_at=None))
    else:
        await work.files.remove(held.id)


def _is_lost(kept: Kept, files: Mapping[str, File]) -> bool:
    file = files.get(_file_id(kept))
    return file is None or file.status is FileStatus.DELETED


def _file_id(kept: Kept) -> str:
    return kept.key.removeprefix(keys.UPLOADS)


def _result_ids(batches: Collection[Batch]) -> Collection[str]:
    ids = (each for batch in batches for each in (batch.output_file_id, batch.error_file_id))
    return {each for each in ids if each is not None}
