"""What a worker does where storing fails, inputs go away, and decisions are made under its hands."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from domain.batches.batch import BatchReason, BatchStatus
from domain.batches.ports import Reply
from domain.batches.worker.committing import LARGEST
from domain.errors import ObjectMissing, StorageUnavailable
from domain.work import StartWork, Work
from tests.support.memory_objects import FULL, UNAVAILABLE
from tests.support.working import GOOD, World

AWAY = StorageUnavailable(where="the database", problem="it is away")


async def test_a_disk_that_fills_stops_sending_and_nothing_is_counted_that_is_not_stored() -> None:
    world = World()
    batch = await world.batch(lines=2_000)
    async with world.worker(most=64).running():
        await world.timer.pass_(0.3)
        world.objects.full = True
        await world.timer.pass_(60)
        stuck, asked = await world.now(batch), len(world.engine.asked)
        assert stuck.reason is BatchReason.STORAGE_FULL
        assert stuck.completed == len(await world.results(batch))
        await world.timer.pass_(60)
        assert len(world.engine.asked) == asked, "nothing new is sent"
        world.objects.full = False
        await world.finished(batch)
    assert await world.ids(batch) == [str(place) for place in range(2_000)]
    assert len(world.engine.asked) == 2_000, "and nothing was sent twice"
    assert (await world.now(batch)).reason is None


async def test_results_outlast_a_store_that_is_away() -> None:
    world = World()
    batch = await world.batch(lines=500)
    world.objects.trouble = lambda method, key: UNAVAILABLE if "segments" in key else None
    async with world.worker().running():
        await world.timer.pass_(10)
        assert (await world.now(batch)).reason is BatchReason.STORAGE_UNAVAILABLE
        world.objects.trouble = lambda method, key: None
        await world.finished(batch)
    assert len(world.engine.asked) == 500
    assert await world.ids(batch) == [str(place) for place in range(500)]


async def test_large_answers_are_stored_in_objects_that_a_server_takes() -> None:
    """Those of the first requests come before anybody knows their size."""
    world = World()
    body = b'{"text":"' + b"x" * 6 * 1024 * 1024 + b'"}'
    world.engine.answer = lambda url, said: Reply(status=200, body=body)
    batch = await world.batch(lines=16)
    async with world.worker().running():
        await world.finished(batch)
    stored = [kept for key, kept in world.objects.kept.items() if "/segments/" in key]
    assert max(len(content) for content, _ in stored) <= LARGEST
    assert await world.ids(batch) == [str(place) for place in range(16)]
    assert len(world.engine.asked) == 16


def failing_commits(world: World, *, kept: bool, times: int) -> StartWork:
    """So many commits fail; whether they are kept all the same, nobody can tell."""
    left = [times]

    @asynccontextmanager
    async def start_work(actor: str, cause: str) -> AsyncIterator[Work]:
        left[0] -= 1
        fails = left[0] >= 0
        if fails and not kept:
            raise AWAY
        async with world.store.start_work(actor, cause) as work:
            yield work
        if fails:
            raise AWAY

    return start_work


async def test_a_commit_of_which_nobody_knows_is_not_made_twice() -> None:
    world = World()
    world.engine.seconds = 0.2
    batch = await world.batch(lines=500)
    start_work = failing_commits(world, kept=True, times=1)
    async with world.worker(start_work=start_work, most=64).running():
        await world.timer.pass_(0.8)
        assert 0 < (await world.now(batch)).completed < 500
        await world.timer.pass_(10)
    done = await world.now(batch)
    assert (done.completed, done.failed) == (500, 0)
    assert await world.ids(batch) == [str(place) for place in range(500)]
    assert len(world.engine.asked) == 500


async def test_a_commit_that_was_not_kept_is_made_again() -> None:
    world = World()
    batch = await world.batch(lines=200)
    start_work = failing_commits(world, kept=False, times=3)
    async with world.worker(start_work=start_work).running():
        await world.finished(batch)
    assert await world.ids(batch) == [str(place) for place in range(200)]
    assert len(world.engine.asked) == 200


async def test_a_fault_of_one_batch_stores_no_answer_of_another_twice() -> None:
    """The fault comes at once, and the other's commit takes longer than it is until the next round."""
    world = World()
    world.engine.seconds = 0.2
    faulty, slow = await world.batch(lines=100), await world.batch(lines=100)
    world.objects.trouble = lambda method, key: (
        ObjectMissing(key=key) if method == "put_bytes" and faulty.id in key else None
    )

    @asynccontextmanager
    async def start_work(actor: str, cause: str) -> AsyncIterator[Work]:
        if cause == f"batch:{slow.id}":
            await world.timer.wait(asyncio.Event(), 3)
        async with world.store.start_work(actor, cause) as work:
            yield work

    async with world.worker(start_work=start_work, most=16).running():
        await world.timer.pass_(60)
        done = await world.now(slow), await world.now(faulty)
        assert [batch.completed for batch in done] == [100, 0]
        assert await world.ids(slow) == [str(place) for place in range(100)]
        world.objects.trouble = lambda method, key: None


