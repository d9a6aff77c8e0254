"""Webhooks and what is sent to them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    UniqueConstraint,
    bindparam,
    delete,
    text,
)

from domain.listing import Listing, Order
from domain.webhooks.webhook import Delivery, DeliveryStatus, Webhook, WebhookEvent
from infra.db.engine import Engines
from infra.db.lists import StoredLists
from infra.db.noun import METADATA, Noun
from infra.db.pages import pages
from infra.db.types import Document, Enumerated, Moment, PlainText

PENDING = "status = 'pending'"

WEBHOOKS = Noun(
    "webhook",
    Webhook,
    Table(
        "webhooks",
        METADATA,
        Column("id", PlainText, primary_key=True),
        Column("project_id", PlainText, ForeignKey("projects.id"), nullable=False),
        Column("name", PlainText, nullable=False),
        Column("url", PlainText, nullable=False),
        Column("events", Document(tuple[WebhookEvent, ...]), nullable=False),
        Column("sealed_secret", LargeBinary, nullable=False),
        Column("position", BigInteger, nullable=False),
        Column("created_at", Moment, nullable=False),
        Column("created_by", PlainText, nullable=False),
        unique := UniqueConstraint("project_id", "name"),
        Index(None, "project_id", "created_at", "id"),
    ),
    unique,
)

DELIVERIES = Noun(
    "delivery",
    Delivery,
    Table(
        "webhook_deliveries",
        METADATA,
        Column("id", PlainText, primary_key=True),
        Column("project_id", PlainText, ForeignKey("projects.id"), nullable=False),
        Column(
            "webhook_id", PlainText, ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False
        ),
        Column("event", Enumerated(WebhookEvent), nullable=False),
        Column("batch_job_id", PlainText, nullable=False),
        Column("status", Enumerated(DeliveryStatus), nullable=False),
        Column("attempts", BigInteger, nullable=False),
        Column("due_at", Moment, nullable=False),
        Column("last_code", BigInteger),
        Column("message", PlainText, nullable=False),
        Column("created_at", Moment, nullable=False),
        Column("finished_at", Moment),
        once := UniqueConstraint("webhook_id", "batch_job_id", "event"),
        Index(None, "webhook_id", "created_at", "id"),
        Index(
            "ix_webhook_deliveries_pending",
            "due_at",
            "id",
            sqlite_where=text(PENDING),
            postgresql_where=text(PENDING),
        ),
        CheckConstraint(
            "event IN ('batch.completed', 'batch.failed', 'batch.expired', 'batch.cancelled')",
            "event",
        ),
        CheckConstraint("status IN ('pending', 'delivered', 'given_up')", "status"),
        CheckConstraint(f"(finished_at IS NULL) = ({PENDING})", "pending_is_unfinished"),
        CheckConstraint("attempts >= 0", "attempts"),
    ),
    once,
    called="batch_job_id",
)

HOOK, DELIVERY = WEBHOOKS.table.c, DELIVERIES.table.c
ALL = WEBHOOKS.select().order_by(HOOK.created_at, HOOK.id)
DUE = (
    DELIVERIES.select()
    .where(
        text(f"webhook_deliveries.{PENDING}"),
        DELIVERY.due_at <= bindparam("now"),
        DELIVERY.webhook_id.not_in(bindparam("but", expanding=True)),
    )
    .order_by(DELIVERY.due_at, DELIVERY.id)
    .limit(bindparam("most"))
)
FORGET = delete(DELIVERIES.table).where(DELIVERY.finished_at < bindparam("before"))
NEWEST_FIRST = Order(descending=True)


async def forget_deliveries(engines: Engines, before: datetime) -> None:
    """Those that were over by then."""
    async with engines.transaction() as transaction:
        await transaction.run(FORGET, {"before": before})


class StoredWebhookLists(StoredLists[Webhook]):
    async def all(self) -> Sequence[Webhook]:
        return await self.values(ALL)

    async def due(self, now: datetime, limit: int, but: Collection[str] = ()) -> Sequence[Delivery]:
        said = {"now": now, "most": limit, "but": list(but)}
        return list(map(DELIVERIES.to_value, await self.engines.rows(DUE, said)))

    async def deliveries(
        self, webhook_ids: Collection[str], limit: int
    ) -> Mapping[str, Sequence[Delivery]]:
        listing = Listing(first=limit, order=NEWEST_FIRST)
        found = await pages(
            self.engines, DELIVERIES, DELIVERIES, webhook_ids, listing, of="webhook_id"
        )
        return {id_: page.items for id_, page in found.items()}
