"""A worker, from shards to stored results."""

from domain.batches.batch import BatchReason, Retry, Terms
from domain.batches.ports import Reply, Standstill
from domain.errors import (
    Interrupted,
    ModelyardError,
    RequestTimeout,
    ResponseTooLarge,
    Unreachable,
)
from tests.support.working import GOOD, Seats, World

REFUSED = Unreachable(where="http://engine", problem="refused")


async def test_each_line_gets_its_answer_and_counts_once() -> None:
    world = World()
    batch = await world.batch(lines=2_500, blanks=True)
    async with world.worker().running():
        await world.finished(batch)
    done = await world.now(batch)
    assert (done.completed, done.failed) == (2_500, 0)
    assert await world.ids(batch) == [str(place) for place in range(2_500)]
    assert done.usage.input_tokens == 5_000
    assert done.usage.total_tokens == 7_500
    assert len(world.engine.asked) == 2_500


async def test_a_small_job_is_over_within_a_second() -> None:
    world = World()
    async with world.worker().running():
        await world.timer.pass_(5)
        batch = await world.batch(lines=10)
        assert await world.finished(batch) <= 1.1


async def test_a_job_that_is_announced_begins_at_once() -> None:
    world = World()
    async with world.worker().running():
        await world.timer.pass_(5)
        batch = await world.batch(lines=10)
        await world.change(batch, message="")
        assert await world.finished(batch, step=0.01) <= 0.1


async def test_a_reply_may_take_longer_than_any_lease() -> None:
    """33 seconds, of which a real system cut all beyond 30."""
    world = World()
    world.engine.seconds = 33.0
    batch = await world.batch(lines=10)
    async with world.worker().running():
        assert 33 <= await world.finished(batch, within=40) <= 34.5
    assert (await world.now(batch)).completed == 10
    assert len(world.engine.asked) == 10, "none was asked twice"


async def test_what_an_engine_refuses_is_an_error_in_its_own_words() -> None:
    world = World()
    batch = await world.batch(lines=3)
    refusal = Reply(status=400, body=b'{"error": {"message": "too long"}}')
    world.engine.answer = lambda url, body: refusal if body["prompt"] == "chat-1" else GOOD
    async with world.worker().running():
        await world.finished(batch)
    done = await world.now(batch)
    assert (done.completed, done.failed) == (2, 1)
    [(place, line, _)] = [each for each in await world.results(batch) if each[2]]
    assert place == 1
    assert line["response"]["body"] == {"error": {"message": "too long"}}
    assert len(world.engine.asked) == 3


async def test_every_way_to_fail_ends_in_one_line() -> None:
    world = World()
    batch = await world.batch(lines=5, terms=Terms(retry=Retry(attempts=2)))
    failures: dict[str, Reply | ModelyardError] = {
        "chat-0": RequestTimeout(seconds=600),
        "chat-1": Interrupted(where="http://engine", problem="reset"),
        "chat-2": ResponseTooLarge(limit=16),
        "chat-3": Reply(status=500, body=b"oops"),
        "chat-4": Reply(status=200, body=b"no json"),
    }
    world.engine.answer = lambda url, body: failures[body["prompt"]]
    async with world.worker().running():
        await world.finished(batch)
    assert await world.errors(batch) == {
        "request_timeout": 1,
        "inference_unreachable": 1,
        "response_too_large": 1,
        "500": 1,
        "invalid_response": 1,
    }
    assert len(world.engine.asked) == 8, "two attempts of what may change"


async def test_a_replica_that_dies_over_a_request_costs_that_attempt_and_another_answers() -> None:
    world = World()
    world.seats.ids = ["dying", "living"]
    batch = await world.batch(lines=40, terms=Terms(retry=Retry(attempts=2)))
    died = Interrupted(where="dying", problem="reset")
    world.engine.answer = lambda url, body: died if "dying" in url else GOOD
    async with world.worker().running():
        await world.finished(batch)
    assert (await world.now(batch)).completed == 40


async def test_an_engine_that_is_down_for_five_minutes_costs_nothing() -> None:
    world = World()
    batch = await world.batch(lines=300)
    world.engine.answer = lambda url, body: REFUSED
    async with world.worker().running():
        await world.timer.pass_(300)
        waiting = await world.now(batch)
        assert waiting.left == 300
        assert waiting.reason is BatchReason.ENGINE_UNREACHABLE
        asked = len(world.engine.asked)
        assert asked < 64 + 150, "one finds out from time to time"
        world.engine.answer = lambda url, body: GOOD
        await world.finished(batch, within=40)
    done = await world.now(batch)
    assert (done.completed, done.failed, done.reason) == (300, 0, None)
    assert await world.reasons(batch) == [BatchReason.ENGINE_UNREACHABLE, None]


