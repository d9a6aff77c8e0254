"""Shards of batches, and who works on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Select,
    Table,
    and_,
    bindparam,
    false,
    or_,
    text,
    update,
)

from domain.batches.batch import Usage
from domain.batches.shard import Progress, Segment, Shard
from infra.db.batches.segments import ADD_SEGMENT, REPOINT
from infra.db.engine import Transaction
from infra.db.noun import METADATA, Noun
from infra.db.types import Document, Moment, PlainText

OPEN = "is_open"
OWNED = "owner IS NOT NULL"

SHARDS = Noun(
    "shard",
    Shard,
    Table(
        "batch_shards",
        METADATA,
        Column("batch_id", PlainText, ForeignKey("batches.id", ondelete="CASCADE")),
        Column("number", BigInteger, autoincrement=False),
        Column("first", BigInteger, nullable=False),
        Column("lines", BigInteger, nullable=False),
        Column("start", BigInteger, nullable=False),
        Column("end", BigInteger, nullable=False),
        Column("index_start", BigInteger, nullable=False),
        Column("index_end", BigInteger, nullable=False),
        Column("done", LargeBinary, nullable=False),
        Column("failed", LargeBinary, nullable=False),
        Column("usage", Document(Usage), nullable=False),
        Column("token", BigInteger, nullable=False),
        Column("is_open", Boolean, nullable=False),
        Column("owner", PlainText),
        Column("until", Moment),
        PrimaryKeyConstraint("batch_id", "number"),
        Index(
            "ix_batch_shards_open",
            "batch_id",
            "number",
            sqlite_where=text(OPEN),
            postgresql_where=text(OPEN),
        ),
        Index(
            "ix_batch_shards_owned",
            "owner",
            sqlite_where=text(OWNED),
            postgresql_where=text(OWNED),
        ),
        CheckConstraint('"lines" > 0 AND "first" >= 0', "lines"),
        CheckConstraint('"start" < "end" AND index_start <= index_end', "ranges"),
        CheckConstraint("(owner IS NULL) = (until IS NULL)", "owner_has_until"),
    ),
)

SHARD = SHARDS.table.c
OF_BATCH = SHARD.batch_id == bindparam("of_batch")
SHARDS_OF = SHARDS.select().where(OF_BATCH).order_by(SHARD.number)
LOCKED_OF = SHARDS_OF.with_for_update()
IS_FREE = and_(
    text(f"batch_shards.{OPEN}"), or_(SHARD.owner.is_(None), SHARD.until <= bindparam("now"))
)
STORE = (
    update(SHARDS.table)
    .where(OF_BATCH, SHARD.number == bindparam("of_number"), SHARD.token == bindparam("mine"))
    .where(text(f"batch_shards.{OPEN}"))
)
CLOSE = (
    update(SHARDS.table)
    .where(OF_BATCH)
    .values(is_open=false(), owner=None, until=None, token=SHARD.token + 1)
)


@dataclass(frozen=True, slots=True)
class StoredShards:
    """Inside a unit of work. Whoever stores several shards does so in the order of their numbers."""

    transaction: Transaction

    async def add(self, shards: Sequence[Shard]) -> None:
        if shards:
            await self.transaction.run(SHARDS.insert, [_row(shard) for shard in shards])

    async def of(self, batch_id: str) -> Sequence[Shard]:
        return await self._of(SHARDS_OF, batch_id)

    async def store(self, progress: Progress) -> bool:
        """A token whose time is up, but which nobody took over, is still good."""
        shard = progress.shard
        said = {
            "of_batch": shard.batch_id,
            "of_number": shard.number,
            "mine": shard.token,
            "done": shard.done,
            "failed": shard.failed,
            "usage": shard.usage,
            "is_open": is_open(shard),
        }
        if (await self.transaction.run(STORE, said)).rowcount == 0:
            return False
        segment = {
            "of_batch": shard.batch_id,
            "batch_id": shard.batch_id,
            "shard": shard.number,
            "key": progress.key,
            "error_key": None,
            "entries": progress.entries,
        }
        await self.transaction.run(ADD_SEGMENT, segment)
        return True

    async def close(self, batch_id: str) -> Sequence[Shard]:
        await self._of(LOCKED_OF, batch_id)
        await self.transaction.run(CLOSE, {"of_batch": batch_id})
        return await self.of(batch_id)

    async def repoint(self, segments: Sequence[Segment]) -> None:
        if segments:
            said = [
                {
                    "of_batch": segment.batch_id,
                    "of_sequence": segment.sequence,
                    "key": segment.key,
                    "error_key": segment.error_key,
                    "entries": segment.entries,
                }
                for segment in segments
            ]
            await self.transaction.run(REPOINT, said)

    async def _of(self, statement: Select[Any], batch_id: str) -> Sequence[Shard]:
        rows = await self.transaction.run(statement, {"of_batch": batch_id})
        return list(map(SHARDS.to_value, rows))


def is_open(shard: Shard) -> bool:
    """Whether it has lines to do."""
    return sum(byte.bit_count() for byte in shard.done) < shard.lines


def _row(shard: Shard) -> dict[str, Any]:
    return {**SHARDS.to_row(shard), "is_open": is_open(shard), "owner": None, "until": None}
