"""Shards of batches, and who works on batches and shards, in the store in memory."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from domain.batches.batch import BatchStatus
from domain.batches.ports import Claim, Worker
from domain.batches.shard import Progress, Segment, Shard
from domain.batches.worker.workers import renewed
from domain.errors import NotFound
from tests.support.memory_kept import BatchLook, Kept, KeptShard, LivingWorker
from tests.support.memory_rules import BrokenRule, require_rules


@dataclass(frozen=True, slots=True)
class MemoryShards:
    """Inside a unit of work."""

    kept: Kept

    async def add(self, shards: Sequence[Shard]) -> None:
        for shard in shards:
            place = (shard.batch_id, shard.number)
            if place in self.kept.batch_shards or shard.batch_id not in self.kept.tables["batch"]:
                raise BrokenRule(f"{place} is there already, or has no batch")
            require_rules(shard)
            self.kept.batch_shards[place] = KeptShard(shard, is_open=has_lines_to_do(shard))

    async def of(self, batch_id: str) -> Sequence[Shard]:
        return shards_of(self.kept, batch_id)

    async def store(self, progress: Progress) -> bool:
        shard = progress.shard
        place = (shard.batch_id, shard.number)
        held = self.kept.batch_shards.get(place)
        if held is None or not held.is_open or held.shard.token != shard.token:
            return False
        put = replace(held.shard, done=shard.done, failed=shard.failed, usage=shard.usage)
        self.kept.batch_shards[place] = replace(held, shard=put, is_open=has_lines_to_do(put))
        before = self.kept.segments.get(shard.batch_id, ())
        segment = Segment(
            batch_id=shard.batch_id,
            sequence=len(before) + 1,
            shard=shard.number,
            key=progress.key,
            entries=progress.entries,
        )
        self.kept.segments[shard.batch_id] = (*before, segment)
        return True

    async def close(self, batch_id: str) -> Sequence[Shard]:
        for place, held in list(self.kept.batch_shards.items()):
            if place[0] == batch_id:
                self.kept.batch_shards[place] = replace(held.freed(), is_open=False)
        return await self.of(batch_id)

    async def repoint(self, segments: Sequence[Segment]) -> None:
        for new in segments:
            self.kept.segments[new.batch_id] = tuple(
                replace(old, key=new.key, error_key=new.error_key, entries=new.entries)
                if old.sequence == new.sequence
                else old
                for old in self.kept.segments.get(new.batch_id, ())
            )


@dataclass(frozen=True, slots=True)
class MemoryBatchClaims:
    kept: Kept

    async def take(
        self, worker: str, now: datetime, until: datetime, limit: int
    ) -> Sequence[Claim]:
        async with self.kept.turn:
            looks = self.kept.batch_looks
            due = sorted((look.due_at, i) for i, look in looks.items() if look.is_due(now))
            for _, id_ in due[:limit]:
                token = looks[id_].token + 1
                looks[id_] = replace(looks[id_], owner=worker, token=token, until=until)
            return [Claim(i, looks[i].token, looks[i].asked) for _, i in due[:limit]]

    async def renew(
        self, worker: str, claims: Collection[Claim], until: datetime
    ) -> Collection[str]:
        async with self.kept.turn:
            looks = self.kept.batch_looks
            mine = {
                claim.batch_id
                for claim in claims
                if (look := looks.get(claim.batch_id)) is not None
                and (look.owner, look.token) == (worker, claim.token)
            }
            for id_ in mine:
                looks[id_] = replace(looks[id_], until=until)
            return mine

    async def release(self, claim: Claim, look_at: datetime | None) -> None:
        async with self.kept.turn:
            look = self.kept.batch_looks.get(claim.batch_id)
            if look is not None and holds(look, claim):
                due_at = look_at if look.asked == claim.asked else look.due_at
                free = replace(look, owner=None, until=None, due_at=due_at)
                self.kept.batch_looks[claim.batch_id] = free


@dataclass(frozen=True, slots=True)
class MemoryShardClaims:
    kept: Kept

    async def take(
        self,
        batch_id: str,
        worker: str,
        now: datetime,
        until: datetime,
        limit: int,
        held: Collection[int] = (),
    ) -> Sequence[Shard]:
        async with self.kept.turn:
            batch = self.kept.tables["batch"].get(batch_id)
            if batch is None or not can_work(batch):
                return []
            shards = self.kept.batch_shards
            others = (p for p in sorted(shards) if p[0] == batch_id and p[1] not in held)
            free = [p for p in others if shards[p].is_free(now)]
            for place in free[:limit]:
                shard = replace(shards[place].shard, token=shards[place].shard.token + 1)
                shards[place] = replace(shards[place], shard=shard, owner=worker, until=until)
            return [shards[place].shard for place in free[:limit]]

    async def renew(
        self, worker: str, shards: Collection[Shard], until: datetime
    ) -> Collection[tuple[str, int]]:
        async with self.kept.turn:
            mine = self._mine(worker, shards)
            for place in mine:
                held = self.kept.batch_shards[place]
                self.kept.batch_shards[place] = replace(held, until=until)
            return mine

    async def release(self, worker: str, shards: Collection[Shard]) -> None:
        async with self.kept.turn:
            for place in self._mine(worker, shards):
                self.kept.batch_shards[place] = self.kept.batch_shards[place].freed()

    def _mine(self, worker: str, shards: Collection[Shard]) -> list[tuple[str, int]]:
        return [
            (shard.batch_id, shard.number)
            for shard in shards
            if (held := self.kept.batch_shards.get((shard.batch_id, shard.number))) is not None
            and (held.owner, held.shard.token) == (worker, shard.token)
        ]


@dataclass(frozen=True, slots=True)
class MemoryWorkers:
    kept: Kept

    async def renew(self, worker: str, now: datetime, until: datetime) -> Sequence[Worker]:
        async with self.kept.turn:
            workers = self.kept.workers
            for id_ in [i for i, one in workers.items() if one.until <= now]:
                del workers[id_]
            mine = renewed(worker, [one.worker for one in workers.values()], now)
            workers[worker] = LivingWorker(mine, until)
            return [workers[id_].worker for id_ in sorted(workers)]

    async def leave(self, worker: str) -> None:
        async with self.kept.turn:
            self.kept.workers.pop(worker, None)
            for place, held in list(self.kept.batch_shards.items()):
                if held.owner == worker:
                    self.kept.batch_shards[place] = held.freed()
            for id_, look in list(self.kept.batch_looks.items()):
                if look.owner == worker:
                    self.kept.batch_looks[id_] = replace(
                        look, owner=None, until=None, token=look.token + 1
                    )


def look_at(kept: Kept, batch_id: str, at: datetime | None) -> None:
    """What a worker is looking at stays due, and is looked at again."""
    look = kept.batch_looks.get(batch_id)
    if look is None:
        raise NotFound(kind="batch", id=batch_id)
    due_at = at if look.owner is None else look.due_at
    kept.batch_looks[batch_id] = replace(look, due_at=due_at, asked=look.asked + 1)


def holds(look: BatchLook | None, claim: Claim) -> bool:
    return look is not None and look.owner is not None and look.token == claim.token


def shards_of(kept: Kept, batch_id: str) -> list[Shard]:
    return [
        held.shard
        for place, held in sorted(kept.batch_shards.items(), key=lambda one: one[0])
        if place[0] == batch_id
    ]


def can_work(batch: Any) -> bool:
    running = batch.status is BatchStatus.IN_PROGRESS
    return running and batch.place is not None and batch.paused_at is None and batch.ending is None


def has_lines_to_do(shard: Shard) -> bool:
    return sum(byte.bit_count() for byte in shard.done) < shard.lines
