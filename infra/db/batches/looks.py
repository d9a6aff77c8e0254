"""When somebody has to look at which batch, and which worker does."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Table,
    and_,
    bindparam,
    case,
    insert,
    or_,
    select,
    text,
    tuple_,
    update,
)

from domain.batches.ports import Claim
from domain.errors import NotFound
from infra.db.batches.batch import BATCH
from infra.db.engine import Engines, Transaction
from infra.db.noun import METADATA
from infra.db.types import Moment, PlainText

OWNED = "owner IS NOT NULL"
BATCH_LOOKS = Table(
    "batch_looks",
    METADATA,
    Column("batch_id", PlainText, ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True),
    Column("due_at", Moment),
    Column("asked", BigInteger, nullable=False),
    Column("owner", PlainText),
    Column("token", BigInteger, nullable=False),
    Column("until", Moment),
    Index(None, "due_at"),
    Index(
        "ix_batch_looks_owned",
        "owner",
        sqlite_where=text(OWNED),
        postgresql_where=text(OWNED),
    ),
    CheckConstraint("(owner IS NULL) = (until IS NULL)", "owner_has_until"),
)
LOOK = BATCH_LOOKS.c
DUE = and_(
    LOOK.due_at <= bindparam("now"),
    or_(LOOK.owner.is_(None), LOOK.until <= bindparam("now")),
)
DUE_NOW = select(LOOK.batch_id).where(DUE).order_by(LOOK.due_at, LOOK.batch_id)
FIRST_DUE = DUE_NOW.limit(1)
LOCK_DUE = DUE_NOW.limit(bindparam("most")).with_for_update(skip_locked=True)
TAKE = (
    update(BATCH_LOOKS)
    .where(LOOK.batch_id.in_(bindparam("row_ids", expanding=True)))
    .values(owner=bindparam("worker"), until=bindparam("good_until"), token=LOOK.token + 1)
    .returning(LOOK.batch_id, LOOK.token, LOOK.asked)
)
MINE = (
    select(LOOK.batch_id)
    .where(LOOK.owner == bindparam("worker"))
    .where(tuple_(LOOK.batch_id, LOOK.token).in_(bindparam("claims", expanding=True)))
)
LOCK_MINE = MINE.with_for_update(skip_locked=True)
RENEW = (
    update(BATCH_LOOKS)
    .where(LOOK.batch_id.in_(bindparam("row_ids", expanding=True)))
    .values(until=bindparam("good_until"))
)
RELEASE = (
    update(BATCH_LOOKS)
    .where(LOOK.batch_id == bindparam("row_id"), LOOK.token == bindparam("mine"))
    .where(LOOK.owner.is_not(None))
    .values(
        owner=None,
        until=None,
        due_at=case(
            (LOOK.asked == bindparam("seen"), bindparam("at", type_=Moment)), else_=LOOK.due_at
        ),
    )
)
ASK = (
    update(BATCH_LOOKS)
    .where(LOOK.batch_id == bindparam("row_id"))
    .values(
        due_at=case((LOOK.owner.is_(None), bindparam("at", type_=Moment)), else_=LOOK.due_at),
        asked=LOOK.asked + 1,
    )
)
LOCK_BATCH = select(BATCH.id).where(BATCH.id == bindparam("row_id")).with_for_update(key_share=True)
HELD = (
    select(LOOK.batch_id)
    .where(LOOK.batch_id == bindparam("row_id"), LOOK.token == bindparam("mine"))
    .where(LOOK.owner.is_not(None))
    .with_for_update(read=True)
)


@dataclass(frozen=True, slots=True)
class StoredBatchClaims:
    """Nothing here waits for a unit of work but `release`: what one holds is passed over by `take`, and
    keeps its time until the next `renew`."""

    engines: Engines

    async def take(
        self, worker: str, now: datetime, until: datetime, limit: int
    ) -> Sequence[Claim]:
        """Most of the time nothing is due: that is read before a transaction begins."""
        if not await self.engines.rows(FIRST_DUE, {"now": now}):
            return ()
        async with self.engines.transaction() as transaction:
            due = await transaction.run(LOCK_DUE, {"now": now, "most": limit})
            ids = list(due.scalars())
            said = {"row_ids": ids, "worker": worker, "good_until": until}
            taken = {row.batch_id: row for row in await transaction.run(TAKE, said)} if ids else {}
        return [Claim(id_, taken[id_].token, taken[id_].asked) for id_ in ids]

    async def renew(
        self, worker: str, claims: Collection[Claim], until: datetime
    ) -> Collection[str]:
        if not claims:
            return ()
        said = {"worker": worker, "claims": [(c.batch_id, c.token) for c in claims]}
        async with self.engines.transaction() as transaction:
            ids = list((await transaction.run(LOCK_MINE, said)).scalars())
            if ids:
                await transaction.run(RENEW, {"row_ids": ids, "good_until": until})
            return set((await transaction.run(MINE, said)).scalars())

    async def release(self, claim: Claim, look_at: datetime | None) -> None:
        said = {"row_id": claim.batch_id, "mine": claim.token, "seen": claim.asked, "at": look_at}
        async with self.engines.transaction() as transaction:
            await transaction.run(RELEASE, said)


async def add(transaction: Transaction, batch_id: str, at: datetime) -> None:
    row = {"batch_id": batch_id, "due_at": at, "asked": 0, "owner": None, "token": 0}
    await transaction.run(insert(BATCH_LOOKS), {**row, "until": None})


async def ask(transaction: Transaction, batch_id: str, at: datetime | None) -> None:
    """What a worker is looking at stays due, and is looked at again; raises NotFound."""
    if (await transaction.run(ASK, {"row_id": batch_id, "at": at})).rowcount == 0:
        raise NotFound(kind="batch", id=batch_id)


async def holds(transaction: Transaction, claim: Claim) -> bool:
    """A claim whose time is up, but which nobody took, is still held. The batch's row is locked first, as
    by everybody else who asks for a look."""
    said = {"row_id": claim.batch_id}
    await transaction.run(LOCK_BATCH, said)
    return (await transaction.run(HELD, {**said, "mine": claim.token})).first() is not None
