"""Lines read ahead: as many as are sent while more are fetched."""

import asyncio
from collections import deque
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil

from domain.batches.batch import BatchReason
from domain.batches.input import lines
from domain.batches.input.lines import Json
from domain.batches.ports import ShardClaims, Standstill, WorkerObjects
from domain.batches.sending.run import BUDGET, READ_AHEAD, Gate, Held, Line, Result, Run
from domain.batches.shard import BYTES_LIMIT, Shard
from domain.clock import Clock
from domain.errors import ObjectMissing, StorageUnavailable

AT_LEAST = 32  # lines ahead
AT_ONCE = 4  # batches of which more is fetched: as many shards as the budget has beside READ_AHEAD
GONE = "The input file is no longer in the storage."


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    claims: ShardClaims
    objects: WorkerObjects
    json: Json
    clock: Clock
    worker: str
    lease: timedelta
    gate: Gate
    _fetching: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def more(self, run: Run, ahead: int) -> bool:
        """Whether there was something to read, where `ahead` lines are sent before more can be here.
        Raises StorageUnavailable, for the claims."""
        wanted = max(AT_LEAST, 2 * ahead)
        run.low = wanted // 2
        lacking = wanted - len(run.ready)
        if run.is_over or (lacking <= 0 and not run.unread):
            run.wants_more = True
            return False
        async with self._fetching:
            found = await self._fetched(run, lacking)
        run.wants_more = found
        return found

    async def _fetched(self, run: Run, lacking: int) -> bool:
        """What is claimed has its place in the budget before others look how much of it is left."""
        size = min(BYTES_LIMIT, 2 * run.bytes_a_shard)
        room = self._room(run, size)
        count = 0 if run.unread else min(ceil(lacking / run.lines_a_shard), room)
        self.gate.coming += count * size
        try:
            if count > 0 and not run.is_over:
                await self._claim(run, count)
            found = bool(run.unread)
            while run.unread and await self._read(run, run.unread[0]):
                continue
        finally:
            self.gate.coming -= count * size
        return found

    def _room(self, run: Run, size: int) -> int:
        """Shards of such a size that there is memory for. Who has nothing to do may use what is kept
        for answers, and reads no more than others have."""
        most = BUDGET if run.is_idle else READ_AHEAD
        room = max(0, most - self.gate.used - self.gate.coming) // size
        return min(room, max(1, READ_AHEAD // size))

    async def _claim(self, run: Run, count: int) -> None:
        now = self.clock()
        until = now + self.lease
        taken = await self.claims.take(run.batch.id, self.worker, now, until, count, run.held)
        for shard in taken:
            held = Held(shard)
            run.held[shard.number] = held
            run.unread.append(held)

    async def _read(self, run: Run, held: Held) -> bool:
        """False: it could not be read now, and is tried again."""
        shard = held.shard
        try:
            texts = await self._texts(run.key, shard)
        except ObjectMissing:
            texts = []
        except StorageUnavailable as error:
            run.standstill = Standstill(BatchReason.STORAGE_UNAVAILABLE, error.message)
            return False
        if len(texts) != shard.lines and not await self._give_up(run, held):
            return False
        if held not in run.unread:  # lost, or all is over, meanwhile
            return True
        run.unread.remove(held)
        run.standstill = None
        if len(texts) == shard.lines:
            self._add(run, held, texts)
        return True

    async def _texts(self, key: str, shard: Shard) -> list[bytes]:
        """Its lines, which are never in memory twice."""
        texts, rest = [], b""
        async with aclosing(self.objects.stream(key, shard.start, shard.end)) as pieces:
            async for piece in pieces:
                *whole, rest = (rest + piece).split(b"\n")
                texts += [text for each in whole if (text := each.strip())]
        return [*texts, text] if (text := rest.strip()) else texts

    def _add(self, run: Run, held: Held, texts: list[bytes]) -> None:
        done = held.shard.done
        added = deque(
            Line(held, index, text)
            for index, text in enumerate(texts)
            if not done[index >> 3] & 1 << (index & 7)
        )
        run.lines_a_shard = max(1, len(texts))
        run.bytes_a_shard = max(1, sum(map(len, texts)))
        run.ready += added
        self.gate.used += sum(len(line.text) for line in added)

    async def _give_up(self, run: Run, held: Held) -> bool:
        """Its lines have no requests any more: their custom ids are all that is known of them."""
        shard = held.shard
        try:
            ids = await self._custom_ids(run, held)
        except StorageUnavailable as error:
            run.standstill = Standstill(BatchReason.STORAGE_UNAVAILABLE, error.message)
            return False
        if held in run.unread:
            for index, custom_id in enumerate(ids):
                if shard.done[index >> 3] & 1 << (index & 7):
                    continue
                own = lines.request_id(run.batch.id, shard.first + index)
                told = (lines.INPUT_UNAVAILABLE, GONE)
                answered = lines.unanswered(own, custom_id, *told, self.json)
                self.gate.used += len(answered.line)
                run.results.append(Result(held, index, answered))
        return True

    async def _custom_ids(self, run: Run, held: Held) -> list[str | None]:
        """None where the index is gone, too."""
        shard, key = held.shard, run.batch.index_key
        try:
            if key is not None:
                entry = await self.objects.get(key, shard.index_start, shard.index_end)
                return [custom_id for custom_id, _, _ in self.json.loads(entry)]
        except ObjectMissing:
            pass
        return [None] * shard.lines
