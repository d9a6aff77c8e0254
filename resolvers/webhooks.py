"""Webhooks."""

from domain.webhooks.service import NewWebhook
from domain.webhooks.webhook import WebhookEvent
from resolvers import lists
from resolvers.context import Info
from resolvers.errors import mending
from resolvers.inputs import own_id
from schema import versions
from schema.relay import DEFAULT_FIRST, After, Connection, First
from schema.webhooks import (
    ORDER_KINDS,
    CreateWebhookInput,
    CreateWebhookPayload,
    DeleteWebhookInput,
    DeleteWebhookPayload,
    Webhook,
    WebhookFilter,
    WebhookOrder,
)


@versions.type(added="0.2.0")
class WebhookQueries:
    @versions.method(added="0.2.0")
    async def webhooks(
        self,
        info: Info,
        first: First = DEFAULT_FIRST,
        after: After = None,
        filter: WebhookFilter | None = None,
        order_by: WebhookOrder | None = None,
    ) -> Connection[Webhook]:
        """The project's webhooks, without their secrets, oldest first unless ordered."""
        return await lists.in_project(
            info.context,
            info.context.services.reads.webhooks,
            Webhook.of,
            ORDER_KINDS,
            first=first,
            after=after,
            filter=filter,
            order_by=order_by,
        )


@versions.type(added="0.2.0")
class WebhookMutations:
    @versions.method(added="0.2.0")
    async def create_webhook(
        self, info: Info, input: CreateWebhookInput
    ) -> CreateWebhookPayload | None:
        """Has a URL told of the ends of batch jobs from now on; needs an admin of the project."""
        payload = CreateWebhookPayload()
        with mending(payload):
            events = WebhookEvent if input.events is None else input.events
            new = NewWebhook(name=input.name, url=input.url, events=tuple(events))
            webhooks = info.context.services.webhooks
            created, payload.secret = await webhooks.create(info.context.caller, new)
            payload.webhook = Webhook.of(created)
        return payload

    @versions.method(added="0.2.0")
    async def delete_webhook(
        self, info: Info, input: DeleteWebhookInput
    ) -> DeleteWebhookPayload | None:
        """Deletes a webhook; what was not delivered yet never will be."""
        payload = DeleteWebhookPayload()
        with mending(payload):
            own = own_id("Webhook", input.webhook_id, "webhook_id")
            webhooks = info.context.services.webhooks
            payload.webhook = Webhook.of(await webhooks.delete(info.context.caller, own))
        return payload
