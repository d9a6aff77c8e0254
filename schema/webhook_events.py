"""Facts about webhooks."""

import strawberry

from schema import versions
from schema.webhook_event_kind import WebhookEvent


@versions.type(added="0.2.0")
class WebhookCreated(WebhookEvent):
    """A URL is told of the ends of batch jobs."""

    name: str
    url: str


@versions.type(added="0.2.0")
class WebhookDeleted(WebhookEvent):
    """A URL is told nothing any more."""

    name: str


@versions.type(added="0.2.0")
class WebhookGivenUp(WebhookEvent):
    """A delivery failed at its last attempt."""

    name: str
    batch_job_id: strawberry.ID
    own_batch_job_id: strawberry.Private[str]
    message: str = versions.field(description="What was wrong with the last attempt.")
