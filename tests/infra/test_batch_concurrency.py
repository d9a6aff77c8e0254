"""Workers at once on one database: never two at one batch or shard, no deadlock, nothing stored twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text

from domain.batches.batch import Batch
from domain.batches.facts import BatchJobProgressed
from domain.batches.shard import Progress, Shard
from domain.clock import utc_now
from infra.store import Store, open_store
from tests.support.batches import a_progress, a_running_batch, a_shard
from tests.support.builders import a_project

LEASE = timedelta(seconds=30)
WORKERS = 4


@pytest.fixture
async def stores(database_url: str, tmp_path: Path) -> AsyncIterator[list[Store]]:
    """Two servers on one database."""
    async with AsyncExitStack() as stack:
        opening = (open_store(database_url, data_dir=tmp_path) for _ in range(2))
        yield [await stack.enter_async_context(store) for store in opening]


@pytest.fixture
async def two(postgres_url: str, tmp_path: Path) -> AsyncIterator[list[Store]]:
    """Two servers on a PostgreSQL: on SQLite everybody waits for whoever writes."""
    async with AsyncExitStack() as stack:
        opening = (open_store(postgres_url, data_dir=tmp_path) for _ in range(2))
        async with asyncio.timeout(30):
            yield [await stack.enter_async_context(store) for store in opening]


async def some_batches(store: Store, count: int, shards: int) -> list[Batch]:
    project = a_project()
    batches = [a_running_batch(project, total=10 * shards) for _ in range(count)]
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(project)
        for batch in batches:
            await w.batches.add(batch)
            await w.batch_shards.add([a_shard(batch, number=n) for n in range(shards)])
    return batches


async def take(store: Store, batch: Batch, worker: str, limit: int) -> Sequence[Shard]:
    now = utc_now()
    return await store.shard_claims.take(batch.id, worker, now, now + LEASE, limit)


async def commit(store: Store, progresses: Sequence[Progress]) -> list[bool]:
    """As a worker's group commit."""
    batch_id = progresses[0].shard.batch_id
    async with store.start_work("batches", f"batch:{batch_id}") as w:
        batch = await w.batches.lock(batch_id)
        assert batch is not None
        kept = [(p, await w.batch_shards.store(p)) for p in progresses]
        done = sum(len(progress.entries) for progress, is_kept in kept if is_kept)
        batch = replace(batch, completed=batch.completed + done)
        await w.batches.put(batch)
        counts = {"total": batch.total, "completed": batch.completed, "failed": batch.failed}
        w.record(batch.project_id, BatchJobProgressed(batch_job_id=batch_id, **counts))
        if batch.left == 0:
            await w.look_at_batch(batch_id, utc_now())
    return [is_kept for _, is_kept in kept]


async def test_two_that_take_at_once_never_get_the_same_shard(stores: list[Store]) -> None:
    (batch,) = await some_batches(stores[0], 1, shards=12)
    taken = await asyncio.gather(
        *(take(stores[n % 2], batch, f"w{n}", limit=3) for n in range(WORKERS))
    )
    numbers = [shard.number for shards in taken for shard in shards]
    assert len(numbers) == len(set(numbers))
    rest = await take(stores[0], batch, "last", limit=99)
    assert sorted([*numbers, *(shard.number for shard in rest)]) == list(range(12))


async def test_two_that_take_at_once_never_get_the_same_batch(stores: list[Store]) -> None:
    batches = await some_batches(stores[0], 9, shards=0)
    now = utc_now()
    taken = await asyncio.gather(
        *(stores[n % 2].batch_claims.take(f"w{n}", now, now + LEASE, 3) for n in range(WORKERS))
    )
    ids = [claim.batch_id for claims in taken for claim in claims]
    assert len(ids) == len(set(ids))
    rest = await stores[0].batch_claims.take("last", now, now + LEASE, 99)
    assert {*ids, *(claim.batch_id for claim in rest)} == {batch.id for batch in batches}


