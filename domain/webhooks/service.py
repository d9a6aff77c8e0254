"""Webhooks: made and deleted, never changed."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from domain import checks
from domain.access.access import Caller, Role
from domain.clock import Clock
from domain.errors import InvalidValue, NotFound
from domain.ids import NewId
from domain.secrets.ports import Sealer
from domain.webhooks import signing
from domain.webhooks.facts import WebhookCreated, WebhookDeleted
from domain.webhooks.webhook import Webhook, WebhookEvent
from domain.work import EventLog, StartWork

URL_LIMIT = 2_048  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWebhook:
    name: str
    url: str
    events: tuple[WebhookEvent, ...] = tuple(WebhookEvent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """`new_key` draws signing.KEY_BYTES random bytes."""

    start_work: StartWork
    log: EventLog
    sealer: Sealer
    clock: Clock
    new_id: NewId
    new_key: Callable[[], bytes]

    async def create(self, caller: Caller, new: NewWebhook) -> tuple[Webhook, str]:
        """The webhook and its signing secret, which is never shown again. It hears of what happens from
        now on."""
        caller.require_selected(Role.ADMIN)
        checks.name(new.name, ("name",))
        _check_url(new.url)
        id_, project_id, secret = (
            self.new_id(),
            caller.project_id,
            signing.secret_of(self.new_key()),
        )
        webhook = Webhook(
            id=id_,
            project_id=project_id,
            name=new.name,
            url=new.url,
            events=_ordered(new.events),
            sealed_secret=self.sealer.seal(secret, signing.sealing_context(project_id, id_)),
            position=(await self.log.head()).position,
            created_at=self.clock(),
            created_by=caller.actor,
        )
        async with self.start_work(caller.actor, caller.cause) as work:
            await work.webhooks.add(webhook)
            work.record(project_id, WebhookCreated(webhook_id=id_, name=new.name, url=new.url))
        return webhook, secret

    async def delete(self, caller: Caller, id: str) -> Webhook:
        """What was not delivered yet never will be."""
        async with self.start_work(caller.actor, caller.cause) as work:
            missing = NotFound(kind="webhook", id=id, path=("webhook_id",))
            webhook = caller.owned(await work.webhooks.lock(id), Role.ADMIN, missing)
            await work.webhooks.remove(id)
            work.record(webhook.project_id, WebhookDeleted(webhook_id=id, name=webhook.name))
        return webhook


def _ordered(events: tuple[WebhookEvent, ...]) -> tuple[WebhookEvent, ...]:
    if not events:
        raise InvalidValue(path=("events",), problem="Name at least one event.")
    return tuple(each for each in WebhookEvent if each in events)


def _check_url(url: str) -> None:
    checks.text(url, ("url",), URL_LIMIT)
    if (problem := _problem(url)) is not None:
        raise InvalidValue(path=("url",), problem=f"{url!r} is no URL of a webhook: {problem}.")


def _problem(url: str) -> str | None:
    if any(each <= " " or each == "\x7f" for each in url):
        return "it has a space or a control character"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "write https://… or http://…, and a host"
    if parts.username is not None or parts.password is not None:
        return "everybody in the project can read it, so that it must hold no password"
    return "nothing of it but # and what follows it would be sent" if parts.fragment else None
