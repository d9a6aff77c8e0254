"""What is sent is judged by the stock client's own verification."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from openai import InvalidWebhookSignatureError, OpenAI

from domain.webhooks import signing
from domain.webhooks.webhook import WebhookEvent
from tests.support.batches import a_delivery, a_webhook
from tests.support.builders import a_project

HOOK = a_webhook(a_project())
SECRET = signing.secret_of(bytes(range(32)))


@pytest.fixture
def client() -> OpenAI:
    return OpenAI(api_key="unused", webhook_secret=SECRET)


def signed(content: bytes, now: datetime | None = None) -> Mapping[str, str]:
    return signing.headers(a_delivery(HOOK), content, SECRET, now or datetime.now(UTC))


@pytest.mark.parametrize("event", WebhookEvent)
def test_the_stock_client_takes_what_is_sent(client: OpenAI, event: WebhookEvent) -> None:
    delivery = a_delivery(HOOK, event=event, batch_job_id="b" * 32)
    content = signing.body(delivery)
    told = client.webhooks.unwrap(content, signed(content))
    assert (
        type(told).__name__ == "".join(map(str.title, ("batch", event.value[6:]))) + "WebhookEvent"
    )
    assert (told.id, told.type) == (f"evt_{delivery.id}", event.value)
    assert told.created_at == int(delivery.created_at.timestamp())
    assert json.loads(content)["data"] == {"id": f"batch_{'b' * 32}"}
    assert json.loads(content)["object"] == "event"


def test_a_changed_body_is_refused(client: OpenAI) -> None:
    content = signing.body(a_delivery(HOOK))
    with pytest.raises(InvalidWebhookSignatureError):
        client.webhooks.verify_signature(
            content.replace(b"completed", b"cancelled"), signed(content)
        )


def test_another_secret_is_refused() -> None:
    other = OpenAI(api_key="unused", webhook_secret=signing.secret_of(bytes(32)))
    content = signing.body(a_delivery(HOOK))
    with pytest.raises(InvalidWebhookSignatureError):
        other.webhooks.verify_signature(content, signed(content))


def test_an_old_delivery_that_is_sent_again_by_another_is_refused(client: OpenAI) -> None:
    content = signing.body(a_delivery(HOOK))
    with pytest.raises(InvalidWebhookSignatureError):
        client.webhooks.verify_signature(content, signed(content, datetime(2026, 1, 1, tzinfo=UTC)))


def test_the_id_and_body_are_the_same_at_each_attempt() -> None:
    first = a_delivery(HOOK, attempts=1)
    again = replace(first, attempts=2, message="It answered with HTTP status 500.")
    assert signing.body(first) == signing.body(again)
    assert signing.event_id(first) == signing.event_id(again)
