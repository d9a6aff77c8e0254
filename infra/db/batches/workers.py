"""The workers that live."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Table, bindparam, delete, select, update

from domain.batches.ports import Worker
from domain.batches.worker.workers import renewed
from infra.db import upsert
from infra.db.batches.claims import free, places_of
from infra.db.batches.looks import BATCH_LOOKS, LOOK
from infra.db.batches.shards import SHARD
from infra.db.engine import Engines
from infra.db.installation import take_turn
from infra.db.noun import METADATA
from infra.db.types import Moment, PlainText

BATCH_WORKERS = Table(
    "batch_workers",
    METADATA,
    Column("id", PlainText, primary_key=True),
    Column("registered_at", Moment, nullable=False),
    Column("renewed_at", Moment, nullable=False),
    Column("until", Moment, nullable=False),
)
WORKER = BATCH_WORKERS.c
FORGET_DEAD = delete(BATCH_WORKERS).where(WORKER.until <= bindparam("now"))
LIVING = select(WORKER.id, WORKER.registered_at, WORKER.renewed_at).order_by(WORKER.id)
FORGET = delete(BATCH_WORKERS).where(WORKER.id == bindparam("row_id"))
SHARDS_HELD = (
    select(SHARD.batch_id, SHARD.number)
    .where(SHARD.owner == bindparam("worker"))
    .order_by(SHARD.batch_id, SHARD.number)
    .with_for_update()
)
LOOKS_HELD = (
    select(LOOK.batch_id)
    .where(LOOK.owner == bindparam("worker"))
    .order_by(LOOK.batch_id)
    .with_for_update()
)
GIVE_BACK = (
    update(BATCH_LOOKS)
    .where(LOOK.batch_id.in_(bindparam("row_ids", expanding=True)))
    .values(owner=None, until=None, token=LOOK.token + 1)
)


@dataclass(frozen=True, slots=True)
class StoredWorkers:
    """One worker at a time renews."""

    engines: Engines

    async def renew(self, worker: str, now: datetime, until: datetime) -> Sequence[Worker]:
        async with self.engines.transaction() as transaction:
            await take_turn(transaction)
            await transaction.run(FORGET_DEAD, {"now": now})
            living = [
                Worker(id=row.id, registered_at=row.registered_at, renewed_at=row.renewed_at)
                for row in await transaction.run(LIVING)
            ]
            mine = renewed(worker, living, now)
            row = {"id": worker, "registered_at": mine.registered_at}
            row |= {"renewed_at": mine.renewed_at, "until": until}
            await upsert.put(transaction, BATCH_WORKERS, row)
        others = [other for other in living if other.id != worker]
        return sorted([*others, mine], key=lambda one: one.id)

    async def leave(self, worker: str) -> None:
        """Shards and looks one after the other: no transaction holds the one and waits for the other."""
        async with self.engines.transaction() as transaction:
            await free(transaction, await places_of(transaction, SHARDS_HELD, {"worker": worker}))
        async with self.engines.transaction() as transaction:
            ids = list((await transaction.run(LOOKS_HELD, {"worker": worker})).scalars())
            if ids:
                await transaction.run(GIVE_BACK, {"row_ids": ids})
            await transaction.run(FORGET, {"row_id": worker})
