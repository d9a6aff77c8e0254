"""Files, batches and what belongs to them, in the store in memory: committed rows."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from domain.batches.batch import Batch
from domain.batches.dedicated import Dedicated
from domain.batches.external_endpoint import ExternalEndpoint
from domain.batches.profile import BatchProfile
from domain.batches.shard import Segment, Shard
from domain.files.file import File, FileStatus
from domain.listing import Listing
from domain.webhooks.webhook import Delivery, DeliveryStatus, Webhook
from tests.support.memory_claims import can_work, shards_of
from tests.support.memory_lists import MemoryLists


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

    async def uploads_of(self, writer: str) -> Sequence[File]:
        uploads = (f for f in self.rows.values() if f.status is FileStatus.UPLOADING)
        return [file for file in uploads if file.writer == writer]


class MemoryBatchLists(MemoryLists[Batch]):
    __slots__ = ()

    async def runnable(self, limit: int, now: datetime) -> Sequence[Batch]:
        free = {
            held.shard.batch_id for held in self.kept.batch_shards.values() if held.is_free(now)
        }
        found = [b for b in self.rows.values() if b.id in free and can_work(b)]
        found.sort(key=lambda batch: (-batch.terms.priority, batch.created_at, batch.id))
        return found[:limit]

    async def is_runnable(self, batch_id: str, now: datetime) -> bool:
        found = await self.runnable(len(self.rows), now)
        return any(batch.id == batch_id for batch in found)

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

    async def next_end(self, now: datetime) -> datetime | None:
        free = [one.keep_until for one in self.rows.values() if one.batch_id is None]
        return min((end for end in free if end is not None and end > now), default=None)

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