async def test_an_input_that_is_removed_midway_fails_its_lines_by_name() -> None:
    world = World()
    batch = await world.batch(lines=4_000)
    async with world.worker(most=64).running():
        await world.timer.pass_(0.2)
        del world.objects.kept[f"files/{batch.input_file_id}"]
        await world.finished(batch)
    done = await world.now(batch)
    assert done.completed + done.failed == 4_000
    assert done.completed >= 1_000
    assert await world.errors(batch) == {"input_unavailable": done.failed}
    assert await world.ids(batch) == [str(place) for place in range(4_000)]


async def test_a_line_that_can_not_be_sent_ends_by_itself() -> None:
    """What reads lines takes deeper lists than what writes them."""
    world = World()
    name = "x" * 600
    batch = await world.batch(lines=3, model=name)
    key = f"files/{batch.input_file_id}"
    was = f'"{name}-1"'.encode()
    deep = b"[" * (len(was) // 2) + b"]" * (len(was) // 2)
    await world.objects.put_bytes(key, world.objects.content(key).replace(was, deep))
    async with world.worker().running():
        await world.finished(batch)
    assert (await world.now(batch)).completed == 2
    assert await world.errors(batch) == {"input_unavailable": 1}


async def test_an_input_store_that_is_away_is_waited_for() -> None:
    world = World()
    batch = await world.batch(lines=20)
    world.objects.unavailable = True
    async with world.worker().running():
        await world.timer.pass_(30)
        waiting = await world.now(batch)
        assert (waiting.left, waiting.reason) == (20, BatchReason.STORAGE_UNAVAILABLE)
        world.objects.unavailable = False
        await world.finished(batch)
    assert (await world.now(batch)).completed == 20


async def test_cancelled_lines_in_flight_end_and_no_other_is_sent() -> None:
    world = World()
    world.engine.seconds = 5.0
    batch = await world.batch(lines=200)
    async with world.worker(most=64).running():
        await world.timer.pass_(2)
        await world.cancel(batch, drain=60)
        await world.timer.pass_(6)
        assert (await world.now(batch)).completed == 64
        assert len(world.engine.asked) == 64
        assert await world.store.reads.batches.working(batch.id, world.clock()) == 0


async def test_what_does_not_end_in_time_is_cut_and_not_stored() -> None:
    world = World()
    world.engine.seconds = 500.0
    batch = await world.batch(lines=20)
    async with world.worker().running():
        await world.timer.pass_(2)
        await world.cancel(batch, drain=10)
        await world.timer.pass_(9)
        assert world.engine.in_flight["chat"] == 20
        await world.timer.pass_(1.5)
        assert world.engine.in_flight["chat"] == 0
        assert await world.store.reads.batches.working(batch.id, world.clock()) == 0
    assert await world.results(batch) == []


async def test_what_was_in_flight_at_a_pause_is_cut_at_a_cancel_too() -> None:
    world = World()
    world.engine.seconds = 500.0
    batch = await world.batch(lines=20)
    async with world.worker().running():
        await world.timer.pass_(2)
        await world.change(batch, paused_at=world.clock(), reason=BatchReason.PAUSED)
        await world.timer.pass_(5)
        assert world.engine.in_flight["chat"] == 20
        await world.cancel(batch, drain=10)
        await world.timer.pass_(10.5)
        assert world.engine.in_flight["chat"] == 0
        assert await world.store.reads.batches.working(batch.id, world.clock()) == 0


async def test_what_waits_to_be_tried_again_is_given_up_at_a_cancel() -> None:
    world = World()
    batch = await world.batch(lines=20)
    world.engine.answer = lambda url, body: Reply(status=500, body=b"{}")
    async with world.worker().running():
        await world.timer.pass_(0.3)
        await world.cancel(batch, drain=60)
        await world.timer.pass_(1)
        asked = len(world.engine.asked)
        assert await world.store.reads.batches.working(batch.id, world.clock()) == 0
        await world.timer.pass_(60)
        assert len(world.engine.asked) == asked
    assert await world.results(batch) == []


async def test_a_paused_job_sends_nothing_and_goes_on_where_it_was() -> None:
    world = World()
    batch = await world.batch(lines=3_000)
    async with world.worker(most=64).running():
        await world.timer.pass_(0.3)
        await world.change(batch, paused_at=world.clock(), reason=BatchReason.PAUSED)
        await world.timer.pass_(1)
        asked = len(world.engine.asked)
        assert (await world.now(batch)).completed == asked
        await world.timer.pass_(60)
        assert len(world.engine.asked) == asked < 3_000
        assert (await world.now(batch)).reason is BatchReason.PAUSED
        await world.change(batch, paused_at=None, reason=None)
        await world.finished(batch)
    assert len(world.engine.asked) == 3_000
    assert await world.ids(batch) == [str(place) for place in range(3_000)]


async def test_a_worker_that_leaves_stores_what_it_has_and_the_next_does_the_rest() -> None:
    world = World()
    batch = await world.batch(lines=2_000)
    async with world.worker(most=64).running():
        await world.timer.pass_(0.3)
    left = await world.now(batch)
    assert 0 < left.completed < 2_000
    assert await world.store.reads.batches.working(batch.id, world.clock()) == 0
    asked = len(world.engine.asked)
    assert asked - left.completed <= 64, "what was in flight is all that is lost"
    async with world.worker(most=64).running():
        await world.finished(batch)
    assert len(world.engine.asked) == asked + 2_000 - left.completed
    assert await world.ids(batch) == [str(place) for place in range(2_000)]


async def test_a_stalled_workers_late_commit_is_refused_and_its_object_removed() -> None:
    """Its shard was taken over: as a process that was stopped finds the world when it goes on."""
    world = World()
    batch = await world.batch(lines=10)
    world.engine.seconds = 1.0
    async with world.worker("stalled").running():
        await world.timer.pass_(0.5)
        later = world.clock() + timedelta(seconds=100)
        [taken] = await world.store.shard_claims.take(
            batch.id, "other", later, later + timedelta(seconds=900), 1
        )
        await world.timer.pass_(3)
        assert await world.results(batch) == []
        assert not [key for key in world.objects.kept if "segments" in key]
        assert (await world.now(batch)).completed == 0
        [row] = await world.shards(batch)
        assert row == taken


async def test_a_worker_that_could_not_renew_sends_nothing_until_it_did() -> None:
    world = World()
    batch = await world.batch(lines=2_000)
    async with world.worker(most=16).running():
        await world.timer.pass_(0.3)
        asked = len(world.engine.asked)
        world.timer.stop(60)
        await world.timer.turn(3)
        assert len(world.engine.asked) <= asked + 16
        await world.finished(batch)
    assert await world.ids(batch) == [str(place) for place in range(2_000)]


async def test_a_job_that_ends_while_it_stands_still_is_given_back() -> None:
    world = World()
    batch = await world.batch(lines=20)
    world.engine.answer = lambda url, body: Reply(status=503, body=b"{}")
    async with world.worker().running():
        await world.timer.pass_(5)
        await world.change(
            batch, ending=BatchStatus.EXPIRED, drain_until=world.clock() + timedelta(seconds=60)
        )
        await world.timer.pass_(1)
        assert await world.store.reads.batches.working(batch.id, world.clock()) == 0
        world.engine.answer = lambda url, body: GOOD
        await world.timer.pass_(10)
    assert (await world.now(batch)).completed == 0


async def test_a_full_disk_is_told_from_an_unreachable_one() -> None:
    world = World()
    batch = await world.batch(lines=10)
    world.objects.trouble = lambda method, key: FULL if method == "put_bytes" else None
    async with world.worker().running():
        await world.timer.pass_(5)
        stuck = await world.now(batch)
        assert stuck.reason is BatchReason.STORAGE_FULL
        assert "no space left" in stuck.message
