"""What a worker does at the same time does not get into each other's way."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from domain.batches.batch import Terms
from domain.batches.ports import ShardClaims, Worker, Workers
from domain.batches.shard import Shard
from domain.batches.worker.shift import AWAKE, REST, WINDOW
from tests.support.working import NoLag, World

FOUR = Terms(max_concurrency=4)


@dataclass
class Barrier:
    """Once it is up, whoever comes waits until it is lowered."""

    is_up: bool = False
    reached: bool = False
    lowered: asyncio.Event = field(default_factory=asyncio.Event)

    async def pass_(self) -> None:
        if self.is_up:
            self.reached = True
            await self.lowered.wait()

    async def is_reached(self) -> bool:
        return self.reached


@dataclass
class SlowWorkers:
    workers: Workers
    barrier: Barrier

    async def renew(self, worker: str, now: datetime, until: datetime) -> Sequence[Worker]:
        await self.barrier.pass_()
        return await self.workers.renew(worker, now, until)

    async def leave(self, worker: str) -> None:
        await self.workers.leave(worker)


@dataclass
class SlowClaims:
    claims: ShardClaims
    barrier: Barrier

    async def take(
        self,
        batch_id: str,
        worker: str,
        now: datetime,
        until: datetime,
        limit: int,
        held: Collection[int] = (),
    ) -> Sequence[Shard]:
        return await self.claims.take(batch_id, worker, now, until, limit, held)

    async def renew(
        self, worker: str, shards: Collection[Shard], until: datetime
    ) -> Collection[tuple[str, int]]:
        await self.barrier.pass_()
        return await self.claims.renew(worker, shards, until)

    async def release(self, worker: str, shards: Collection[Shard]) -> None:
        await self.claims.release(worker, shards)


@pytest.mark.parametrize("slow", ["workers", "shard_claims"])
async def test_jobs_come_and_go_while_leases_are_renewed(slow: str) -> None:
    world, barrier = World(), Barrier()
    world.engine.seconds = 1.0
    said: dict[str, Any] = {
        "workers": SlowWorkers(world.store.workers, barrier),
        "shard_claims": SlowClaims(world.store.shard_claims, barrier),
    }
    going = await world.batch(lines=40, a_shard=10, terms=FOUR)
    async with world.worker(**{slow: said[slow]}).running():
        await world.timer.pass_(2)
        barrier.is_up = True
        await world.until(barrier.is_reached, within=6)
        assert (await world.now(going)).left > 0
        coming = await world.batch(lines=8, a_shard=4, terms=FOUR)
        await world.finished(going, within=8)
        await world.finished(coming, within=4)
        barrier.is_up = False
        barrier.lowered.set()
        last = await world.batch(lines=8, terms=FOUR)
        await world.finished(last, within=4)
    assert world.told.lines == []
    assert len(world.engine.asked) == 40 + 8 + 8
    for batch in (going, coming, last):
        assert await world.store.reads.batches.working(batch.id, world.clock()) == 0


class SaidLag(NoLag):
    """The worker hears what a test says."""

    @contextmanager
    def measured(self, told: Callable[[float], None]) -> Iterator[None]:
        self.told = told
        yield

    def window(self, late: float) -> None:
        for _ in range(WINDOW):
            self.told(late)


async def test_a_worker_that_is_late_rests_a_moment_in_turns_until_it_is_in_time() -> None:
    world, lag = World(), SaidLag()
    world.engine.seconds = 0.01
    batch = await world.batch(lines=4_000, a_shard=500, terms=Terms(max_concurrency=40))

    async def begun(seconds: float) -> int:
        before = len(world.engine.asked)
        await world.timer.pass_(seconds)
        return len(world.engine.asked) - before

    async with world.worker(lag=lag).running():
        assert await begun(0.1) > 0
        lag.window(late=0.05)
        for _ in range(3):
            await world.timer.pass_(0.001)
            assert await begun(REST - 0.002) == 0
            assert await begun(AWAKE + 0.001) > 0
        for _ in range(40):
            lag.window(late=0.0)
        await world.timer.pass_(REST + AWAKE)
        assert await begun(REST) > 0
        assert await begun(REST) > 0
        await world.finished(batch, within=20)
    assert len({*world.engine.asked}) == len(world.engine.asked) == 4_000
