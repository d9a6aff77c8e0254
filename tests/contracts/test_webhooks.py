"""Webhooks and what is sent to them, on the fake and on each database."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from domain.errors import NameTaken
from domain.webhooks.webhook import Delivery, DeliveryStatus, Webhook, WebhookEvent
from tests.conftest import AnyStore
from tests.support.batches import a_delivery, a_webhook
from tests.support.builders import NOON, a_project
from tests.support.memory_rules import BrokenRule

SECOND = timedelta(seconds=1)
PROJECT = a_project()


async def newest(store: AnyStore, hook: Webhook, most: int) -> list[Delivery]:
    return list((await store.reads.webhooks.deliveries([hook.id], most))[hook.id])


async def test_webhooks_come_back_as_they_were_the_oldest_first(store: AnyStore) -> None:
    new = a_webhook(PROJECT, name="a", events=(WebhookEvent.BATCH_FAILED,), position=2**40)
    old = a_webhook(PROJECT, name="b", created_at=NOON - SECOND)
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(PROJECT)
        await w.webhooks.add(new)
        await w.webhooks.add(old)
    assert await store.reads.webhooks.by_ids([new.id]) == {new.id: new}
    assert await store.reads.webhooks.all() == [old, new]
    moved = replace(new, position=new.position + 1)
    async with store.start_work("webhooks", "event:1") as w:
        assert await w.webhooks.lock(new.id) == new
        await w.webhooks.put(moved)
    assert await store.reads.webhooks.all() == [old, moved]
    with pytest.raises(NameTaken):
        async with store.start_work("ada", "request:2") as w:
            await w.webhooks.add(a_webhook(PROJECT, name="a"))


async def test_what_is_over_is_forgotten_when_its_time_is_up(store: AnyStore) -> None:
    hook = a_webhook(PROJECT)
    pending = a_delivery(hook, due_at=NOON - 9 * SECOND)
    over = {"status": DeliveryStatus.DELIVERED, "last_code": 204}
    old, new = (a_delivery(hook, finished_at=NOON - n * SECOND, **over) for n in (1, 0))
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(PROJECT)
        await w.webhooks.add(hook)
        for delivery in (pending, old, new):
            await w.deliveries.add(delivery)
    await store.forget_deliveries(NOON)
    assert {each.id for each in await newest(store, hook, 9)} == {pending.id, new.id}


async def test_what_is_to_be_sent_comes_when_it_is_due(store: AnyStore) -> None:
    hook = a_webhook(PROJECT)
    late, early, young = (a_delivery(hook, due_at=NOON - n * SECOND) for n in (0, 1, -1))
    sent = a_delivery(hook, status=DeliveryStatus.DELIVERED, finished_at=NOON, last_code=204)
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(PROJECT)
        await w.webhooks.add(hook)
        for delivery in (late, early, young, sent):
            await w.deliveries.add(delivery)
        assert await w.deliveries.get(sent.id) == sent
    assert await store.reads.webhooks.due(NOON, 9) == [early, late]
    assert await store.reads.webhooks.due(NOON, 1) == [early]
    failed = replace(early, attempts=1, due_at=NOON + SECOND, last_code=500, message="It failed.")
    given_up = replace(late, status=DeliveryStatus.GIVEN_UP, finished_at=NOON, attempts=9)
    async with store.start_work("webhooks", "event:1") as w:
        await w.deliveries.lock(early.id)
        await w.deliveries.put(failed)
        await w.deliveries.put(given_up)
    assert list(await store.reads.webhooks.due(NOON, 9)) == []


async def test_a_webhooks_deliveries_are_told_the_newest_first_and_go_with_it(
    store: AnyStore,
) -> None:
    hook, other = a_webhook(PROJECT), a_webhook(PROJECT)
    old, new = a_delivery(hook), a_delivery(hook, created_at=NOON + SECOND)
    theirs = a_delivery(other)
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(PROJECT)
        for one in (hook, other):
            await w.webhooks.add(one)
        for delivery in (old, new, theirs):
            await w.deliveries.add(delivery)
    assert await newest(store, hook, 9) == [new, old]
    assert await newest(store, hook, 1) == [new]
    async with store.start_work("ada", "request:2") as w:
        await w.webhooks.remove(hook.id)
    assert await newest(store, hook, 9) == []
    assert await store.reads.webhooks.due(NOON, 9) == [theirs]


async def test_a_batchs_end_is_written_down_once_for_each_webhook(store: AnyStore) -> None:
    hook = a_webhook(PROJECT)
    delivery = a_delivery(hook)
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(PROJECT)
        await w.webhooks.add(hook)
        await w.deliveries.add(delivery)
    twin = a_delivery(hook, batch_job_id=delivery.batch_job_id)
    with pytest.raises(NameTaken):
        async with store.start_work("webhooks", "event:1") as w:
            await w.deliveries.add(twin)


@pytest.mark.parametrize(
    "wrong", [{"status": DeliveryStatus.DELIVERED}, {"finished_at": NOON}, {"attempts": -1}]
)
async def test_what_can_not_be_true_of_a_delivery_is_not_kept(
    store: AnyStore, wrong: dict[str, Any]
) -> None:
    hook = a_webhook(PROJECT)
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(PROJECT)
        await w.webhooks.add(hook)
    with pytest.raises((IntegrityError, BrokenRule)):
        async with store.start_work("webhooks", "event:1") as w:
            await w.deliveries.add(a_delivery(hook, **wrong))
    assert list(await store.reads.webhooks.due(NOON, 9)) == []
