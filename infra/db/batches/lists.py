"""Committed batches, their shards and segments."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, exists, func, select

from domain.batches.batch import Batch
from domain.batches.shard import Segment, Shard
from infra.db.batches.batch import BATCH, BATCHES, CAN_WORK, PRIORITY
from infra.db.batches.segments import SEGMENTS, SEGMENTS_AFTER, SEGMENTS_OF
from infra.db.batches.shards import IS_FREE, OF_BATCH, SHARD, SHARDS, SHARDS_OF
from infra.db.lists import StoredLists

CAN_BE_TAKEN = (*CAN_WORK, exists().where(SHARD.batch_id == BATCH.id, IS_FREE))
RUNNABLE = (
    BATCHES.select()
    .where(*CAN_BE_TAKEN)
    .order_by(PRIORITY.desc(), BATCH.created_at, BATCH.id)
    .limit(bindparam("most"))
)
IS_RUNNABLE = select(BATCH.id).where(BATCH.id == bindparam("of_batch"), *CAN_BE_TAKEN)
COUNT_WORKING = (
    select(func.count())
    .select_from(SHARDS.table)
    .where(OF_BATCH, SHARD.owner.is_not(None), SHARD.until > bindparam("now"))
)


class StoredBatchLists(StoredLists[Batch]):
    async def runnable(self, limit: int, now: datetime) -> Sequence[Batch]:
        return await self.values(RUNNABLE, {"most": limit, "now": now})

    async def is_runnable(self, batch_id: str, now: datetime) -> bool:
        return bool(await self.engines.rows(IS_RUNNABLE, {"of_batch": batch_id, "now": now}))

    async def shards(self, batch_id: str) -> Sequence[Shard]:
        rows = await self.engines.rows(SHARDS_OF, {"of_batch": batch_id})
        return list(map(SHARDS.to_value, rows))

    async def working(self, batch_id: str, now: datetime) -> int:
        said = {"of_batch": batch_id, "now": now}
        return int((await self.engines.rows(COUNT_WORKING, said))[0][0])

    async def segments(self, batch_id: str, after: int, limit: int) -> Sequence[Segment]:
        said = {"of_batch": batch_id, "after": after, "most": limit}
        return list(map(SEGMENTS.to_value, await self.engines.rows(SEGMENTS_AFTER, said)))

    async def segments_of(self, batch_id: str, shard: int) -> Sequence[Segment]:
        said = {"of_batch": batch_id, "of_shard": shard}
        return list(map(SEGMENTS.to_value, await self.engines.rows(SEGMENTS_OF, said)))
