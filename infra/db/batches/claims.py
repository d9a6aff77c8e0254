"""Who works on which shard of a batch."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, tuple_, update

from domain.batches.shard import Shard
from infra.db.batches.batch import BATCH, BATCHES, CAN_WORK
from infra.db.batches.shards import IS_FREE, OF_BATCH, SHARD, SHARDS
from infra.db.engine import Engines, Transaction

PLACE = tuple_(SHARD.batch_id, SHARD.number)
FREE = (
    SHARDS.select()
    .join(BATCHES.table, BATCH.id == SHARD.batch_id)
    .where(OF_BATCH, IS_FREE, *CAN_WORK)
    .where(SHARD.number.not_in(bindparam("held", expanding=True)))
    .order_by(SHARD.number)
    .limit(bindparam("most"))
    .with_for_update(of=SHARDS.table, skip_locked=True)
)
TAKE = (
    update(SHARDS.table)
    .where(OF_BATCH, SHARD.number.in_(bindparam("numbers", expanding=True)))
    .values(owner=bindparam("worker"), until=bindparam("good_until"), token=SHARD.token + 1)
)
MINE = (
    select(SHARD.batch_id, SHARD.number)
    .where(SHARD.owner == bindparam("worker"))
    .where(
        tuple_(SHARD.batch_id, SHARD.number, SHARD.token).in_(bindparam("shards", expanding=True))
    )
    .order_by(SHARD.batch_id, SHARD.number)
)
UNLOCKED_MINE = MINE.with_for_update(skip_locked=True)
LOCKED_MINE = MINE.with_for_update()
THESE = update(SHARDS.table).where(PLACE.in_(bindparam("places", expanding=True)))
RENEW = THESE.values(until=bindparam("good_until"))
FREE_AGAIN = THESE.values(owner=None, until=None, token=SHARD.token + 1)


@dataclass(frozen=True, slots=True)
class StoredShardClaims:
    """Nothing here waits for a unit of work but `release`: what one holds is passed over by `take`, and
    keeps its time until the next `renew`. Tokens rise also when a shard is given back."""

    engines: Engines

    async def take(
        self,
        batch_id: str,
        worker: str,
        now: datetime,
        until: datetime,
        limit: int,
        held: Collection[int] = (),
    ) -> Sequence[Shard]:
        said = {"of_batch": batch_id, "now": now, "most": limit, "held": list(held)}
        async with self.engines.transaction() as transaction:
            shards = list(map(SHARDS.to_value, await transaction.run(FREE, said)))
            if shards:
                numbers = [shard.number for shard in shards]
                mine = {
                    "of_batch": batch_id,
                    "numbers": numbers,
                    "worker": worker,
                    "good_until": until,
                }
                await transaction.run(TAKE, mine)
        return [_taken(shard) for shard in shards]

    async def renew(
        self, worker: str, shards: Collection[Shard], until: datetime
    ) -> Collection[tuple[str, int]]:
        if not shards:
            return ()
        said = _said(worker, shards)
        async with self.engines.transaction() as transaction:
            if places := await places_of(transaction, UNLOCKED_MINE, said):
                await transaction.run(RENEW, {"places": places, "good_until": until})
            return await places_of(transaction, MINE, said)

    async def release(self, worker: str, shards: Collection[Shard]) -> None:
        if shards:
            async with self.engines.transaction() as transaction:
                places = await places_of(transaction, LOCKED_MINE, _said(worker, shards))
                await free(transaction, places)


async def places_of(
    transaction: Transaction, statement: Any, said: dict[str, Any]
) -> list[tuple[str, int]]:
    return [(row.batch_id, row.number) for row in await transaction.run(statement, said)]


async def free(transaction: Transaction, places: Sequence[tuple[str, int]]) -> None:
    if places:
        await transaction.run(FREE_AGAIN, {"places": places})


def _said(worker: str, shards: Collection[Shard]) -> dict[str, Any]:
    return {"worker": worker, "shards": [(s.batch_id, s.number, s.token) for s in shards]}


def _taken(shard: Shard) -> Shard:
    return replace(shard, token=shard.token + 1)
