"""What events about webhooks have in common."""

import strawberry

from schema import versions
from schema.context import Info
from schema.event_kinds import Event
from schema.webhooks import Webhook


@versions.interface(added="0.2.0")
class WebhookEvent(Event):
    """A fact about a webhook."""

    webhook_id: strawberry.ID
    own_webhook_id: strawberry.Private[str]

    @versions.load
    async def webhook(self, info: Info) -> Webhook | None:
        """As it is now; null when it is gone."""
        found = await info.context.loads.webhook(self.own_webhook_id)
        return None if found is None else Webhook.of(found)
