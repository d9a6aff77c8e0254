"""Which batches are due for a look, and who looks, on the fake and on each database."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.batches.ports import Claim
from domain.errors import NotFound
from tests.conftest import AnyStore
from tests.support.batches import a_batch
from tests.support.builders import NOON, a_project

SECOND = timedelta(seconds=1)
LEASE = 15 * SECOND


async def some_batches(store: AnyStore, count: int) -> list[str]:
    """The oldest first."""
    project = a_project()
    batches = [
        a_batch(project, created_at=NOON - ago * SECOND) for ago in reversed(range(1, count + 1))
    ]
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(project)
        for batch in batches:
            await w.batches.add(batch)
    return [batch.id for batch in batches]


async def take(
    store: AnyStore, worker: str = "w", now: datetime = NOON, limit: int = 9
) -> list[Claim]:
    return list(await store.batch_claims.take(worker, now, now + LEASE, limit))


async def ask(store: AnyStore, id: str, at: datetime | None) -> None:
    async with store.start_work("ada", "request:1") as w:
        await w.look_at_batch(id, at)


async def holds(store: AnyStore, claim: Claim) -> bool:
    async with store.start_work("w", "batch") as w:
        return await w.holds_batch(claim)


def ids(claims: list[Claim]) -> list[str]:
    return [claim.batch_id for claim in claims]


async def test_a_new_batch_is_looked_at_once_the_longest_waiting_first(store: AnyStore) -> None:
    one, two, three = await some_batches(store, 3)
    first = await take(store, "a", limit=2)
    assert first == [Claim(one, 1, 0), Claim(two, 1, 0)]
    assert await take(store, "b") == [Claim(three, 1, 0)]
    assert await take(store, "a") == []
    assert all([await holds(store, claim) for claim in first])


async def test_a_batch_is_due_when_its_time_has_come(store: AnyStore) -> None:
    (id_,) = await some_batches(store, 1)
    (claim,) = await take(store)
    await store.batch_claims.release(claim, NOON + SECOND)
    assert not await holds(store, claim)
    assert await take(store) == []
    (again,) = await take(store, now=NOON + SECOND)
    assert (again.batch_id, again.token > claim.token) == (id_, True)
    await store.batch_claims.release(again, None)
    assert await take(store, now=NOON + timedelta(days=9_000)) == []
    await ask(store, id_, NOON)
    assert ids(await take(store)) == [id_]


async def test_nobody_has_to_wait_for_a_worker_that_is_gone(store: AnyStore) -> None:
    (id_,) = await some_batches(store, 1)
    (old,) = await take(store, "a")
    assert await take(store, "b", NOON + LEASE - timedelta(microseconds=1)) == []
    assert await holds(store, old)
    (new,) = await take(store, "b", NOON + LEASE)
    assert (new.batch_id, new.token > old.token) == (id_, True)
    assert not await holds(store, old)
    assert await holds(store, new)
    assert set(await store.batch_claims.renew("a", [old], NOON + 9 * LEASE)) == set()
    await store.batch_claims.release(old, None)
    assert await holds(store, new)


async def test_only_what_is_still_the_workers_is_renewed(store: AnyStore) -> None:
    one, two = await some_batches(store, 2)
    first, second = await take(store, "a")
    stale = replace(second, token=second.token - 1)
    assert set(await store.batch_claims.renew("a", [first, stale], NOON + 2 * LEASE)) == {one}
    assert set(await store.batch_claims.renew("b", [first], NOON + 9 * LEASE)) == set()
    assert set(await store.batch_claims.renew("a", [], NOON)) == set()
    assert ids(await take(store, "b", NOON + LEASE)) == [two]
    assert set(ids(await take(store, "c", NOON + 2 * LEASE))) == {one, two}


async def test_what_was_asked_for_meanwhile_is_looked_at_at_once(store: AnyStore) -> None:
    (id_,) = await some_batches(store, 1)
    (claim,) = await take(store)
    await ask(store, id_, NOON + timedelta(days=1))
    assert await take(store, "b") == []
    await store.batch_claims.release(claim, NOON + timedelta(days=2))
    (again,) = await take(store, "b")
    assert (again.batch_id, again.asked) == (id_, claim.asked + 1)
    await store.batch_claims.release(again, None)
    assert await take(store) == []


async def test_what_its_worker_died_over_stays_due_whatever_was_asked(store: AnyStore) -> None:
    (id_,) = await some_batches(store, 1)
    await take(store, "a")
    await ask(store, id_, None)
    assert ids(await take(store, "b", NOON + LEASE)) == [id_]


async def test_a_look_is_put_off_while_nobody_looks(store: AnyStore) -> None:
    (id_,) = await some_batches(store, 1)
    await ask(store, id_, NOON + SECOND)
    assert await take(store) == []
    assert ids(await take(store, now=NOON + SECOND)) == [id_]


async def test_a_claim_that_nobody_was_given_is_not_held(store: AnyStore) -> None:
    (id_,) = await some_batches(store, 1)
    assert not await holds(store, Claim(id_, 0, 0))
    (claim,) = await take(store)
    assert not await holds(store, replace(claim, token=claim.token + 1))
    assert not await holds(store, Claim("nothing", 1, 0))
    assert await holds(store, replace(claim, asked=9))


async def test_asking_is_undone_with_its_unit_of_work(store: AnyStore) -> None:
    (id_,) = await some_batches(store, 1)
    (claim,) = await take(store)

    async def fail() -> None:
        async with store.start_work("ada", "request:1") as w:
            await w.look_at_batch(id_, NOON)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await store.batch_claims.release(claim, None)
    assert await take(store) == []


async def test_nobody_looks_at_what_is_not_there(store: AnyStore) -> None:
    with pytest.raises(NotFound):
        await ask(store, "nothing", NOON)
