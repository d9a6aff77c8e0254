"""Files, batches and what belongs to them, in the store in memory: committed rows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from domain.batches.batch import Batch, BatchStatus
from domain.batches.dedicated import Dedicated
from domain.batches.external_endpoint import ExternalEndpoint
from domain.batches.ports import Claim, Worker
from domain.batches.profile import BatchProfile
from domain.batches.shard import Progress, Segment, Shard
from domain.batches.workers import renewed
from domain.errors import NotFound
from domain.files.file import File, FileStatus
from domain.listing import Listing
from domain.webhooks.webhook import Delivery, DeliveryStatus, Webhook
from tests.support.memory_lists import MemoryLists
from tests.support.memory_rows import BatchLook, Kept, KeptShard, LivingWorker
from tests.support.memory_rules import BrokenRule, require_rules


class MemoryFileLists(MemoryLists[File]):
    __slots__ = ()

    async def by_ids(self, ids: Collection[str]) -> Mapping[str, File]:
        found = await MemoryLists.by_ids(self, ids)
        return {i: file for i, file in found.items() if file.status is not FileStatus.UPLOADING}

    def _listed(self, listing: Listing) -> list[File]:
        found = MemoryLists._listed(self, listing)
        return [file for file in found if file.status is not FileStatus.UPLOADING]

    async def expired(self, now: datetime, limit: int) -> Sequence[File]:
        needed = {b.input_file_id for b in self.kept.tables["batch"].values() if not b.is_final}
        found = [
            file
            for file in self.rows.values()
            if file.status is FileStatus.PROCESSED
            and file.expires_at <= now
            and file.id not in needed
        ]
        return sorted(found, key=lambda file: (file.expires_at, file.id))[:limit]

    async def to_sweep(self, now: datetime, limit: int) -> Sequence[File]:
        due = [(f.sweep_at, f.id, f) for f in self.rows.values() if f.sweep_at is not None]
        found = sorted(one for one in due if one[0] <= now)
        return [file for _, _, file in found[:limit]]


class MemoryBatchLists(MemoryLists[Batch]):
    __slots__ = ()

    async def runnable(self, limit: int, now: datetime) -> Sequence[Batch]:
        free = {
            held.shard.batch_id for held in self.kept.batch_shards.values() if held.is_free(now)
        }
        found = [b for b in self.rows.values() if b.id in free and can_work(b)]
        found.sort(key=lambda batch: (-batch.terms.priority, batch.created_at, batch.id))
        return found[:limit]

    async def shards(self, batch_id: str) -> Sequence[Shard]:
        return shards_of(self.kept, batch_id)

    async def working(self, batch_id: str, now: datetime) -> int:
        held = (one for one in self.kept.batch_shards.values() if one.shard.batch_id == batch_id)
        return sum(one.until is not None and one.until > now for one in held)

    async def segments(self, batch_id: str, after: int, limit: int) -> Sequence[Segment]:
        return [s for s in self.kept.segments.get(batch_id, ()) if s.sequence > after][:limit]

    async def segments_of(self, batch_id: str, shard: int) -> Sequence[Segment]:
        return [s for s in self.kept.segments.get(batch_id, ()) if s.shard == shard]


class MemoryProfileLists(MemoryLists[BatchProfile]):
    __slots__ = ()

    async def named(self, project_id: str, name: str) -> BatchProfile | None:
        mine = (p for p in self.rows.values() if (p.project_id, p.name) == (project_id, name))
        return next(mine, None)

    async def default(self, project_id: str) -> BatchProfile | None:
        mine = (p for p in self.rows.values() if p.project_id == project_id and p.is_default)
        return next(mine, None)


class MemoryExternalEndpointLists(MemoryLists[ExternalEndpoint]):
    __slots__ = ()

    async def named(self, project_id: str, name: str) -> ExternalEndpoint | None:
        mine = (e for e in self.rows.values() if (e.project_id, e.name) == (project_id, name))
        return next(mine, None)

    async def serving(self, project_id: str, model: str) -> Sequence[ExternalEndpoint]:
        mine = [e for e in self.rows.values() if e.project_id == project_id and model in e.models]
        return sorted(mine, key=lambda endpoint: endpoint.name)


class MemoryDedicatedLists(MemoryLists[Dedicated]):
    __slots__ = ()

    async def warm(self, project_id: str, digest: str, now: datetime) -> Sequence[Dedicated]:
        return [
            one
            for one in self._in_order()
            if (one.project_id, one.digest, one.batch_id) == (project_id, digest, None)
            and one.keep_until is not None
            and one.keep_until > now
        ]

    async def abandoned(self, now: datetime) -> Sequence[Dedicated]:
        active = {b.id for b in self.kept.tables["batch"].values() if not b.is_final}
        return [
            one
            for one in self._in_order()
            if one.batch_id not in active and (one.keep_until is None or one.keep_until <= now)
        ]

    def _in_order(self) -> list[Dedicated]:
        return sorted(self.rows.values(), key=lambda one: (one.created_at, one.id))


class MemoryWebhookLists(MemoryLists[Webhook]):
    __slots__ = ()

    async def all(self) -> Sequence[Webhook]:
        return sorted(self.rows.values(), key=lambda one: (one.created_at, one.id))

    async def due(self, now: datetime, limit: int, but: Collection[str] = ()) -> Sequence[Delivery]:
        pending = (d for d in self._deliveries() if d.status is DeliveryStatus.PENDING)
        found = [d for d in pending if d.due_at <= now and d.webhook_id not in but]
        return sorted(found, key=lambda one: (one.due_at, one.id))[:limit]

    async def deliveries(
        self, webhook_ids: Collection[str], limit: int
    ) -> Mapping[str, Sequence[Delivery]]:
        newest = sorted(self._deliveries(), key=lambda d: (d.created_at, d.id), reverse=True)
        return {id_: [d for d in newest if d.webhook_id == id_][:limit] for id_ in webhook_ids}

    def _deliveries(self) -> Collection[Delivery]:
        return self.kept.tables["delivery"].values()


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
        self, batch_id: str, worker: str, now: datetime, until: datetime, limit: int
    ) -> Sequence[Shard]:
        async with self.kept.turn:
            batch = self.kept.tables["batch"].get(batch_id)
            if batch is None or not can_work(batch):
                return []
            shards = self.kept.batch_shards
            free = [p for p in sorted(shards) if p[0] == batch_id and shards[p].is_free(now)]
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