async def work(store: Store, worker: str, batches: Sequence[Batch], chance: Random) -> None:
    """Takes, stores line by line, renews, gives back, and now and then goes or stores with what it had."""
    old: list[Shard] = []
    for _ in range(12):
        now = utc_now()
        batch = chance.choice(batches)
        await store.workers.renew(worker, now, now + LEASE)
        mine = await store.shard_claims.take(batch.id, worker, now, now + LEASE, 2)
        for line in chance.sample(range(10), 3):
            undone = [s for s in mine if not s.done[line // 8] >> line % 8 & 1]
            if undone:
                progresses = [a_progress(shard, line) for shard in undone]
                await asyncio.gather(
                    commit(store, progresses), store.shard_claims.renew(worker, mine, now + LEASE)
                )
                put = {p.shard.number: p.shard for p in progresses}
                mine = [put.get(shard.number, shard) for shard in mine]
        stale = [shard for shard in old if shard.batch_id == batch.id]
        if stale:
            assert not any(await commit(store, [a_progress(shard, 0) for shard in stale]))
        if chance.random() < 0.3:
            await store.workers.leave(worker)
        else:
            await store.shard_claims.release(worker, mine)
        old = list(mine)


async def test_every_line_is_stored_once_whoever_works(stores: list[Store]) -> None:
    batches = await some_batches(stores[0], 2, shards=4)
    async with asyncio.timeout(90):
        await asyncio.gather(
            *(work(stores[n % 2], f"w{n}", batches, Random(n)) for n in range(WORKERS))
        )
    reads = stores[0].reads.batches
    for batch in batches:
        segments = await reads.segments(batch.id, 0, 10_000)
        assert [segment.sequence for segment in segments] == list(range(1, len(segments) + 1))
        lines = Counter((s.shard, entry.line) for s in segments for entry in s.entries)
        assert set(lines.values()) <= {1}
        shards = await reads.shards(batch.id)
        assert len(lines) == sum(byte.bit_count() for shard in shards for byte in shard.done)
        assert len(lines) == (await reads.by_ids([batch.id]))[batch.id].completed > 0


async def test_what_a_unit_of_work_holds_is_passed_over(two: list[Store]) -> None:
    one, other = two
    (batch,) = await some_batches(one, 1, shards=3)
    mine = await take(one, batch, "a", limit=2)
    async with one.start_work("a", "batch") as w:
        assert await w.batches.lock(batch.id) is not None
        assert await w.batch_shards.store(a_progress(mine[0], 0))
        late = utc_now() + 2 * LEASE
        taken = await other.shard_claims.take(batch.id, "b", late, late + LEASE, 9)
        assert [shard.number for shard in taken] == [1, 2]
        renewed = await other.shard_claims.renew("a", mine, late + LEASE)
        assert set(renewed) == {(batch.id, 0)}


async def test_a_claim_that_a_unit_of_work_holds_is_not_taken_before_it_ends(
    two: list[Store],
) -> None:
    one, other = two
    (batch,) = await some_batches(one, 1, shards=0)
    now = utc_now()
    (claim,) = await one.batch_claims.take("a", now, now + LEASE, 9)
    late = now + 2 * LEASE
    async with one.start_work("a", "batch") as w:
        assert await w.holds_batch(claim)
        assert list(await other.batch_claims.take("b", late, late + LEASE, 9)) == []
        assert set(await other.batch_claims.renew("a", [claim], late)) == {batch.id}
    async with one.start_work("a", "batch") as w:
        (taken,) = await other.batch_claims.take("b", late, late + LEASE, 9)
        assert taken.token > claim.token
        assert not await w.holds_batch(claim)


async def test_who_asks_for_a_look_and_who_looks_never_lock_each_other_out(
    two: list[Store],
) -> None:
    """Both change the batch too: whoever comes second waits for the batch's row, and holds nothing else."""
    one, other = two
    (batch,) = await some_batches(one, 1, shards=2)
    now = utc_now()
    (claim,) = await one.batch_claims.take("a", now, now + LEASE, 9)
    is_locked = asyncio.Event()

    async def cancel() -> None:
        async with other.start_work("ada", "request:2") as w:
            held = await w.batches.lock(batch.id)
            assert held is not None
            is_locked.set()
            await somebody_waits(other)
            await w.batches.put(replace(held, paused_at=now))
            await w.look_at_batch(batch.id, now)

    async def close() -> None:
        await is_locked.wait()
        async with one.start_work("a", "batch") as w:
            assert await w.holds_batch(claim)
            held = await w.batches.lock(batch.id)
            assert held is not None
            assert held.paused_at is not None
            await w.batch_shards.close(batch.id)
            await w.look_at_batch(batch.id, now)

    await asyncio.gather(cancel(), close())
    await one.batch_claims.release(claim, None)
    (again,) = await other.batch_claims.take("b", now, now + LEASE, 9)
    assert again.asked == claim.asked + 2


async def somebody_waits(store: Store) -> None:
    """Until a transaction of the database waits for another's lock."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    while not (await store.events.engines.rows(waiting))[0][0]:
        pass


async def test_no_shard_of_a_batch_that_ends_is_taken_while_it_is_closed(two: list[Store]) -> None:
    one, other = two
    (batch,) = await some_batches(one, 1, shards=6)
    async with one.start_work("a", "batch") as w:
        await w.batches.lock(batch.id)
        await w.batch_shards.close(batch.id)
        assert list(await take(other, batch, "b", limit=9)) == []
    assert list(await take(other, batch, "b", limit=9)) == []
    assert await other.reads.batches.runnable(9, utc_now()) == []
