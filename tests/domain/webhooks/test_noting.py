"""From the log to what is to be delivered: nothing lost, nothing doubled."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.access.access import Caller
from domain.batches.batch import BatchStatus
from domain.events import Cursor
from domain.webhooks import noting
from domain.webhooks.webhook import DeliveryStatus, WebhookEvent
from tests.support.build import OwnClock
from tests.support.postman import Held, Postman, ended
from tests.support.timer import settle

S = BatchStatus


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (S.FINALIZING, S.COMPLETED, WebhookEvent.BATCH_COMPLETED),
        (S.VALIDATING, S.FAILED, WebhookEvent.BATCH_FAILED),
        (S.VALIDATING, S.EXPIRED, WebhookEvent.BATCH_EXPIRED),
        (S.CANCELLING, S.CANCELLED, WebhookEvent.BATCH_CANCELLED),
    ],
)
async def test_each_end_of_a_batch_is_told(
    postman: Postman, caller: Caller, before: S, after: S, told: WebhookEvent
) -> None:
    webhook = await postman.webhook(caller)
    await postman.ends(caller.project_id, "b1", after, before)
    await postman.noting.note()
    [delivery] = await postman.deliveries(webhook)
    assert (delivery.event, delivery.batch_job_id) == (told, "b1")
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.PENDING, 0)


async def test_what_is_no_end_is_not_told(postman: Postman, caller: Caller) -> None:
    webhook = await postman.webhook(caller)
    await postman.ends(caller.project_id, "b1", S.IN_PROGRESS, S.VALIDATING)
    await postman.ends(caller.project_id, "b1", S.FINALIZING, S.IN_PROGRESS)
    await postman.ends(caller.project_id, "b1", S.COMPLETED, S.COMPLETED)
    await postman.noting.note()
    assert await postman.deliveries(webhook) == []


async def test_a_webhook_hears_what_it_wants_of_its_project_since_it_is_there(
    postman: Postman, caller: Caller
) -> None:
    await postman.ends(caller.project_id, "earlier")
    wanted = (WebhookEvent.BATCH_FAILED,)
    every, failed = await postman.webhook(caller), await postman.webhook(caller, events=wanted)
    await postman.ends("f" * 32, "others")
    await postman.ends(caller.project_id, "b1")
    await postman.ends(caller.project_id, "b2", S.FAILED, S.VALIDATING)
    await postman.noting.note()
    assert {d.batch_job_id for d in await postman.deliveries(every)} == {"b1", "b2"}
    assert [d.batch_job_id for d in await postman.deliveries(failed)] == ["b2"]


async def test_a_delivery_is_dated_as_its_event(
    postman: Postman, caller: Caller, moved: OwnClock
) -> None:
    webhook = await postman.webhook(caller)
    await postman.ends(caller.project_id, "b1")
    then = moved.now
    moved.forward(hours=5)
    await postman.noting.note()
    [delivery] = await postman.deliveries(webhook)
    assert delivery.created_at == delivery.due_at == then


async def test_what_was_noted_is_not_noted_again_by_this_server_or_the_next(
    postman: Postman, caller: Caller
) -> None:
    webhook = await postman.webhook(caller)
    await postman.ends(caller.project_id, "b1")
    for server in (postman, postman, Postman(postman.store, postman.clock)):
        await server.noting.note()
    await postman.ends(caller.project_id, "b2")
    for server in (Postman(postman.store, postman.clock), postman):
        await server.noting.note()
    assert sorted(d.batch_job_id for d in await postman.deliveries(webhook)) == ["b1", "b2"]


async def test_servers_that_read_at_once_note_it_once(postman: Postman, caller: Caller) -> None:
    webhook = await postman.webhook(caller)
    servers = [postman, *(Postman(postman.store, postman.clock) for _ in range(4))]
    for turn in range(10):
        await postman.ends(caller.project_id, f"b{turn}")
        await asyncio.gather(*(server.noting.note() for server in servers))
    noted = sorted(d.batch_job_id for d in await postman.deliveries(webhook))
    assert noted == [f"b{turn}" for turn in range(10)]


async def test_a_server_that_was_faster_but_knew_less_loses_nothing(
    postman: Postman, caller: Caller
) -> None:
    webhook = await postman.webhook(caller)
    first, second = Held(postman.store.start_work), Held(postman.store.start_work)
    one, other = replace(postman.noting, start_work=first), replace(postman.noting, _heard={})
    other = replace(other, start_work=second)
    await postman.ends(caller.project_id, "b1")
    early = asyncio.create_task(one.note())
    await settle()
    await postman.ends(caller.project_id, "b2")
    late = asyncio.create_task(other.note())
    await settle()
    for held, task in ((first, early), (second, late)):
        held.opened.set()
        await task
    assert [d.batch_job_id for d in await postman.deliveries(webhook)] == ["b1"]
    await other.note()
    assert sorted(d.batch_job_id for d in await postman.deliveries(webhook)) == ["b1", "b2"]


async def test_more_than_one_read_can_take_is_noted_all_the_same(
    postman: Postman, caller: Caller
) -> None:
    webhook = await postman.webhook(caller)
    async with postman.store.start_work("batches", "sweep") as work:
        for turn in range(noting.READ_AT_ONCE + 20):
            work.record(caller.project_id, ended(f"b{turn}"))
    assert await postman.noting.note()
    assert not await postman.noting.note()
    found = await postman.store.reads.webhooks.deliveries([webhook.id], 10_000)
    assert len({d.batch_job_id for d in found[webhook.id]}) == noting.READ_AT_ONCE + 20


async def test_a_log_that_was_swept_meanwhile_is_read_from_its_oldest(
    postman: Postman, caller: Caller, moved: OwnClock
) -> None:
    webhook = await postman.webhook(caller)
    await postman.ends(caller.project_id, "b1")
    moved.forward(days=100)
    await postman.store.sweep(moved.now - timedelta(days=90))
    await postman.ends(caller.project_id, "b2")
    await postman.noting.note()
    assert [d.batch_job_id for d in await postman.deliveries(webhook)] == ["b2"]


async def test_a_restored_log_is_gone_on_with(postman: Postman, caller: Caller) -> None:
    """However far the log that is gone had been read."""
    webhook = await postman.webhook(caller)
    postman.log.before = Cursor("gone", 1_000)
    await postman.noting.note()
    postman.log.before = None
    await postman.ends(caller.project_id, "b1")
    await postman.noting.note()
    assert [d.batch_job_id for d in await postman.deliveries(webhook)] == ["b1"]


async def test_a_webhook_that_is_deleted_meanwhile_is_told_nothing(
    postman: Postman, caller: Caller
) -> None:
    webhook = await postman.webhook(caller)
    await postman.ends(caller.project_id, "b1")
    await postman.service.delete(caller, webhook.id)
    await postman.round()
    assert postman.endpoints.sent == []
