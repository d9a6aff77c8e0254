"""When the reconciler has to look at which deployment."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    bindparam,
    insert,
    select,
    text,
    update,
)

from domain.deployments.shards import shard_of
from domain.errors import NotFound
from domain.work import Due
from infra.db.engine import Engines, Transaction
from infra.db.lists import MOST_IDS
from infra.db.noun import METADATA
from infra.db.replicas import PRESENT, REPLICA
from infra.db.types import Moment, PlainText

LOOKS = Table(
    "looks",
    METADATA,
    Column(
        "deployment_id",
        PlainText,
        ForeignKey("deployments.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("shard", Integer, nullable=False),
    Column("due_at", Moment),
    Column("asked", BigInteger, nullable=False),
    Index(None, "due_at", "shard"),
)
LOOK = LOOKS.c
DUE = select(LOOK.deployment_id, LOOK.shard, LOOK.asked)
DUE_NOW = (
    DUE.where(LOOK.due_at <= bindparam("now"))
    .where(LOOK.shard.in_(bindparam("shards", expanding=True)))
    .order_by(LOOK.due_at, LOOK.deployment_id)
    .limit(bindparam("most"))
)
DUE_OF = DUE.where(LOOK.deployment_id.in_(bindparam("row_ids", expanding=True)))
RUNNING = (
    select(LOOK.deployment_id)
    .where(LOOK.shard.in_(bindparam("shards", expanding=True)))
    .where(LOOK.deployment_id.in_(select(REPLICA.deployment_id).where(text(f"replicas.{PRESENT}"))))
)
ASK = (
    update(LOOKS)
    .where(LOOK.deployment_id == bindparam("row_id"))
    .values(due_at=bindparam("at"), asked=LOOK.asked + 1)
)
POSTPONE = (
    update(LOOKS)
    .where(LOOK.deployment_id == bindparam("row_id"), LOOK.asked == bindparam("seen"))
    .values(due_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True)
class StoredDueLists:
    engines: Engines

    async def due(self, shards: Collection[int], now: datetime, limit: int) -> Sequence[Due]:
        said = {"shards": sorted(shards), "now": now, "most": limit}
        return [Due(*row) for row in await self.engines.rows(DUE_NOW, said)]

    async def of(self, deployment_ids: Collection[str]) -> Mapping[str, Due]:
        wanted, found = list(deployment_ids), dict[str, Due]()
        for start in range(0, len(wanted), MOST_IDS):
            some = {"row_ids": wanted[start : start + MOST_IDS]}
            found |= {row[0]: Due(*row) for row in await self.engines.rows(DUE_OF, some)}
        return found

    async def running(self, shards: Collection[int]) -> Sequence[str]:
        return [row[0] for row in await self.engines.rows(RUNNING, {"shards": sorted(shards)})]

    async def postpone(self, looks: Collection[tuple[Due, datetime | None]]) -> None:
        """In the order of the ids: two that postpone the same ones never wait for each other."""
        said = [{"row_id": d.deployment_id, "seen": d.asked, "at": at} for d, at in looks]
        if said:
            async with self.engines.transaction() as transaction:
                await transaction.run(POSTPONE, sorted(said, key=lambda one: str(one["row_id"])))


async def add(transaction: Transaction, deployment_id: str) -> None:
    """Not due before somebody asks."""
    row = {"deployment_id": deployment_id, "shard": shard_of(deployment_id), "asked": 0}
    await transaction.run(insert(LOOKS), row)


async def ask(transaction: Transaction, deployment_id: str, at: datetime | None) -> None:
    """Raises NotFound."""
    if (await transaction.run(ASK, {"row_id": deployment_id, "at": at})).rowcount == 0:
        raise NotFound(kind="deployment", id=deployment_id)
