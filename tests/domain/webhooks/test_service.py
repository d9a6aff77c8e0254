from base64 import b64decode

import pytest

from domain.access.access import Caller, Role
from domain.errors import Forbidden, InvalidValue, NameTaken, NotFound
from domain.events import Scope
from domain.webhooks import signing
from domain.webhooks.facts import WebhookCreated, WebhookDeleted
from domain.webhooks.service import NewWebhook
from domain.webhooks.webhook import WebhookEvent
from tests.support.build import a_caller
from tests.support.postman import URL, Postman


async def test_a_secret_is_told_once_and_kept_sealed(postman: Postman, caller: Caller) -> None:
    new = NewWebhook(name="hook", url=URL)
    webhook, secret = await postman.service.create(caller, new)
    assert secret.startswith("whsec_")
    assert len(b64decode(secret.removeprefix("whsec_"))) == signing.KEY_BYTES
    context = f"{webhook.project_id}/webhooks/{webhook.id}"
    assert postman.sealer.open(webhook.sealed_secret, context) == secret
    events = await postman.store.log.read(None, 10, Scope())
    [fact] = [event.fact for event in events]
    assert fact == WebhookCreated(webhook_id=webhook.id, name="hook", url=URL)


async def test_a_webhook_wants_every_event_unless_it_says_otherwise(
    postman: Postman, caller: Caller
) -> None:
    every = await postman.webhook(caller)
    assert every.events == tuple(WebhookEvent)
    wanted = (WebhookEvent.BATCH_EXPIRED, WebhookEvent.BATCH_COMPLETED, WebhookEvent.BATCH_EXPIRED)
    some = await postman.webhook(caller, events=wanted)
    assert some.events == (WebhookEvent.BATCH_COMPLETED, WebhookEvent.BATCH_EXPIRED)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hook",
        "ftp://a.test/",
        "https://",
        "https:///path",
        "https://a.test:x/",
        "https://a.test:99999/",
        "https://[::1/",
        "https://ada:secret@a.test/",
        "https://a.test/ hook",
        "https://a.test/\r\nx: y",
        "https://a.test/#part",
        "https://a.test/" + "x" * 2_048,
        "https://a.test/\x00",
    ],
)
async def test_what_is_no_url_is_refused(postman: Postman, caller: Caller, url: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        await postman.webhook(caller, url)
    assert refused.value.path == ("url",)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/", "https://a.test", "https://[::1]:443/a?b=c", "HTTPS://A.test/"]
)
async def test_any_url_of_the_web_is_taken(postman: Postman, caller: Caller, url: str) -> None:
    assert (await postman.webhook(caller, url)).url == url


async def test_no_events_and_no_name_are_refused(postman: Postman, caller: Caller) -> None:
    with pytest.raises(InvalidValue) as refused:
        await postman.service.create(caller, NewWebhook(name="hook", url=URL, events=()))
    assert refused.value.path == ("events",)
    with pytest.raises(InvalidValue) as refused:
        await postman.service.create(caller, NewWebhook(name="no name", url=URL))
    assert refused.value.path == ("name",)


async def test_a_name_is_taken_once_in_a_project(postman: Postman, caller: Caller) -> None:
    new = NewWebhook(name="hook", url=URL)
    webhook, _ = await postman.service.create(caller, new)
    with pytest.raises(NameTaken):
        await postman.service.create(caller, new)
    await postman.service.delete(caller, webhook.id)
    await postman.service.create(caller, new)
    facts = [event.fact for event in await postman.store.log.read(None, 10, Scope())]
    assert facts[1] == WebhookDeleted(webhook_id=webhook.id, name="hook")


async def test_webhooks_are_for_admins(postman: Postman, caller: Caller) -> None:
    webhook = await postman.webhook(caller)
    for role in (Role.EDITOR, Role.VIEWER):
        lesser = a_caller(caller.project_id, role)
        with pytest.raises(Forbidden):
            await postman.webhook(lesser)
        with pytest.raises(Forbidden):
            await postman.service.delete(lesser, webhook.id)
    with pytest.raises(NotFound):
        await postman.service.delete(a_caller("elsewhere"), webhook.id)
