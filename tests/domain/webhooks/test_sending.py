"""From what is to be delivered to the endpoints."""

import asyncio
import json
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.access.access import Caller
from domain.events import Scope
from domain.webhooks import sending
from domain.webhooks.attempts import ATTEMPTS
from domain.webhooks.facts import WebhookGivenUp
from domain.webhooks.webhook import DeliveryStatus
from tests.support.build import OwnClock
from tests.support.postman import URL, Held, Postman
from tests.support.timer import settle

SLOW = "https://slow.test/hook"


async def given_up(postman: Postman) -> list[WebhookGivenUp]:
    events = await postman.store.log.read(None, 1_000, Scope())
    return [e.fact for e in events if isinstance(e.fact, WebhookGivenUp)]


async def test_what_is_taken_is_sent_once(postman: Postman, caller: Caller) -> None:
    webhook = await postman.webhook(caller)
    await postman.ends(caller.project_id, "b1")
    for _ in range(3):
        await postman.round()
    [sent] = postman.endpoints.sent
    assert json.loads(sent.body)["data"] == {"id": "batch_b1"}
    assert sent.headers["webhook-id"] == json.loads(sent.body)["id"]
    [delivery] = await postman.deliveries(webhook)
    assert (delivery.status, delivery.attempts, delivery.last_code) == ("delivered", 1, 200)


async def test_an_endpoint_that_is_down_gets_it_when_it_is_up_again(
    postman: Postman, caller: Caller, moved: OwnClock
) -> None:
    webhook = await postman.webhook(caller)
    postman.endpoints.codes[URL] = [None, 500, 429]
    await postman.ends(caller.project_id, "b1")
    for _ in range(6):
        await postman.round()
        await postman.round()
        moved.forward(minutes=10)
    assert len(postman.endpoints.sent) == 4
    assert len({each.headers["webhook-id"] for each in postman.endpoints.sent}) == 1
    assert len({each.headers["webhook-timestamp"] for each in postman.endpoints.sent}) == 4
    assert len({each.body for each in postman.endpoints.sent}) == 1
    [delivery] = await postman.deliveries(webhook)
    assert (delivery.status, delivery.message) == ("delivered", "")


async def test_after_the_last_attempt_it_is_given_up_and_told(
    postman: Postman, caller: Caller, moved: OwnClock
) -> None:
    webhook = await postman.webhook(caller)
    postman.endpoints.codes[URL] = [500] * 100
    await postman.ends(caller.project_id, "b1")
    began = moved.now
    for _ in range(200):
        await postman.round()
        moved.forward(hours=1)
    assert len(postman.endpoints.sent) == ATTEMPTS
    [delivery] = await postman.deliveries(webhook)
    assert delivery.status is DeliveryStatus.GIVEN_UP
    assert delivery.finished_at is not None
    assert timedelta(days=2.5) < delivery.finished_at - began < timedelta(days=4)
    [fact] = await given_up(postman)
    assert (fact.webhook_id, fact.name, fact.batch_job_id) == (webhook.id, webhook.name, "b1")
    assert "500" in fact.message


async def test_gone_ends_it_at_once(postman: Postman, caller: Caller, moved: OwnClock) -> None:
    await postman.webhook(caller)
    postman.endpoints.codes[URL] = [410]
    await postman.ends(caller.project_id, "b1")
    await postman.round()
    moved.forward(days=3)
    await postman.round()
    assert len(postman.endpoints.sent) == 1
    assert len(await given_up(postman)) == 1


async def test_a_deleted_webhook_is_sent_nothing_more(
    postman: Postman, caller: Caller, moved: OwnClock
) -> None:
    webhook = await postman.webhook(caller)
    postman.endpoints.codes[URL] = [500]
    await postman.ends(caller.project_id, "b1")
    await postman.round()
    await postman.service.delete(caller, webhook.id)
    moved.forward(days=1)
    await postman.round()
    assert len(postman.endpoints.sent) == 1
    assert await given_up(postman) == []


async def test_a_slow_endpoint_delays_no_other(postman: Postman, caller: Caller) -> None:
    postman.endpoints.slow[SLOW] = asyncio.Event()
    await postman.webhook(caller, SLOW)
    await postman.webhook(caller)
    for turn in range(3 * sending.CLAIMED_AT_ONCE):
        await postman.ends(caller.project_id, f"b{turn}")
    await postman.delivering.act()
    while len(postman.endpoints.to(URL)) < 3 * sending.CLAIMED_AT_ONCE:
        await postman.sending.freed.wait()
        postman.sending.freed.clear()
        await postman.delivering.act()
    assert len(postman.endpoints.to(SLOW)) == sending.SENT_AT_ONCE
    postman.endpoints.slow[SLOW].set()
    while len(postman.endpoints.to(SLOW)) < 3 * sending.CLAIMED_AT_ONCE:
        await postman.round()


