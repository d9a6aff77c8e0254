"""Batches are tended over the fake as over each database."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from domain.batches.batch import Batch, BatchStatus
from domain.batches.results import Results
from domain.batches.tending import Tending
from tests.conftest import AnyStore
from tests.support.batch_yard import BatchYard, check_accounts, requests
from tests.support.builders import a_project
from tests.support.clock import TestClock

IDS = [f"r{n}" for n in range(1_200)]
S = BatchStatus


@pytest.fixture
async def yard(store: AnyStore, clock: TestClock) -> BatchYard:
    yard = BatchYard(clock=clock, other_store=store)
    yard.project = a_project()
    async with store.start_work("ada", "request:1") as work:
        await work.projects.add(yard.project)
    return yard


async def look(yard: BatchYard, tending: Tending) -> None:
    """What is due, until all of it rests."""
    await tending.act()
    await asyncio.gather(*(held.task for held in tending._under_way.values()))
    yard.timer.stop(1)


async def test_a_batch_runs_from_its_file_to_its_results(yard: BatchYard) -> None:
    tending = yard.tending()
    batch = await yard.batch(requests(len(IDS)))
    await look(yard, tending)
    await yard.work(batch, most=300, fails=lambda custom_id: custom_id.endswith("9"))
    results = Results(reads=yard.store.reads, objects=yard.objects)
    early = await results.page(await yard.now(batch), None, 100)
    await yard.work(batch)
    await look(yard, tending)
    over = await yard.now(batch)
    assert over.status is S.COMPLETED
    assert 0 < over.failed < over.total == len(IDS)
    await check_accounts(yard, batch, IDS)
    assert await results.page(over, None, 100) == early
    rest = await results.page(over, early.next, 10_000)
    assert len(rest.lines) == len(IDS) - 100


async def cancel(yard: BatchYard, batch: Batch) -> None:
    await yard.cancel(batch)


async def expire(yard: BatchYard, batch: Batch) -> None:
    await yard.change(batch, expires_at=yard.clock() - timedelta(seconds=1))


@pytest.mark.parametrize(("end", "status"), [(cancel, S.CANCELLED), (expire, S.EXPIRED)])
async def test_a_batch_that_ends_early_keeps_what_was_done(
    yard: BatchYard, end: Callable[[BatchYard, Batch], Awaitable[None]], status: BatchStatus
) -> None:
    tending = yard.tending()
    batch = await yard.batch(requests(len(IDS)))
    await look(yard, tending)
    done = await yard.work(batch, most=50)
    await end(yard, batch)
    await look(yard, tending)
    over = await yard.now(batch)
    assert (over.status, over.completed) == (status, len(done))
    await check_accounts(yard, batch, IDS)


async def test_an_input_that_is_refused_is_told_why(yard: BatchYard) -> None:
    batch = await yard.batch(b'{"custom_id": "a\\u0000", "method": "\\u0000"}\n\x00')
    await look(yard, yard.tending())
    failed = await yard.now(batch)
    assert (failed.status, len(failed.errors)) == (S.FAILED, 4)


async def test_two_workers_that_look_at_once_do_it_once(yard: BatchYard) -> None:
    one, two = yard.tending("one"), yard.tending("two")
    batches = [await yard.batch(requests(3)) for _ in range(6)]
    for _ in range(2):
        await asyncio.gather(look(yard, one), look(yard, two))
        for batch in batches:
            await yard.work(batch)
    await asyncio.gather(look(yard, one), look(yard, two))
    for batch in batches:
        assert await yard.status(batch) is S.COMPLETED
        await check_accounts(yard, batch, ["r0", "r1", "r2"])
    puts = [key for method, key in yard.objects.calls if method == "put"]
    assert len(puts) == len(set(puts)) == 2 * len(batches)
