"""Group commits: results become durable together, about twice a second.

One object with the lines, then one unit of work that names it. An object that no row names does not
exist; what two workers did for one shard is told apart by the shard's token alone.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from domain.batches.batch import BatchReason
from domain.batches.input.lines import NOTHING
from domain.batches.ports import Records, Standstill, WorkerObjects
from domain.batches.sending.run import Commit, Gate, Held, Result, Run
from domain.batches.shard import Entry, Progress, Shard
from domain.errors import StorageFull, StorageUnavailable
from domain.ids import NewId
from domain.logger import Logger

LARGEST = 32 * 1024 * 1024  # bytes of an object; of an answer that is larger, that one alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Committing:
    records: Records
    objects: WorkerObjects
    new_id: NewId
    logger: Logger
    gate: Gate

    async def commit(self, runs: Sequence[Run]) -> bool:
        """Whether all that these batches have is stored."""
        trying = (self._tried(run) for run in runs if not run.is_stored)
        done = await asyncio.gather(*trying, return_exceptions=True)
        for each in done:  # not before all of them ended: none is tried twice at once
            if isinstance(each, BaseException):
                raise each
        if all(done):
            self.gate.trouble = None
        return all(done)

    async def _tried(self, run: Run) -> bool:
        """What could not be stored stays in memory."""
        try:
            while await self._store(run):
                continue
        except StorageFull as error:
            self.gate.trouble = Standstill(BatchReason.STORAGE_FULL, error.message)
        except StorageUnavailable as error:
            self.gate.trouble = Standstill(BatchReason.STORAGE_UNAVAILABLE, error.message)
        else:
            return True
        self.logger.warning("results wait for the storage", problem=self.gate.trouble.message)
        return False

    async def _store(self, run: Run) -> bool:
        """Whether there was more than one commit's worth."""
        commit = run.commit = run.commit or self._gathered(run)
        if not commit.is_put and any(not held.is_lost for held, _ in commit.parts):
            commit.key = f"batches/{run.batch.id}/segments/{self.new_id()}"
            commit.parts = [(held, replace(each, key=commit.key)) for held, each in commit.parts]
            await self.objects.put_bytes(commit.key, commit.content)
            commit.is_put = True
        stored = await self._recorded(run, commit)
        run.commit = None
        self.gate.used -= len(commit.content)
        self._refused(run, commit, {id(held) for held, _ in stored})
        for held, progress in stored:
            held.shard = progress.shard
            if _is_done(held.shard):
                run.held.pop(held.shard.number, None)
                run.finished.append(held.shard)
        if commit.is_put and not stored and not commit.is_doubtful:
            await self._remove(commit.key)
        return commit.is_full

    def _refused(self, run: Run, commit: Commit, stored: Collection[int]) -> None:
        """Its parts but those `stored`, by their `id()`, are somebody else's."""
        refused = [held for held, _ in commit.parts if id(held) not in stored]
        if refused:
            shards = [held.shard.number for held in refused]
            said = {"batch": run.batch.id, "shards": shards, "key": commit.key}
            self.logger.warning("results came too late and are refused", **said)
        run.drop(refused, self.gate)

    def _gathered(self, run: Run) -> Commit:
        """The results that wait, by shard in the shards' order: so are their rows locked."""
        count = _fitting(run.results)
        results, run.results = run.results[:count], run.results[count:]
        by_shard: dict[Held, list[tuple[Result, int]]] = defaultdict(list)
        at, pieces = 0, []
        for result in results:
            by_shard[result.held].append((result, at))
            pieces.append(result.answered.line)
            at += len(result.answered.line) + 1
        content = b"\n".join(pieces) + b"\n"
        self.gate.used += len(content) - sum(map(len, pieces))
        ordered = sorted(by_shard.items(), key=lambda each: each[0].shard.number)
        parts = [(held, _progress(held.shard, theirs)) for held, theirs in ordered]
        return Commit(key="", parts=parts, content=content, is_full=bool(run.results))

    async def _recorded(self, run: Run, commit: Commit) -> Sequence[tuple[Held, Progress]]:
        """The parts that count from now on; the others are somebody else's by now."""
        parts = [each for each in commit.parts if not each[0].is_lost]
        if not parts:
            return ()
        said = [progress for _, progress in parts]
        try:
            recorded = await self.records.store(run.batch.id, said, is_doubtful=commit.is_doubtful)
        except (StorageUnavailable, StorageFull):
            commit.is_doubtful = True
            raise
        if recorded.batch is not None:
            run.batch = recorded.batch
        return [parts[place] for place in recorded.places]

    async def _remove(self, key: str) -> None:
        try:
            await self.objects.remove([key])
        except (StorageUnavailable, StorageFull) as error:
            self.logger.warning("an object that nobody needs stays", problem=error.message)


def _fitting(results: Sequence[Result]) -> int:
    """How many of them one object has: one at least, and no more than `LARGEST`."""
    size = 0
    for place, result in enumerate(results):
        size += len(result.answered.line) + 1
        if place and size > LARGEST:
            return place
    return len(results)


def _progress(shard: Shard, results: Iterable[tuple[Result, int]]) -> Progress:
    """`results` with where their lines begin in the object."""
    done, failed = bytearray(shard.done), bytearray(shard.failed)
    entries, used = [], NOTHING
    for result, at in results:
        index, answered = result.index, result.answered
        bit = 1 << (index & 7)
        done[index >> 3] |= bit
        if answered.is_error:
            failed[index >> 3] |= bit
        if answered.usage is not NOTHING:
            used += answered.usage
        entries.append(Entry(index, answered.is_error, at, at + len(answered.line)))
    after = replace(shard, done=bytes(done), failed=bytes(failed), usage=shard.usage + used)
    return Progress(after, "", tuple(entries), used)


def _is_done(shard: Shard) -> bool:
    return sum(byte.bit_count() for byte in shard.done) >= shard.lines
