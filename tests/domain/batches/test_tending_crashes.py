"""Whatever tending was about to ask of a store when it died, or the store failed: nothing is lost, done
twice, or left behind."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from domain.batches.batch import Batch, BatchStatus
from domain.batches.tending import Tending
from tests.support.batch_yard import BatchYard, a_line, check_accounts
from tests.support.wire import Wire

IDS = [f"r{n}" for n in range(6)]
CONTENT = b"\n" + b"\n\r\n".join(map(a_line, IDS)) + b"\n \n"
NEVER = 10_000
S = BatchStatus
Then = Callable[[BatchYard, Batch], Awaitable[object]]


async def completes(yard: BatchYard, batch: Batch) -> None:
    await yard.work(batch, fails=lambda custom_id: custom_id == "r4")


async def is_cancelled(yard: BatchYard, batch: Batch) -> None:
    await yard.cancel(batch)


async def expires(yard: BatchYard, batch: Batch) -> None:
    await yard.change(batch, expires_at=yard.clock())


STORIES: dict[str, tuple[Then, BatchStatus]] = {
    "completes": (completes, S.COMPLETED),
    "is cancelled": (is_cancelled, S.CANCELLED),
    "expires": (expires, S.EXPIRED),
}


def wired(yard: BatchYard, wire: Wire) -> Tending:
    store = yard.store
    return yard.tending(
        claims=wire.through(store.batch_claims),
        reads=wire.through(store.reads),
        start_work=wire.start_work(store.start_work),
        objects=wire.through(yard.objects),
        provider=wire.through(yard.provider),
    )


async def rounds(yard: BatchYard, tending: Tending, wire: Wire) -> Tending:
    """Some rounds, by the tending or, once it died, by another."""
    for _ in range(3):
        round_ = asyncio.create_task(tending.act())
        await yard.settle()
        if wire.is_dead.is_set():
            tasks = [round_, *(held.task for held in tending._under_way.values())]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            yard.timer.stop(16)
            tending, wire.is_dead = yard.tending("another"), asyncio.Event()
        else:
            await asyncio.gather(round_, return_exceptions=True)
            yard.timer.stop(16)
            await yard.settle()
    return tending


async def play(story: str, wire: Wire) -> None:
    then, status = STORIES[story]
    yard = BatchYard()
    batch = await yard.batch(CONTENT)
    tending = await rounds(yard, wired(yard, wire), wire)
    assert await yard.status(batch) is S.IN_PROGRESS
    sent = await yard.work(batch, most=3)
    await then(yard, batch)
    await rounds(yard, tending, wire)
    assert await yard.status(batch) is status
    await check_accounts(yard, batch, IDS)
    assert len(sent) == len(set(sent))
    looks = await yard.store.batch_claims.take(
        "anyone", yard.clock(), yard.clock() + timedelta(seconds=1), 10
    )
    assert looks == []


@pytest.mark.parametrize("dies", [True, False], ids=["dies", "fails"])
@pytest.mark.parametrize("story", STORIES)
async def test_no_step_is_one_too_many(story: str, dies: bool) -> None:
    whole = Wire(at=NEVER, dies=dies)
    await play(story, whole)
    assert 40 < whole.steps < NEVER
    for at in range(1, whole.steps + 1):
        await play(story, Wire(at=at, dies=dies))
