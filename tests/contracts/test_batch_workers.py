"""Which workers live, and what becomes of those that go, on the fake and on each database."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.batches.ports import Worker
from tests.conftest import AnyStore
from tests.support.batches import a_progress, a_running_batch, a_shard
from tests.support.builders import NOON, a_project

SECOND = timedelta(seconds=1)
LEASE = 15 * SECOND


async def renew(store: AnyStore, worker: str, now: datetime = NOON) -> Sequence[Worker]:
    return await store.workers.renew(worker, now, now + LEASE)


def names(workers: Sequence[Worker]) -> list[str]:
    return [worker.id for worker in workers]


async def test_all_that_live_are_known_by_id(store: AnyStore) -> None:
    assert await renew(store, "b") == [Worker(id="b", registered_at=NOON, renewed_at=NOON)]
    later = NOON + SECOND
    mine, other = await renew(store, "a", later)
    assert mine == Worker(id="a", registered_at=later, renewed_at=later)
    assert other == Worker(id="b", registered_at=NOON, renewed_at=NOON)
    latest = NOON + 2 * SECOND
    assert await renew(store, "b", latest) == [
        mine,
        Worker(id="b", registered_at=NOON, renewed_at=latest),
    ]


async def test_one_that_was_not_heard_of_is_forgotten_and_comes_back_as_new(
    store: AnyStore,
) -> None:
    await renew(store, "a")
    assert names(await renew(store, "b", NOON + LEASE - timedelta(microseconds=1))) == ["a", "b"]
    now = NOON + LEASE
    assert names(await renew(store, "b", now)) == ["b"]
    back, _ = await renew(store, "a", now + SECOND)
    assert back.registered_at == now + SECOND


async def test_one_that_leaves_is_gone_at_once(store: AnyStore) -> None:
    await renew(store, "a")
    await store.workers.leave("a")
    await store.workers.leave("a")
    assert names(await renew(store, "b")) == ["b"]


async def test_who_renewed_after_a_registration_knew_of_it_whatever_the_clocks_say(
    store: AnyStore,
) -> None:
    """The newcomer's clock is behind, then the others' clocks are."""
    (first,) = await renew(store, "a", NOON + 5 * SECOND)
    seen, new = await renew(store, "b", NOON)
    assert seen == first
    assert new.registered_at > first.renewed_at
    again, _ = await renew(store, "a", NOON)
    assert again.renewed_at > new.registered_at
    assert again.registered_at == first.registered_at
    _, kept = await renew(store, "b", NOON)
    assert kept == new


async def test_many_that_come_at_once_know_of_each_other_in_one_order(store: AnyStore) -> None:
    workers = [f"w{n}" for n in range(6)]
    heard = await asyncio.gather(*(renew(store, worker) for worker in workers))
    registered = {one.id: one.registered_at for one in await renew(store, "w0")}
    assert len(set(registered.values())) == len(workers)
    in_order = sorted(workers, key=lambda worker: registered[worker])
    known = {worker: set(names(living)) for worker, living in zip(workers, heard, strict=True)}
    for place, worker in enumerate(in_order):
        assert known[worker] == set(in_order[: place + 1])


async def test_all_that_a_worker_had_is_free_when_it_leaves(store: AnyStore) -> None:
    project = a_project()
    batches = [a_running_batch(project) for _ in range(2)]
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(project)
        for batch in batches:
            await w.batches.add(batch)
            await w.batch_shards.add([a_shard(batch, number=n) for n in range(2)])
    mine, others = batches
    await renew(store, "a")
    (claim, _) = claims = await store.batch_claims.take("a", NOON, NOON + LEASE, 9)
    had = await store.shard_claims.take(mine.id, "a", NOON, NOON + LEASE, 9)
    kept = await store.shard_claims.take(others.id, "b", NOON, NOON + LEASE, 9)
    await store.workers.leave("a")
    async with store.start_work("a", "batch") as w:
        assert not await w.holds_batch(claim)
        assert not await w.batch_shards.store(a_progress(had[0], 0))
        assert await w.batch_shards.store(a_progress(kept[0], 0))
    taken = await store.batch_claims.take("b", NOON, NOON + LEASE, 9)
    assert {one.batch_id for one in taken} == {batch.id for batch in batches}
    assert {one.token for one in taken}.isdisjoint({one.token for one in claims})
    again = await store.shard_claims.take(mine.id, "b", NOON, NOON + LEASE, 9)
    assert [shard.number for shard in again] == [0, 1]
    assert all(new.token > old.token for new, old in zip(again, had, strict=True))
    assert list(await store.shard_claims.take(others.id, "c", NOON, NOON + LEASE, 9)) == []
