"""Webhooks and what was told to them."""

from datetime import datetime
from enum import Enum

import strawberry

from domain.webhooks import signing, webhook
from domain.webhooks.webhook import DeliveryStatus, WebhookEvent
from schema import versions
from schema.context import Info
from schema.errors import Payload
from schema.lists import DateTimeFilter, IDFilter, OrderDirection, StringFilter
from schema.relay import Node, global_id

versions.enum(
    WebhookEvent,
    added="0.2.0",
    name="WebhookEventType",
    description="What a webhook is told of.",
    values={
        "BATCH_COMPLETED": versions.value("batch.completed: every line has a result or an error."),
        "BATCH_FAILED": versions.value("batch.failed: its input was refused."),
        "BATCH_EXPIRED": versions.value("batch.expired: its window closed."),
        "BATCH_CANCELLED": versions.value("batch.cancelled"),
    },
)
versions.enum(
    DeliveryStatus,
    added="0.2.0",
    name="WebhookDeliveryStatus",
    description="What became of a delivery.",
    values={
        "PENDING": versions.value("It is to be sent, or sent again."),
        "DELIVERED": versions.value("The endpoint took it."),
        "GIVEN_UP": versions.value("After its last attempt, or a 410 (Gone)."),
    },
)


@versions.type(added="0.2.0")
class WebhookDelivery:
    """One event on its way to one webhook."""

    event_id: str = versions.field(
        description="As in the header webhook-id, the same at each attempt: who gets it twice can tell."
    )
    event: WebhookEvent
    batch_job_id: strawberry.ID
    status: DeliveryStatus
    attempts: int = versions.field(description="Those that were begun.")
    due_at: datetime | None = versions.field(
        description="When it is sent (again); null once it is over."
    )
    last_code: int | None = versions.field(
        description="The HTTP status of the last answer; null where there was none."
    )
    message: str = versions.field(description="What was wrong with the last attempt, or empty.")
    created_at: datetime = versions.field(description="When the event happened.")
    finished_at: datetime | None

    @classmethod
    def of(cls, value: webhook.Delivery) -> "WebhookDelivery":
        return cls(
            event_id=signing.event_id(value),
            event=value.event,
            batch_job_id=global_id("BatchJob", value.batch_job_id),
            status=value.status,
            attempts=value.attempts,
            due_at=value.due_at if value.finished_at is None else None,
            last_code=value.last_code,
            message=value.message,
            created_at=value.created_at,
            finished_at=value.finished_at,
        )


@versions.type(added="0.2.0")
class Webhook(Node):
    """A URL that is told of the ends of the project's batch jobs, signed as Standard Webhooks has it.
    It is told at least once."""

    name: str = versions.field(description="Unique in the project.")
    url: str
    events: list[WebhookEvent]
    created_at: datetime
    created_by: str = versions.field(description="Who made it, e.g. key:ci.")
    held: strawberry.Private[webhook.Webhook]

    @versions.load
    async def recent_deliveries(self, info: Info) -> list[WebhookDelivery]:
        """The newest 20, newest first."""
        found = await info.context.loads.deliveries(self.held.id)
        return [WebhookDelivery.of(value) for value in found]

    @classmethod
    def of(cls, value: webhook.Webhook) -> "Webhook":
        return cls(
            id=global_id("Webhook", value.id),
            name=value.name,
            url=value.url,
            events=list(value.events),
            created_at=value.created_at,
            created_by=value.created_by,
            held=value,
        )


class WebhookOrderField(Enum):
    CREATED_AT = "created_at"
    NAME = "name"


versions.enum(WebhookOrderField, added="0.2.0")
ORDER_KINDS: dict[str, type] = {"created_at": datetime, "name": str}


@versions.input(added="0.2.0")
class WebhookOrder:
    field: WebhookOrderField
    direction: OrderDirection | None = versions.field(description="ASC unless said.")


@versions.input(added="0.2.0")
class WebhookFilter:
    """All that is said must hold."""

    id: IDFilter | None
    name: StringFilter | None
    url: StringFilter | None
    created_by: StringFilter | None
    created_at: DateTimeFilter | None
    and_: list["WebhookFilter"] | None = versions.field(name="and")
    or_: list["WebhookFilter"] | None = versions.field(name="or")
    not_: "WebhookFilter | None" = versions.field(name="not")


@versions.input(added="0.2.0")
class CreateWebhookInput:
    """A webhook is never changed: delete it and create another."""

    name: str = versions.field(description="Unique in the project.")
    url: str = versions.field(
        description="https://… or http://…, which is sent a POST. Everybody in the project can read it."
    )
    events: list[WebhookEvent] | None = versions.field(description="All of them unless said.")


@versions.input(added="0.2.0")
class DeleteWebhookInput:
    webhook_id: strawberry.ID = versions.field(
        description="The webhook to delete; what was not delivered yet never will be."
    )


@versions.type(added="0.2.0")
class CreateWebhookPayload(Payload):
    webhook: Webhook | None = versions.field(
        default=None, description="The new webhook; null where there are user errors."
    )
    secret: str | None = versions.field(
        default=None,
        description="What its deliveries are signed with, whsec_…; it is not shown again.",
    )


@versions.type(added="0.2.0")
class DeleteWebhookPayload(Payload):
    webhook: Webhook | None = versions.field(default=None, description="As it was.")
