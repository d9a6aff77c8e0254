"""Webhooks and what is sent to them."""

from collections.abc import Sequence
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
    text,
)

from domain.webhooks.webhook import Delivery, DeliveryStatus, Webhook, WebhookEvent
from infra.db.lists import StoredLists
from infra.db.noun import METADATA, Noun
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
    .where(text(f"webhook_deliveries.{PENDING}"), DELIVERY.due_at <= bindparam("now"))
    .order_by(DELIVERY.due_at, DELIVERY.id)
    .limit(bindparam("most"))
)
NEWEST = (
    DELIVERIES.select()
    .where(DELIVERY.webhook_id == bindparam("of_webhook"))
    .order_by(DELIVERY.created_at.desc(), DELIVERY.id.desc())
    .limit(bindparam("most"))
)


class StoredWebhookLists(StoredLists[Webhook]):
    async def all(self) -> Sequence[Webhook]:
        return await self.values(ALL)

    async def due(self, now: datetime, limit: int) -> Sequence[Delivery]:
        rows = await self.engines.rows(DUE, {"now": now, "most": limit})
        return list(map(DELIVERIES.to_value, rows))

    async def deliveries(self, webhook_id: str, limit: int) -> Sequence[Delivery]:
        rows = await self.engines.rows(NEWEST, {"of_webhook": webhook_id, "most": limit})
        return list(map(DELIVERIES.to_value, rows))
