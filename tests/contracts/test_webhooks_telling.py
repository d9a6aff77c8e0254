"""What delivers to webhooks, over each store: what is told once there is told once everywhere."""

import asyncio
from datetime import timedelta

from tests.conftest import AnyStore
from tests.support.batches import a_delivery, a_webhook
from tests.support.build import a_caller
from tests.support.builders import NOON, a_project
from tests.support.clock import TestClock
from tests.support.postman import URL, Postman


async def project_of(store: AnyStore) -> str:
    project = a_project()
    async with store.start_work("ada", "request:1") as work:
        await work.projects.add(project)
    return project.id


async def test_servers_at_once_tell_of_every_end_once(store: AnyStore, clock: TestClock) -> None:
    project_id = await project_of(store)
    first = Postman(store, clock)
    others = [Postman(store, clock, first.endpoints) for _ in range(2)]
    await first.webhook(a_caller(project_id))
    for turn in range(4):
        for number in range(10):
            await first.ends(project_id, f"{turn}-{number}")
        await asyncio.gather(*(postman.round() for postman in (first, *others)))
    for postman in (first, *others):
        await postman.round()
    assert len(first.endpoints.to(URL)) == 40
    assert len({each.headers["webhook-id"] for each in first.endpoints.sent}) == 40


async def test_a_position_and_its_deliveries_are_kept_together(
    store: AnyStore, clock: TestClock
) -> None:
    project_id = await project_of(store)
    postman = Postman(store, clock)
    webhook = await postman.webhook(a_caller(project_id))
    await postman.ends(project_id, "b1")
    await postman.noting.note()
    [kept] = await store.reads.webhooks.all()
    assert kept.position == (await store.log.head()).position
    assert [each.batch_job_id for each in await postman.deliveries(webhook)] == ["b1"]


async def test_a_webhook_takes_its_deliveries_with_it(store: AnyStore, clock: TestClock) -> None:
    project_id = await project_of(store)
    postman = Postman(store, clock)
    webhook = await postman.webhook(a_caller(project_id))
    postman.endpoints.codes[URL] = [500]
    await postman.ends(project_id, "b1")
    await postman.round()
    await postman.service.delete(a_caller(project_id), webhook.id)
    clock.advance(timedelta(days=1))
    await postman.round()
    assert len(postman.endpoints.sent) == 1
    assert await store.reads.webhooks.due(clock.now, 10) == []


async def test_what_is_due_leaves_out_webhooks_that_are_busy(store: AnyStore) -> None:
    project_id = await project_of(store)
    async with store.start_work("ada", "request:1") as work:
        project = await work.projects.get(project_id)
        assert project is not None
        busy, idle = a_webhook(project), a_webhook(project)
        for webhook in (busy, idle):
            await work.webhooks.add(webhook)
        due, theirs = a_delivery(idle), a_delivery(busy)
        later = a_delivery(idle, due_at=NOON + timedelta(seconds=1))
        for each in (due, theirs, later):
            await work.deliveries.add(each)
    due_of = store.reads.webhooks.due
    assert await due_of(NOON, 10, [busy.id]) == [due]
    assert set(await due_of(NOON, 10)) == {due, theirs}
    assert len(await due_of(NOON, 1)) == 1
    assert await due_of(NOON, 10, [busy.id, idle.id]) == []


async def test_the_newest_deliveries_of_each_webhook_come_together(store: AnyStore) -> None:
    project_id = await project_of(store)
    async with store.start_work("ada", "request:1") as work:
        project = await work.projects.get(project_id)
        assert project is not None
        one, other = a_webhook(project), a_webhook(project)
        for webhook in (one, other):
            await work.webhooks.add(webhook)
        made = [
            a_delivery(webhook, created_at=NOON + timedelta(seconds=turn))
            for turn in range(5)
            for webhook in (one, other)
        ]
        for each in made:
            await work.deliveries.add(each)
    found = await store.reads.webhooks.deliveries([one.id, other.id], 2)
    assert list(found[one.id]) == [made[8], made[6]]
    assert list(found[other.id]) == [made[9], made[7]]
