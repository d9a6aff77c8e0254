"""Control planes, and which of them looks after which shard."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Column, Integer, Table, bindparam, delete, select, update

from domain.deployments.ports import Lease
from domain.deployments.shards import Shard, moves
from infra.db import upsert
from infra.db.engine import Engines, Transaction
from infra.db.installation import take_turn
from infra.db.noun import METADATA
from infra.db.types import Moment, PlainText

PLANES = Table(
    "planes",
    METADATA,
    Column("id", PlainText, primary_key=True),
    Column("host", PlainText),
    Column("until", Moment, nullable=False),
)
SHARD_OWNERS = Table(
    "shards",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("owner", PlainText),
    Column("token", BigInteger, nullable=False),
)

OWNED = SHARD_OWNERS.c
SHARD_ROWS = select(OWNED.id, OWNED.owner, OWNED.token).order_by(OWNED.id)
HELD = (
    select(OWNED.id)
    .where(
        OWNED.id == bindparam("shard"),
        OWNED.token == bindparam("token"),
        OWNED.owner.is_not(None),
    )
    .with_for_update(read=True)
)
FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class StoredLeases:
    """A plane's shards are its own while its row says that it lives, and until another takes them.

    One plane at a time shares out. What a unit of work holds is passed over: it moves at a later
    renewal, so that a plane that hangs in the middle of one keeps nobody else from renewing.
    """

    engines: Engines

    async def renew(self, plane: str, now: datetime, until: datetime) -> Sequence[Lease]:
        async with self.engines.transaction() as transaction:
            await take_turn(transaction)
            await register(transaction, plane, now, until)
            living = set((await transaction.run(LIVING, {"now": now})).scalars())
            rows = await transaction.run(SHARD_ROWS)
            shards = [Shard(row.id, row.owner, row.token) for row in rows]
            due = moves(shards, plane, living)
            taken = await _hand_over(transaction, due.take, plane)
            given = await _hand_over(transaction, due.give, None)
        return [
            Lease(shard.id, shard.token + (shard.id in taken))
            for shard in shards
            if shard.id in taken or (shard.owner == plane and shard.id not in given)
        ]

    async def leave(self, plane: str) -> None:
        """Without regard for units of work under way: each of them commits first."""
        async with self.engines.transaction() as transaction:
            await take_turn(transaction)
            mine = update(SHARD_OWNERS).where(OWNED.owner == plane)
            await transaction.run(mine.values(owner=None, token=OWNED.token + 1))
            await transaction.run(delete(PLANES).where(PLANES.c.id == plane))


LIVING = select(PLANES.c.id).where(PLANES.c.until > bindparam("now"))


async def register(
    transaction: Transaction, plane: str, now: datetime, until: datetime, host: str | None = None
) -> None:
    """`host` is where it runs replicas as processes; None leaves that as it is."""
    row = {"id": plane, "host": host, "until": until}
    await upsert.put(transaction, PLANES, row, *(() if host else ("host",)))
    await transaction.run(delete(PLANES).where(PLANES.c.until < now - FORGOTTEN_AFTER))


async def _hand_over(
    transaction: Transaction, shards: Collection[int], owner: str | None
) -> set[int]:
    """The ids of those that could be had."""
    if not shards:
        return set()
    some = select(OWNED.id).where(OWNED.id.in_(list(shards))).with_for_update(skip_locked=True)
    had = set((await transaction.run(some)).scalars())
    change = update(SHARD_OWNERS).where(OWNED.id.in_(sorted(had)))
    await transaction.run(change.values(owner=owner, token=OWNED.token + 1))
    return had


async def holds(transaction: Transaction, lease: Lease) -> bool:
    """A lease whose time is up, but which nobody took, is still held."""
    said = {"shard": lease.shard, "token": lease.token}
    return (await transaction.run(HELD, said)).first() is not None
