"""A batch's result files are written, line by line in the order of its input."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from domain.batches.batch import Batch, BatchStatus
from domain.batches.input import lines
from domain.batches.input.lines import Json
from domain.batches.ports import Claim
from domain.batches.shard import Shard
from domain.batches.tending import finalise
from domain.batches.tending.areas import error_key, output_key
from domain.batches.tending.changing import Change, Changes, Overtaken
from domain.batches.tending.finalise import Kept, Moves, ResultsIncomplete, Source, Undone
from domain.clock import Clock
from domain.files.facts import FileCreated
from domain.files.file import File
from domain.files.ports import Objects, Written
from domain.ids import NewId
from domain.work import Reads

OPEN = frozenset({BatchStatus.FINALIZING, BatchStatus.CANCELLING})
REPOINTED = 16  # segments at once: of a thousand entries each at most


@dataclass(slots=True, kw_only=True)
class Writing:
    """The content of one of the two files. One shard is held at a time, and of its answers one group."""

    reads: Reads
    objects: Objects
    json: Json
    batch: Batch
    shards: Sequence[Shard]
    errors: bool
    moves: Moves
    _size: int = 0

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Raises ObjectMissing and ResultsIncomplete: a line that is lost is never left out."""
        for shard in self.shards:
            mine = finalise.results(shard)
            if not (shard.lines - mine if self.errors else mine):
                continue
            segments = await self.reads.batches.segments_of(self.batch.id, shard.number)
            sources = finalise.sources(shard, segments, errors=self.errors)
            undone = any(isinstance(source, Undone) for source in sources)
            custom_ids = await self._custom_ids(shard) if undone else ()
            for group in finalise.groups(sources):
                yield await self._piece(shard, group, custom_ids)

    async def _custom_ids(self, shard: Shard) -> Sequence[str]:
        assert self.batch.index_key is not None, "it was validated"
        key, begin, end = self.batch.index_key, shard.index_start, shard.index_end
        entry = self.json.loads(await self.objects.get(key, begin, end))
        if len(entry) != shard.lines:
            raise ResultsIncomplete(
                batch=shard.batch_id, shard=shard.number, line=len(entry), problem="is not indexed"
            )
        return [custom_id for custom_id, _, _ in entry]

    async def _piece(
        self, shard: Shard, group: Sequence[Source], custom_ids: Sequence[str]
    ) -> bytes:
        answers, parts = await self._answers(group), []
        for source in group:
            if isinstance(source, Kept):
                self.moves.add(source, self._size)
                text = answers[source.line]
            else:
                text = self._undone(shard, source.line, custom_ids[source.line])
            parts += [text, b"\n"]
            self._size += len(text) + 1
        return b"".join(parts)

    async def _answers(self, group: Sequence[Source]) -> Mapping[int, bytes]:
        by_key: dict[str, list[Kept]] = {}
        for source in group:
            if isinstance(source, Kept):
                by_key.setdefault(source.segment.key, []).append(source)
        found = await asyncio.gather(*(self._ranges(key, of) for key, of in by_key.items()))
        return {line: text for each in found for line, text in each}

    async def _ranges(self, key: str, of: Sequence[Kept]) -> Sequence[tuple[int, bytes]]:
        ranges = [(kept.entry.start, kept.entry.end) for kept in of]
        texts = await self.objects.get_ranges(key, ranges)
        return [(kept.line, text) for kept, text in zip(of, texts, strict=True)]

    def _undone(self, shard: Shard, line: int, custom_id: str) -> bytes:
        code, message = finalise.reason_undone(self.batch)
        id_ = lines.request_id(self.batch.id, shard.first + line)
        return lines.unanswered(id_, custom_id, code, message, self.json).line


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalising:
    reads: Reads
    objects: Objects
    changes: Changes
    json: Json
    clock: Clock
    new_id: NewId

    async def finalise(self, claim: Claim, batch: Batch) -> None:
        """First nobody can store anything any more; then its files are written; then all that is said
        of them is put into its rows at once."""
        async with self.changes.of(claim) as change:
            shards = await change.work.batch_shards.close(batch.id)
        moves, completed = Moves(), sum(map(finalise.results, shards))
        output = error = None
        if completed:
            output = await self._write(output_key(claim), batch, shards, moves, errors=False)
        if completed < batch.total:
            error = await self._write(error_key(claim), batch, shards, moves, errors=True)
        async with self.changes.of(claim) as change:
            await self._finish(change, claim, completed, output, error, moves)

    async def _write(
        self, key: str, batch: Batch, shards: Sequence[Shard], moves: Moves, *, errors: bool
    ) -> Written:
        writing = Writing(
            reads=self.reads,
            objects=self.objects,
            json=self.json,
            batch=batch,
            shards=shards,
            errors=errors,
            moves=moves,
        )
        async with aclosing(writing.pieces()) as pieces:
            return await self.objects.put(key, pieces)

    async def _finish(
        self,
        change: Change,
        claim: Claim,
        completed: int,
        output: Written | None,
        error: Written | None,
        moves: Moves,
    ) -> None:
        if change.batch.status not in OPEN:
            raise Overtaken(batch=claim.batch_id)
        now, work = self.clock(), change.work
        written = (
            await self._add(change, output_key(claim), output, now, errors=False),
            await self._add(change, error_key(claim), error, now, errors=True),
        )
        keys = [file.key if file is not None else None for file in written]
        moved = moves.segments(*keys)
        while some := list(islice(moved, REPOINTED)):
            await work.batch_shards.repoint(some)
        await change.put(finalise.finished(change.batch, completed, *written, now))

    async def _add(
        self, change: Change, key: str, written: Written | None, now: datetime, *, errors: bool
    ) -> File | None:
        if written is None:
            return None
        file = finalise.file(change.batch, key, written, self.new_id(), now, errors=errors)
        await change.work.files.add(file)
        fact = FileCreated(
            file_id=file.id,
            name=file.name,
            purpose=file.purpose.value,
            size=file.size,
            sha256=file.sha256,
        )
        change.work.record(file.project_id, fact)
        return file
