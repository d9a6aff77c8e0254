"""What gateways say of themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import BigInteger, Column, Table, bindparam, delete, select

from domain.deployments.ports import GATEWAY_LIVES, GatewayReport
from infra.db import upsert
from infra.db.engine import Engines
from infra.db.noun import METADATA
from infra.db.types import Document, Moment, PlainText

COUNTS = Document(Mapping[str, int])
GATEWAYS = Table(
    "gateways",
    METADATA,
    Column("gateway", PlainText, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("in_flight", COUNTS, nullable=False),
    Column("batch", COUNTS, nullable=False, server_default="{}"),
    Column("held", COUNTS, nullable=False),
    Column("arrived", COUNTS, nullable=False),
    Column("seen_at", Moment, nullable=False),
)
NAMES = tuple(field.name for field in fields(GatewayReport))
LIVING = (
    select(*(GATEWAYS.c[name] for name in NAMES))
    .where(GATEWAYS.c.seen_at >= bindparam("since"))
    .order_by(GATEWAYS.c.gateway)
)


@dataclass(frozen=True, slots=True)
class StoredGateways:
    engines: Engines

    async def report(self, report: GatewayReport) -> None:
        async with self.engines.transaction() as transaction:
            row = {name: getattr(report, name) for name in NAMES}
            await upsert.put(transaction, GATEWAYS, row)

    async def living(self, now: datetime) -> Sequence[GatewayReport]:
        rows = await self.engines.rows(LIVING, {"since": now - GATEWAY_LIVES})
        return [GatewayReport(**dict(zip(NAMES, row, strict=True))) for row in rows]

    async def leave(self, gateway: str) -> None:
        async with self.engines.transaction() as transaction:
            await transaction.run(delete(GATEWAYS).where(GATEWAYS.c.gateway == gateway))

    async def sweep(self, now: datetime) -> int:
        """Forget those that are gone; how many that were."""
        gone = delete(GATEWAYS).where(GATEWAYS.c.seen_at < now - GATEWAY_LIVES)
        async with self.engines.transaction() as transaction:
            return (await transaction.run(gone)).rowcount
