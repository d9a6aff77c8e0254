"""Shards and the segments of their results, on the fake and on each database."""

from datetime import timedelta

from domain.batches.batch import Batch
from domain.batches.shard import Shard
from tests.conftest import AnyStore
from tests.support.batches import a_progress, a_running_batch, a_shard
from tests.support.builders import NOON, a_project

LEASE = timedelta(seconds=15)


async def a_batch_of(store: AnyStore, shards: int) -> tuple[Batch, list[Shard]]:
    project = a_project()
    batch = a_running_batch(project, total=10 * shards)
    some = [a_shard(batch, number=number) for number in range(shards)]
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(project)
        await w.batches.add(batch)
        await w.batch_shards.add(some)
    return batch, some


async def test_a_shard_is_taken_worked_on_and_done(store: AnyStore) -> None:
    batch, (first, second) = await a_batch_of(store, 2)
    assert await store.reads.batches.shards(batch.id) == [first, second]
    assert await store.reads.batches.runnable(9, NOON) == [batch]
    (mine,) = await store.shard_claims.take(batch.id, "w", NOON, NOON + LEASE, 1)
    assert (mine.number, mine.token) == (0, 1)
    async with store.start_work("w", "batch") as w:
        assert await w.batches.lock(batch.id) == batch
        assert await w.batch_shards.store(a_progress(mine, 0, 1))
    (segment,) = await store.reads.batches.segments(batch.id, 0, 9)
    assert (segment.sequence, segment.shard, len(segment.entries)) == (1, 0, 2)
    assert await store.reads.batches.segments_of(batch.id, 0) == [segment]
    assert await store.reads.batches.working(batch.id, NOON) == 1
    (claim,) = await store.batch_claims.take("w", NOON, NOON + LEASE, 9)
    assert claim.batch_id == batch.id
    (worker,) = await store.workers.renew("w", NOON, NOON + LEASE)
    assert worker.registered_at == NOON
