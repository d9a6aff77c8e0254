"""Webhooks and deliveries for tests."""

from typing import Any

from domain.access.access import Project
from domain.webhooks.webhook import Delivery, DeliveryStatus, Webhook, WebhookEvent
from tests.support.builders import NOON, fresh

__all__ = ["NOON", "a_delivery", "a_webhook"]


def a_webhook(project: Project, **said: Any) -> Webhook:
    id_ = fresh()
    return Webhook(
        **{
            "id": id_,
            "project_id": project.id,
            "name": f"webhook-{id_}",
            "url": "https://example.test/hook",
            "events": tuple(WebhookEvent),
            "sealed_secret": b"sealed",
            "position": 0,
            "created_at": NOON,
            "created_by": "ada",
            **said,
        }
    )


def a_delivery(webhook: Webhook | None = None, **said: Any) -> Delivery:
    return Delivery(
        **{
            "id": fresh(),
            "project_id": "p" if webhook is None else webhook.project_id,
            "webhook_id": "w" if webhook is None else webhook.id,
            "event": WebhookEvent.BATCH_COMPLETED,
            "batch_job_id": fresh(),
            "status": DeliveryStatus.PENDING,
            "attempts": 0,
            "due_at": NOON,
            "created_at": NOON,
            **said,
        }
    )
