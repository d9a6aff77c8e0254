"""Idempotency: what the first request answered, and what its twins hear."""

import asyncio
from datetime import timedelta

import pytest

from domain.work import Answered
from tests.conftest import AnyStore
from tests.support.clock import TestClock


def an_answer(clock: TestClock, result: str) -> Answered:
    return Answered(
        project_id="p",
        operation="addModelRevision",
        key="k",
        fingerprint="f",
        result=result,
        expires_at=clock.now + timedelta(hours=24),
    )


async def claim(store: AnyStore, clock: TestClock, result: str) -> Answered | None:
    async with store.start_work("ada", "request:1") as w:
        return await w.answers.claim(an_answer(clock, result), clock.now)


async def test_the_first_answer_is_kept(store: AnyStore, clock: TestClock) -> None:
    first = an_answer(clock, "r1")
    assert await claim(store, clock, "r1") is None
    assert await claim(store, clock, "r2") == first
    assert await store.reads.answers.get("p", "addModelRevision", "k", clock.now) == first
    assert await store.reads.answers.get("p", "addModelRevision", "other", clock.now) is None
    assert await store.reads.answers.get("p", "other", "k", clock.now) is None
    assert await store.reads.answers.get("other", "addModelRevision", "k", clock.now) is None


async def test_an_expired_answer_gives_way(store: AnyStore, clock: TestClock) -> None:
    await claim(store, clock, "r1")
    clock.advance(timedelta(hours=24))
    assert await store.reads.answers.get("p", "addModelRevision", "k", clock.now) is None
    assert await claim(store, clock, "r2") is None
    kept = await store.reads.answers.get("p", "addModelRevision", "k", clock.now)
    assert kept is not None
    assert kept.result == "r2"


async def test_the_answer_of_a_failure_is_not_kept(store: AnyStore, clock: TestClock) -> None:
    async def fail() -> None:
        async with store.start_work("ada", "request:1") as w:
            await w.answers.claim(an_answer(clock, "r1"), clock.now)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await claim(store, clock, "r2") is None


@pytest.mark.parametrize("fails", [False, True], ids=["commits", "fails"])
async def test_a_concurrent_twin_waits(store: AnyStore, clock: TestClock, fails: bool) -> None:
    claimed, go_on = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with store.start_work("ada", "request:1") as w:
            assert await w.answers.claim(an_answer(clock, "r1"), clock.now) is None
            claimed.set()
            await go_on.wait()
            if fails:
                raise ZeroDivisionError

    one = asyncio.create_task(first())
    await claimed.wait()
    twin = asyncio.create_task(claim(store, clock, "r2"))
    done, _ = await asyncio.wait([twin], timeout=0.1)
    assert not done
    go_on.set()
    outcome = (await asyncio.gather(one, return_exceptions=True))[0]
    assert isinstance(outcome, ZeroDivisionError) == fails
    heard = await twin
    assert (heard and heard.result) == (None if fails else "r1")
