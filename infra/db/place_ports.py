"""TCP ports that replicas on a host have reserved."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    bindparam,
    delete,
    insert,
    select,
)

from domain.deployments.place_ports import choose
from domain.deployments.replica import ReplicaStatus
from infra.db.engine import Engines, Transaction
from infra.db.installation import take_turn
from infra.db.noun import METADATA
from infra.db.replicas import REPLICAS
from infra.db.types import PlainText

PLACE_PORTS = Table(
    "place_ports",
    METADATA,
    Column("host", PlainText, primary_key=True),
    Column("port", Integer, primary_key=True, autoincrement=False),
    Column("replica_id", PlainText, ForeignKey("replicas.id", ondelete="CASCADE"), nullable=False),
    Column("model", PlainText, nullable=False),
    Index(None, "replica_id"),
)
C = PLACE_PORTS.c
STATUS = REPLICAS.table.c.status
HELD = (
    select(C.port, C.replica_id, C.model, (STATUS == ReplicaStatus.EXITED).label("is_spent"))
    .join(REPLICAS.table, REPLICAS.table.c.id == C.replica_id)
    .where(C.host == bindparam("host"))
)
GIVE_UP = delete(PLACE_PORTS).where(
    C.host == bindparam("host"), C.port.in_(bindparam("ports", expanding=True))
)


@dataclass(frozen=True, slots=True)
class StoredPlacePorts:
    """A reservation of a replica that has exited counts for nothing, but its port is the last to be
    given out again."""

    engines: Engines
    ports: range
    chance: Random

    async def reserve(
        self, host: str, replica_id: str, models: Sequence[str], avoid: Collection[int]
    ) -> Mapping[str, int]:
        async with self.engines.transaction() as transaction:
            await take_turn(transaction)
            rows = await transaction.run(HELD, {"host": host})
            held = [Reservation(r.port, r.replica_id, r.model, r.is_spent) for r in rows]
            mine = {one.model: one.port for one in held if one.replica_id == replica_id}
            kept = {model: port for model, port in mine.items() if port not in avoid}
            lacking = [model for model in dict.fromkeys(models) if model not in kept]
            taken = {one.port for one in held if not one.is_spent}.union(avoid)
            spent = {one.port for one in held if one.is_spent}
            found = choose(self.ports, taken, spent, len(lacking), self.chance)
            given_up = [port for port in mine.values() if port in avoid]
            new = dict(zip(lacking, found, strict=True))
            await _change(transaction, host, replica_id, [*given_up, *found], new)
        return {model: (kept | new)[model] for model in models}


@dataclass(frozen=True, slots=True)
class Reservation:
    port: int
    replica_id: str
    model: str
    is_spent: bool


async def _change(
    transaction: Transaction,
    host: str,
    replica_id: str,
    free: Sequence[int],
    new: Mapping[str, int],
) -> None:
    if free:
        await transaction.run(GIVE_UP, {"host": host, "ports": free})
    if new:
        rows: list[dict[str, Any]] = [
            {"host": host, "port": port, "replica_id": replica_id, "model": model}
            for model, port in new.items()
        ]
        await transaction.run(insert(PLACE_PORTS), rows)
