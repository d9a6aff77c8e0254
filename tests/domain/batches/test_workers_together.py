"""Several workers, one job."""

from datetime import timedelta

from domain.batches.batch import Terms
from tests.support.working import World

LEASE = 15.0


async def test_two_workers_share_a_job_and_no_line_is_sent_twice() -> None:
    world = World()
    batch = await world.batch(lines=3_000, a_shard=100)
    async with world.worker(most=16).running(), world.worker(most=16).running():
        await world.finished(batch)
    assert len(world.engine.asked) == 3_000
    assert await world.ids(batch) == [str(place) for place in range(3_000)]
    used = (await world.now(batch)).usage
    assert (used.input_tokens, used.total_tokens) == (6_000, 9_000), "neither overwrote the other's"


async def test_a_limit_is_kept_at_any_time_however_workers_come_and_go() -> None:
    world = World()
    world.engine.seconds = 3.0
    batch = await world.batch(lines=400, a_shard=20, terms=Terms(max_concurrency=5))
    async with world.worker("b").running():
        await world.timer.pass_(4)
        assert world.engine.in_flight["chat"] == 5
        async with world.worker("a").running():
            await world.timer.pass_(20)
            assert world.engine.in_flight["chat"] == 5
            async with world.worker("c").running():
                await world.timer.pass_(20)
                assert world.engine.in_flight["chat"] == 5
            await world.timer.pass_(20)
            assert world.engine.in_flight["chat"] == 5
        await world.finished(batch, within=400, step=1.0)
    assert world.engine.most["chat"] == 5
    assert await world.ids(batch) == [str(place) for place in range(400)]


async def test_a_worker_cuts_what_is_above_its_new_share_before_another_begins() -> None:
    world = World()
    world.engine.seconds = 60.0
    batch = await world.batch(lines=100, a_shard=10, terms=Terms(max_concurrency=4))
    async with world.worker("a").running():
        await world.timer.pass_(2)
        async with world.worker("b").running():
            await world.timer.pass_(LEASE)
            assert world.engine.in_flight["chat"] == 4
            assert len(world.engine.asked) == 6, "two of the first four make place"
            await world.finished(batch, within=3_000, step=10)
    assert world.engine.most["chat"] == 4
    assert await world.errors(batch) == {}


async def test_a_new_worker_helps_with_a_limited_job_once_the_others_know_it() -> None:
    world = World()
    world.engine.seconds = 1.0
    batch = await world.batch(lines=2_000, a_shard=20, terms=Terms(max_concurrency=4))
    async with world.worker("a").running():
        await world.timer.pass_(2)
        async with world.worker("b").running():
            await world.timer.pass_(LEASE)
            assert await world.store.reads.batches.working(batch.id, world.clock()) >= 2
            assert world.engine.in_flight["chat"] == 4
    assert world.engine.most["chat"] == 4


async def test_a_worker_without_a_share_leaves_the_only_shard_to_one_that_has_it() -> None:
    world = World()
    world.engine.seconds = 3.0
    batch = await world.batch(lines=10, terms=Terms(max_concurrency=1))
    async with world.worker("b").running():
        await world.timer.pass_(4)
        async with world.worker("a").running():
            await world.finished(batch, within=120, step=1.0)
    assert world.engine.most["chat"] == 1
    assert await world.ids(batch) == [str(place) for place in range(10)]


async def test_the_shards_of_a_worker_that_died_are_done_by_another() -> None:
    world = World()
    batch = await world.batch(lines=200, a_shard=100)
    now = world.clock()
    lease = timedelta(seconds=LEASE)
    await world.store.workers.renew("dead", now, now + lease)
    await world.store.shard_claims.take(batch.id, "dead", now, now + lease, 1)
    async with world.worker().running():
        await world.timer.pass_(10)
        assert (await world.now(batch)).completed == 100
        assert await world.finished(batch) <= LEASE - 10 + 2
    assert await world.ids(batch) == [str(place) for place in range(200)]