async def test_an_engine_that_has_too_many_for_ten_seconds_loses_nothing() -> None:
    world = World()
    batch = await world.batch(lines=300, terms=Terms(retry=Retry(attempts=1)))
    busy = Reply(status=429, body=b"{}", retry_after=None)
    world.engine.answer = lambda url, body: busy if world.timer.now() < 10 else GOOD
    async with world.worker().running():
        await world.timer.pass_(9)
        assert (await world.now(batch)).reason is BatchReason.ENGINE_BUSY
        assert len(world.engine.asked) < 150
        await world.finished(batch, within=60)
    assert (await world.now(batch)).completed == 300


async def test_an_engine_that_names_a_time_is_left_alone_until_then() -> None:
    world = World()
    batch = await world.batch(lines=64)
    busy = Reply(status=503, body=b"{}", retry_after=20.0)
    world.engine.answer = lambda url, body: busy if world.timer.now() < 10 else GOOD
    async with world.worker().running():
        await world.timer.pass_(19)
        assert len(world.engine.asked) == 64
        await world.finished(batch)
    assert (await world.now(batch)).completed == 64


async def test_without_a_replica_nothing_is_sent_and_the_reason_is_told() -> None:
    world = World()
    world.seats.change(Standstill(BatchReason.NO_HEALTHY_REPLICA, "None is healthy."))
    batch = await world.batch(lines=10)
    async with world.worker().running():
        await world.timer.pass_(5)
        waiting = await world.now(batch)
        assert waiting.reason is BatchReason.NO_HEALTHY_REPLICA
        assert waiting.message == "None is healthy."
        assert world.engine.asked == []
        world.seats.change(None)
        assert await world.finished(batch) <= 0.2
    assert (await world.now(batch)).reason is None


async def test_as_many_at_once_as_the_engine_takes() -> None:
    world = World()
    world.engine.seconds = 0.5
    batch = await world.batch(lines=6_000)
    async with world.worker().running():
        await world.finished(batch)
    assert world.engine.most["chat"] >= 1_024


async def test_a_job_never_has_more_in_flight_than_it_may() -> None:
    world = World()
    batch = await world.batch(lines=500, terms=Terms(max_concurrency=7))
    async with world.worker().running():
        await world.finished(batch)
    assert world.engine.most["chat"] == 7


async def test_ten_lines_start_within_a_second_beside_fifty_thousand() -> None:
    world = World()
    world.engine.seconds = 1.0
    big = await world.batch(lines=5_000, model="big")
    async with world.worker(most=64).running():
        await world.timer.pass_(10)
        small = await world.batch(lines=10, model="small")
        await world.timer.pass_(2.1)
        assert sum(each.startswith("small") for each in world.engine.asked) == 10
        assert await world.finished(small) <= 2
        assert (await world.now(big)).left > 0


async def test_shares_of_a_target_are_as_priorities() -> None:
    world = World()
    high = await world.batch(lines=2_000, model="high", terms=Terms(priority=9))
    low = await world.batch(lines=2_000, model="low", terms=Terms(priority=3))
    async with world.worker(most=16).running():
        await world.timer.pass_(2)
        sent = [(await world.now(each)).completed for each in (high, low)]
        assert 2.5 <= sent[0] / sent[1] <= 3.5


async def test_jobs_at_different_targets_do_not_wait_for_each_other() -> None:
    world = World()
    stuck, free = await world.batch(lines=10), await world.batch(lines=10)
    world.places.own[stuck.id] = Seats(
        standstill=Standstill(BatchReason.NO_HEALTHY_REPLICA, "None is healthy.")
    )
    async with world.worker().running():
        await world.finished(free)
        assert (await world.now(stuck)).left == 10


async def test_a_job_whose_target_is_nowhere_says_why_and_claims_nothing() -> None:
    world = World()
    batch = await world.batch(lines=10)
    gone = Standstill(BatchReason.DEPLOYMENT_GONE, "It was deleted.")
    world.places.own[batch.id] = gone
    async with world.worker().running():
        await world.timer.pass_(3)
        assert (await world.now(batch)).reason is BatchReason.DEPLOYMENT_GONE
        assert await world.store.reads.batches.working(batch.id, world.clock()) == 0
        del world.places.own[batch.id]
        await world.finished(batch)
