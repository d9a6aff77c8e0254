"""The one host whose processes a database's replicas are."""

from datetime import datetime

from sqlalchemy import bindparam, select, text

from domain.errors import HostRefused
from infra.db.engine import Engines, Transaction
from infra.db.installation import take_turn
from infra.db.leases import PLANES, register
from infra.db.place_ports import PLACE_PORTS
from infra.db.replicas import PRESENT, REPLICA, REPLICAS

OTHERS = select(PLANES.c.host).where(
    PLANES.c.until > bindparam("now"),
    PLANES.c.id != bindparam("plane"),
    PLANES.c.host.is_not(None),
)
PLACEMENTS = REPLICAS.select().where(text(f"replicas.{PRESENT}"), REPLICA.placement.is_not(None))
RESERVED = (
    select(PLACE_PORTS.c.host)
    .distinct()
    .join(REPLICAS.table, REPLICA.id == PLACE_PORTS.c.replica_id)
    .where(text(f"replicas.{PRESENT}"))
)


async def claim(engines: Engines, host: str, plane: str, now: datetime, until: datetime) -> None:
    """Register the plane as one that runs replicas as processes of this host; raises HostRefused
    where another host's plane lives, or replicas are left there."""
    async with engines.transaction() as transaction:
        await take_turn(transaction)
        others = sorted(await _hosts(transaction, plane, now) - {host})
        if others:
            raise HostRefused(other=others[0], host=host)
        await register(transaction, plane, now, until, host)


async def _hosts(transaction: Transaction, plane: str, now: datetime) -> set[str]:
    said = {"now": now, "plane": plane}
    found = set((await transaction.run(OTHERS, said)).scalars())
    found |= set((await transaction.run(RESERVED)).scalars())
    for replica in map(REPLICAS.to_value, await transaction.run(PLACEMENTS)):
        if replica.placement is not None and "host" in replica.placement:
            found.add(str(replica.placement["host"]))
    return found