async def test_what_a_stopped_server_had_begun_is_sent_by_another_later(
    postman: Postman, caller: Caller, moved: OwnClock
) -> None:
    webhook = await postman.webhook(caller, SLOW)
    postman.endpoints.slow[SLOW] = asyncio.Event()
    await postman.ends(caller.project_id, "b1")
    await postman.delivering.act()
    await postman.crash()
    other = Postman(postman.store, moved)
    await other.round()
    assert other.endpoints.sent == []
    moved.forward(seconds=sending.CLAIM.total_seconds() + 1)
    await other.round()
    assert len(other.endpoints.sent) == 1
    [delivery] = await other.deliveries(webhook)
    assert (delivery.status, delivery.attempts) == ("delivered", 2)


async def test_a_server_that_stood_still_meanwhile_changes_nothing(
    postman: Postman, caller: Caller, moved: OwnClock
) -> None:
    webhook = await postman.webhook(caller, SLOW)
    postman.endpoints.slow[SLOW] = asyncio.Event()
    postman.endpoints.codes[SLOW] = [500]
    await postman.ends(caller.project_id, "b1")
    await postman.delivering.act()
    moved.forward(seconds=sending.CLAIM.total_seconds() + 1)
    other = Postman(postman.store, moved)
    await other.round()
    postman.endpoints.slow[SLOW].set()
    await postman.sending.finish(60)
    [delivery] = await postman.deliveries(webhook)
    assert (delivery.status, delivery.attempts, delivery.last_code) == ("delivered", 2, 200)


async def test_stopping_over_and_over_uses_up_the_attempts_all_the_same(
    postman: Postman, caller: Caller, moved: OwnClock
) -> None:
    webhook = await postman.webhook(caller, SLOW)
    postman.endpoints.slow[SLOW] = asyncio.Event()
    await postman.ends(caller.project_id, "b1")
    for _ in range(ATTEMPTS + 3):
        await postman.delivering.act()
        await postman.crash()
        moved.forward(minutes=2)
    assert len(postman.endpoints.sent) == ATTEMPTS
    [delivery] = await postman.deliveries(webhook)
    assert delivery.status is DeliveryStatus.GIVEN_UP
    assert "stopped" in delivery.message


async def test_two_servers_at_once_send_it_once(postman: Postman, caller: Caller) -> None:
    await postman.webhook(caller)
    other = Postman(postman.store, postman.clock, postman.endpoints)
    for turn in range(20):
        await postman.ends(caller.project_id, f"b{turn}")
    await asyncio.gather(postman.round(), other.round())
    await asyncio.gather(postman.round(), other.round())
    assert len(postman.endpoints.sent) == 20
    assert len({each.headers["webhook-id"] for each in postman.endpoints.sent}) == 20


async def test_of_servers_that_find_the_same_due_one_sends_it(
    postman: Postman, caller: Caller
) -> None:
    await postman.webhook(caller)
    await postman.ends(caller.project_id, "b1")
    await postman.noting.note()
    held = Held(postman.store.start_work)
    both = [replace(postman.sending, start_work=held, _under_way=defaultdict(set)) for _ in "ab"]
    tasks = [asyncio.create_task(each.send_due()) for each in both]
    await settle()
    held.opened.set()
    await asyncio.gather(*tasks)
    for each in both:
        await each.finish(60)
    assert len(postman.endpoints.sent) == 1


async def test_a_secret_that_does_not_open_is_told_and_tried_again(
    postman: Postman, caller: Caller
) -> None:
    webhook = await postman.webhook(caller)
    postman.sealer.broken = True
    await postman.ends(caller.project_id, "b1")
    await postman.round()
    [delivery] = await postman.deliveries(webhook)
    assert delivery.status is DeliveryStatus.PENDING
    assert "secret" in delivery.message
    assert postman.endpoints.sent == []


@pytest.mark.parametrize("code", [301, 302, 307, 308])
async def test_a_redirection_is_not_taken_for_a_delivery(
    postman: Postman, caller: Caller, code: int
) -> None:
    webhook = await postman.webhook(caller)
    postman.endpoints.codes[URL] = [code]
    await postman.ends(caller.project_id, "b1")
    await postman.round()
    [delivery] = await postman.deliveries(webhook)
    assert (delivery.status, delivery.last_code) == ("pending", code)
