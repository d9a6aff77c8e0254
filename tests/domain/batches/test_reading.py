"""How far a worker reads ahead of what it sends."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import inf

import orjson

from domain.batches.batch import Batch
from domain.batches.input.lines import Json
from domain.batches.ports import ShardClaims
from domain.batches.sending.execution import Lane, Sending
from domain.batches.sending.pace import START
from domain.batches.sending.run import BUDGET, Gate, Run
from domain.batches.shard import BYTES_LIMIT, Shard
from domain.batches.worker.reading import AT_LEAST, Reading
from tests.support.working import World


@dataclass(frozen=True)
class Slow:
    """Claims that others go on beside, as those of a database."""

    claims: ShardClaims

    async def take(
        self,
        batch_id: str,
        worker: str,
        now: datetime,
        until: datetime,
        limit: int,
        held: Collection[int] = (),
    ) -> Sequence[Shard]:
        await asyncio.sleep(0)
        return await self.claims.take(batch_id, worker, now, until, limit, held)

    async def renew(
        self, worker: str, shards: Collection[Shard], until: datetime
    ) -> Collection[tuple[str, int]]:
        return await self.claims.renew(worker, shards, until)

    async def release(self, worker: str, shards: Collection[Shard]) -> None:
        await self.claims.release(worker, shards)


def a_run(batch: Batch) -> Run:
    return Run(batch=batch, key=f"files/{batch.input_file_id}")


def a_reading(world: World, gate: Gate | None = None) -> Reading:
    return Reading(
        claims=world.store.shard_claims,
        objects=world.objects,
        json=Json(orjson.loads, orjson.dumps),
        clock=world.clock,
        worker="me",
        lease=timedelta(seconds=15),
        gate=gate or Gate(),
    )


async def test_twice_what_is_sent_meanwhile_is_read_ahead() -> None:
    world = World()
    run, reading = a_run(await world.batch(lines=3_000, a_shard=100)), a_reading(world)
    assert await reading.more(run, ahead=500)
    assert await reading.more(run, ahead=500), "how many lines a shard has is known by now"
    assert len(run.ready) == 1_000
    assert run.low == 500, "below that more are read"


async def test_a_faster_pace_reads_further_ahead() -> None:
    world = World()
    run, reading = a_run(await world.batch(lines=3_000, a_shard=100)), a_reading(world)
    for _ in range(2):
        await reading.more(run, ahead=64)
    assert len(run.ready) == 200
    await reading.more(run, ahead=500)
    assert len(run.ready) == 1_000


async def test_what_is_there_is_not_read_again() -> None:
    world = World()
    run, reading = a_run(await world.batch(lines=1_000, a_shard=100)), a_reading(world)
    await reading.more(run, ahead=50)
    assert not await reading.more(run, ahead=50)
    assert len(run.ready) == 100
    assert run.wants_more, "whoever takes a line says when there are too few"


async def test_where_nothing_is_left_nobody_is_asked_again_and_again() -> None:
    world = World()
    run, reading = a_run(await world.batch(lines=30)), a_reading(world)
    assert await reading.more(run, ahead=64)
    assert not await reading.more(run, ahead=64)
    assert not run.wants_more


async def test_a_slow_target_has_some_ahead_too() -> None:
    world = World()
    run, reading = a_run(await world.batch(lines=500, a_shard=8)), a_reading(world)
    run.lines_a_shard, run.bytes_a_shard = 8, 1_000
    await reading.more(run, ahead=1)
    assert len(run.ready) == AT_LEAST


def a_sending(world: World, most: int) -> Sending:
    return Sending(
        inference=world.engine,
        json=Json(orjson.loads, orjson.dumps),
        timer=world.timer,
        chance=lambda: 0.5,
        lag=lambda: 0.0,
        logger=world.told,
        gate=Gate(trusted_until=inf),
        most=most,
    )


async def is_hungry_after_a_round(most: int) -> tuple[int, bool]:
    """The limit, and whether more lines were asked for, although enough of them are ready."""
    world = World()
    run = a_run(await world.batch(lines=1_000))
    await a_reading(world).more(run, ahead=400)
    lane = Lane(world.seats, a_sending(world, most))
    lane.runs.append(run)
    lane.fill()
    await world.timer.pass_(world.engine.seconds)
    assert len(run.ready) > run.low
    limit, is_hungry = lane.tempo.limit, lane.sending.hungry.is_set()
    await lane.end()
    return limit, is_hungry


async def test_a_raised_pace_makes_hungry() -> None:
    assert await is_hungry_after_a_round(most=1_000) == (2 * START, True)


async def test_a_pace_that_stays_makes_nobody_hungry() -> None:
    assert await is_hungry_after_a_round(most=START) == (START, False)


async def test_many_jobs_at_once_are_not_read_beyond_the_budget() -> None:
    """Each shard may have four mebibytes, and none knows what the others are just fetching."""
    world, gate = World(), Gate()
    model = "x" * 8_000
    batches = [await world.batch(lines=400, model=model) for _ in range(24)]
    [shard, *_] = await world.shards(batches[0])
    assert 2 * (shard.end - shard.start) > BYTES_LIMIT
    runs, reading = [a_run(batch) for batch in batches], a_reading(world, gate)
    reading = replace(reading, claims=Slow(world.store.shard_claims))
    await asyncio.gather(*(reading.more(run, ahead=64) for run in runs))
    assert sum(bool(run.ready) for run in runs) >= 8
    assert gate.used <= BUDGET
