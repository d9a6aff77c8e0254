"""Where the answers of batches lie: a row for what one commit stored of one shard."""

from struct import Struct
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    TypeDecorator,
    bindparam,
    func,
    insert,
    select,
    update,
)

from domain.batches.shard import Entry, Segment
from infra.db.noun import METADATA, Noun
from infra.db.types import PlainText

ENTRY = Struct("<H?QI")  # line, is it an error, start, length


class Entries(TypeDecorator[tuple[Entry, ...]]):
    """15 bytes each: a batch of 50,000 lines has 750 kB of them."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: tuple[Entry, ...] | None, dialect: Dialect) -> bytes | None:
        if value is None:
            return None
        return b"".join(ENTRY.pack(e.line, e.is_error, e.start, e.end - e.start) for e in value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        parts = ENTRY.iter_unpack(value)
        return tuple(Entry(line, error, at, at + size) for line, error, at, size in parts)


SEGMENTS = Noun(
    "segment",
    Segment,
    Table(
        "batch_segments",
        METADATA,
        Column("batch_id", PlainText, ForeignKey("batches.id", ondelete="CASCADE")),
        Column("sequence", BigInteger, autoincrement=False),
        Column("shard", BigInteger, nullable=False),
        Column("key", PlainText, nullable=False),
        Column("error_key", PlainText),
        Column("entries", Entries, nullable=False),
        PrimaryKeyConstraint("batch_id", "sequence"),
        Index(None, "batch_id", "shard", "sequence"),
        CheckConstraint("sequence > 0", "sequence"),
    ),
)

SEGMENT = SEGMENTS.table.c
NEXT = select(func.coalesce(func.max(SEGMENT.sequence), 0) + 1).where(
    SEGMENT.batch_id == bindparam("of_batch")
)
ADD_SEGMENT = insert(SEGMENTS.table).values(sequence=NEXT.scalar_subquery()).inline()
REPOINT = update(SEGMENTS.table).where(
    SEGMENT.batch_id == bindparam("of_batch"), SEGMENT.sequence == bindparam("of_sequence")
)
SEGMENTS_AFTER = (
    SEGMENTS.select()
    .where(SEGMENT.batch_id == bindparam("of_batch"), SEGMENT.sequence > bindparam("after"))
    .order_by(SEGMENT.sequence)
    .limit(bindparam("most"))
)
SEGMENTS_OF = (
    SEGMENTS.select()
    .where(SEGMENT.batch_id == bindparam("of_batch"), SEGMENT.shard == bindparam("of_shard"))
    .order_by(SEGMENT.sequence)
)
