"""Shards, who works on them, and the segments of their results, on the fake and on each database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from domain.batches.batch import Batch, BatchStatus, Usage
from domain.batches.shard import Entry, Progress, Segment, Shard
from tests.conftest import AnyStore
from tests.support.batches import a_progress, a_running_batch, a_shard, bits
from tests.support.builders import NOON, a_project
from tests.support.memory_rules import BrokenRule

LEASE = timedelta(seconds=15)
ALL = range(10)


async def a_batch_of(store: AnyStore, shards: int) -> Batch:
    project = a_project()
    batch = a_running_batch(project, total=10 * shards)
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(project)
        await w.batches.add(batch)
        await w.batch_shards.add([a_shard(batch, number=number) for number in range(shards)])
    return batch


async def take(
    store: AnyStore, batch: Batch, worker: str = "w", limit: int = 9, late: timedelta = LEASE * 0
) -> Sequence[Shard]:
    now = NOON + late
    return await store.shard_claims.take(batch.id, worker, now, now + LEASE, limit)


async def put(store: AnyStore, progress: Progress) -> bool:
    async with store.start_work("w", "batch") as w:
        await w.batches.lock(progress.shard.batch_id)
        return await w.batch_shards.store(progress)


def numbers(shards: Sequence[Shard]) -> list[int]:
    return [shard.number for shard in shards]


async def test_shards_come_back_as_they_were(store: AnyStore) -> None:
    batch = await a_batch_of(store, 0)
    big = a_shard(
        batch,
        number=7,
        lines=1000,
        start=2**40,
        end=2**41,
        index_start=2**33,
        index_end=2**34,
        done=bits(1000, 0, 7, 8, 999),
        failed=bits(1000, 999),
        usage=Usage(output_tokens=2**40),
    )
    small = a_shard(batch, number=2, lines=1)
    async with store.start_work("ada", "request:1") as w:
        await w.batch_shards.add([big, small])
        await w.batch_shards.add([])
        assert await w.batch_shards.of(batch.id) == [small, big]
        assert list(await w.batch_shards.of("nothing")) == []
    assert await store.reads.batches.shards(batch.id) == [small, big]


async def test_the_first_free_shards_are_taken_under_new_tokens(store: AnyStore) -> None:
    batch = await a_batch_of(store, 4)
    first = await take(store, batch, "a", 2)
    assert first == [a_shard(batch, number=number, token=1) for number in (0, 1)]
    assert numbers(await take(store, batch, "b", 1)) == [2]
    assert numbers(await take(store, batch, "a")) == [3]
    assert list(await take(store, batch, "b")) == []
    assert await store.reads.batches.working(batch.id, NOON) == 4
    assert list(await take(store, a_running_batch(a_project()))) == []


async def test_a_shard_is_free_when_its_workers_time_is_up(store: AnyStore) -> None:
    batch = await a_batch_of(store, 1)
    (old,) = await take(store, batch, "a")
    assert list(await take(store, batch, "b", late=LEASE - timedelta(microseconds=1))) == []
    assert await store.reads.batches.working(batch.id, NOON + LEASE) == 0
    (new,) = await take(store, batch, "b", late=LEASE)
    assert new.token > old.token
    assert set(await store.shard_claims.renew("a", [old], NOON + 9 * LEASE)) == set()
    assert not await put(store, a_progress(old, 0))
    assert await put(store, a_progress(new, 0))


async def test_a_worker_is_not_given_again_what_it_still_works_on(store: AnyStore) -> None:
    """Else it would do under two tokens what it stood still over."""
    batch = await a_batch_of(store, 3)
    held = numbers(await take(store, batch, "a", 2))
    late, until = NOON + LEASE, NOON + 2 * LEASE
    found = await store.shard_claims.take(batch.id, "a", late, until, 9, held)
    assert numbers(found) == [2]
    assert numbers(await take(store, batch, "b", late=LEASE)) == [0, 1]


async def test_a_lease_that_ran_out_is_good_while_nobody_took_it(store: AnyStore) -> None:
    batch = await a_batch_of(store, 1)
    (shard,) = await take(store, batch)
    assert await put(store, a_progress(shard, 0))
    assert set(await store.shard_claims.renew("w", [shard], NOON + 9 * LEASE)) == {(batch.id, 0)}
    assert list(await take(store, batch, "b", late=8 * LEASE)) == []


async def test_only_what_is_still_the_workers_is_renewed(store: AnyStore) -> None:
    batch, other = await a_batch_of(store, 2), await a_batch_of(store, 1)
    first, second = await take(store, batch, "a")
    (third,) = await take(store, other, "b")
    stale = replace(first, token=first.token - 1)
    renewed = await store.shard_claims.renew("a", [stale, second, third], NOON + 2 * LEASE)
    assert set(renewed) == {(batch.id, 1)}
    assert set(await store.shard_claims.renew("a", [], NOON + 2 * LEASE)) == set()
    assert numbers(await take(store, batch, "c", late=LEASE)) == [0]
    assert numbers(await take(store, other, "c", late=LEASE)) == [0]


async def test_what_is_given_back_is_taken_at_once_and_not_stored(store: AnyStore) -> None:
    batch = await a_batch_of(store, 3)
    first, second, third = await take(store, batch, "a")
    await store.shard_claims.release("b", [first])
    await store.shard_claims.release("a", [replace(second, token=0)])
    await store.shard_claims.release("a", [third])
    await store.shard_claims.release("a", [third])
    await store.shard_claims.release("a", [])
    assert not await put(store, a_progress(third, 0))
    (again,) = await take(store, batch, "b")
    assert (again.number, again.token > third.token) == (2, True)
    assert set(await store.shard_claims.renew("a", [first, second, third], NOON + LEASE)) == {
        (batch.id, 0),
        (batch.id, 1),
    }


async def test_a_shard_is_worked_on_until_all_of_its_lines_are_done(store: AnyStore) -> None:
    batch = await a_batch_of(store, 1)
    (shard,) = await take(store, batch)
    half = a_progress(shard, 0, 3, 9, failed=bits(10, 3), usage=Usage(input_tokens=5))
    assert await put(store, half)
    assert await store.reads.batches.shards(batch.id) == [half.shard]
    await store.shard_claims.release("w", [shard])
    (again,) = await take(store, batch)
    assert again == replace(half.shard, token=again.token)
    assert await put(store, a_progress(again, 1, 2, 4, 5, 6, 7, 8))
    await store.shard_claims.release("w", [again])
    assert list(await take(store, batch)) == []
    assert await store.reads.batches.runnable(9, NOON) == []


async def test_segments_are_counted_in_the_order_of_their_commits(store: AnyStore) -> None:
    batch, other = await a_batch_of(store, 2), await a_batch_of(store, 1)
    first, second = await take(store, batch)
    (third,) = await take(store, other)
    for progress in (a_progress(second, 0, key="s1"), a_progress(first, 4, 5, key="s2")):
        assert await put(store, progress)
    assert await put(store, a_progress(third, 1, key="t1"))
    async with store.start_work("w", "batch") as w:
        assert await w.batch_shards.store(a_progress(first, 6, key="s3"))
        assert await w.batch_shards.store(a_progress(second, 1, key="s3"))
    reads = store.reads.batches
    found = await reads.segments(batch.id, 0, 9)
    assert [(s.sequence, s.shard, s.key) for s in found] == [
        (1, 1, "s1"),
        (2, 0, "s2"),
        (3, 0, "s3"),
        (4, 1, "s3"),
    ]
    assert found[1].entries == (Entry(4, False, 0, 50), Entry(5, False, 51, 101))
    assert await reads.segments(batch.id, 1, 2) == found[1:3]
    assert list(await reads.segments(batch.id, 4, 9)) == []
    assert await reads.segments_of(batch.id, 1) == [found[0], found[3]]
    assert [s.sequence for s in await reads.segments(other.id, 0, 9)] == [1]


async def test_a_stale_token_stores_nothing(store: AnyStore) -> None:
    batch = await a_batch_of(store, 2)
    one, two = await take(store, batch)
    before = await store.reads.batches.shards(batch.id)
    assert not await put(store, a_progress(replace(one, token=one.token + 1), 0))
    assert not await put(store, a_progress(replace(one, token=one.token - 1), 0))
    assert not await put(store, a_progress(replace(one, number=7), 0))
    assert await store.reads.batches.shards(batch.id) == before
    assert list(await store.reads.batches.segments(batch.id, 0, 9)) == []
    assert await put(store, a_progress(two, *ALL))


async def test_what_is_stored_is_undone_with_its_unit_of_work(store: AnyStore) -> None:
    batch = await a_batch_of(store, 1)
    (shard,) = await take(store, batch)

    async def fail() -> None:
        async with store.start_work("w", "batch") as w:
            assert await w.batch_shards.store(a_progress(shard, 0))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await store.reads.batches.shards(batch.id) == [shard]
    assert list(await store.reads.batches.segments(batch.id, 0, 9)) == []


async def test_a_closed_batch_is_out_of_every_workers_hands_for_good(store: AnyStore) -> None:
    batch = await a_batch_of(store, 3)
    first, second = await take(store, batch, "a", 2)
    assert await put(store, a_progress(first, *ALL))
    async with store.start_work("w", "batch") as w:
        closed = await w.batch_shards.close(batch.id)
        assert numbers(closed) == [0, 1, 2]
        assert closed == await w.batch_shards.of(batch.id)
        assert (closed[0].done, closed[1].done) == (bits(10, *ALL), bits(10))
    tokens = {shard.number: shard.token for shard in closed}
    assert all(tokens[mine.number] > mine.token for mine in (first, second))
    assert not await put(store, a_progress(second, 0))
    assert not any([await put(store, a_progress(shard, 0)) for shard in closed])
    assert set(await store.shard_claims.renew("a", [first, second], NOON + LEASE)) == set()
    assert await store.reads.batches.working(batch.id, NOON) == 0
    assert list(await take(store, batch, "b", late=9 * LEASE)) == []
    assert await store.reads.batches.runnable(9, NOON) == []


async def test_results_are_found_where_they_were_moved_to(store: AnyStore) -> None:
    batch = await a_batch_of(store, 1)
    (shard,) = await take(store, batch)
    for line in (3, 4):
        assert await put(store, a_progress(shard, line))
    first, second = await store.reads.batches.segments(batch.id, 0, 9)
    far = (Entry(3, True, 2**40, 2**40 + 2**24),)
    moved = replace(first, key="output", error_key="errors", entries=far)
    async with store.start_work("w", "batch") as w:
        await w.batch_shards.repoint([moved])
        await w.batch_shards.repoint([])
    assert await store.reads.batches.segments(batch.id, 0, 9) == [moved, second]


async def test_all_answers_of_a_batch_stay_small(store: AnyStore) -> None:
    """A commit of a whole shard of 1,000 lines."""
    batch = await a_batch_of(store, 0)
    shard = a_shard(batch, lines=1000)
    async with store.start_work("ada", "request:1") as w:
        await w.batch_shards.add([shard])
    (mine,) = await take(store, batch)
    progress = a_progress(mine, *range(1000))
    assert await put(store, progress)
    (segment,) = await store.reads.batches.segments_of(batch.id, 0)
    assert segment == Segment(
        batch_id=batch.id, sequence=1, shard=0, key=progress.key, entries=progress.entries
    )


@pytest.mark.parametrize(
    "wrong",
    [{"lines": 0}, {"first": -1}, {"start": 5, "end": 5}, {"index_start": 5, "index_end": 4}],
)
async def test_what_can_not_be_true_of_a_shard_is_not_kept(
    store: AnyStore, wrong: dict[str, Any]
) -> None:
    batch = await a_batch_of(store, 0)

    async def add(shard: Shard) -> None:
        async with store.start_work("ada", "request:1") as w:
            await w.batch_shards.add([shard])

    whole = a_shard(batch)
    with pytest.raises((IntegrityError, BrokenRule)):
        await add(replace(whole, **wrong))
    await add(whole)
    with pytest.raises((IntegrityError, BrokenRule)):
        await add(whole)
    assert await store.reads.batches.shards(batch.id) == [whole]


async def test_what_belongs_to_a_batch_goes_with_it(store: AnyStore) -> None:
    batch = await a_batch_of(store, 1)
    (shard,) = await take(store, batch)
    assert await put(store, a_progress(shard, 0))
    async with store.start_work("ada", "request:1") as w:
        await w.batches.remove(batch.id)
    assert list(await store.reads.batches.shards(batch.id)) == []
    assert list(await store.reads.batches.segments(batch.id, 0, 9)) == []
    assert list(await store.batch_claims.take("w", NOON, NOON + LEASE, 9)) == []


async def test_a_pause_leaves_shards_where_they_are_and_gives_out_no_others(
    store: AnyStore,
) -> None:
    batch = await a_batch_of(store, 2)
    (mine,) = await take(store, batch, "a", 1)
    async with store.start_work("ada", "request:2") as w:
        await w.batches.put(replace(batch, paused_at=NOON))
    assert list(await take(store, batch, "b")) == []
    assert set(await store.shard_claims.renew("a", [mine], NOON + LEASE)) == {(batch.id, 0)}
    assert await put(store, a_progress(mine, 0))
    ending = replace(batch, ending=BatchStatus.CANCELLED)
    async with store.start_work("ada", "request:3") as w:
        await w.batches.put(ending)
    assert await put(store, a_progress(mine, 0, 1))
