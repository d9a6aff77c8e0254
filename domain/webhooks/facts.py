"""What is recorded of webhooks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookCreated:
    webhook_id: str
    name: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDeleted:
    webhook_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookGivenUp:
    """A delivery failed at its last attempt."""

    webhook_id: str
    name: str
    batch_job_id: str
    message: str


Fact = WebhookCreated | WebhookDeleted | WebhookGivenUp
