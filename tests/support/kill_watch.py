"""The database of a fleet whose processes are killed and stopped, seen from the side: so that a phase is
seen whoever is dead, and what was durable when somebody died."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from time import time

from sqlalchemy import and_, or_, select

from domain.batches.batch import Batch, BatchStatus
from domain.clock import MonotonicTimer, utc_now
from domain.deployments.replica import ReplicaStatus
from domain.files.file import File
from domain.listing import Listing
from domain.work import Reads, StartWork
from infra.db.batches.batch import BATCH
from infra.db.batches.looks import LOOK
from infra.db.batches.segments import SEGMENT
from infra.db.batches.shards import SHARD
from infra.db.engine import Engines, open_engines
from infra.db.installation import take_turn
from infra.db.place_ports import PLACE_PORTS
from infra.db.reads import StoredReads
from infra.db.replicas import REPLICAS
from infra.db.work import StoredWorkStarter
from tests.support.fleet import ANYBODY
from tests.support.kill_jobs import Job

WITHIN = 90.0
LOOK_EVERY = 0.005


@dataclass(frozen=True)
class HeldShard:
    """As its row is. `undone` are the places, in the batch's input, of the lines that have no answer."""

    batch_id: str
    number: int
    owner: str | None
    token: int
    undone: frozenset[int]


@dataclass
class Watch:
    engines: Engines
    reads: Reads
    start_work: StartWork

    async def batch(self, job: Job) -> Batch:
        return (await self.reads.batches.by_ids([job.key]))[job.key]

    async def until(self, job: Job, is_so: Callable[[Batch], bool]) -> Batch:
        timer, never = MonotonicTimer(), asyncio.Event()
        async with asyncio.timeout(WITHIN):
            while not is_so(batch := await self.batch(job)):
                await timer.wait(never, LOOK_EVERY)
        return batch

    async def validating(self, creating: asyncio.Task[None]) -> str | None:
        """The id of the batch whose input is being read, as soon as there is one; None where its client
        had its reply before that was seen."""
        is_validating = select(BATCH.id).where(BATCH.status == BatchStatus.VALIDATING)
        timer, never = MonotonicTimer(), asyncio.Event()
        while not creating.done():
            for row in await self.engines.rows(is_validating):
                return str(row.id)
            await timer.wait(never, LOOK_EVERY)
        return None

    async def shards(self, *jobs: Job) -> list[HeldShard]:
        """As they are stored now."""
        rows = await self.engines.rows(
            select(
                SHARD.batch_id,
                SHARD.number,
                SHARD.owner,
                SHARD.token,
                SHARD.first,
                SHARD.lines,
                SHARD.done,
            ).where(SHARD.batch_id.in_([job.key for job in jobs]))
        )
        return [
            HeldShard(r.batch_id, r.number, r.owner, r.token, _undone(r.first, r.lines, r.done))
            for r in rows
        ]

    async def undone(self, jobs: Sequence[Job], owner: str) -> frozenset[str]:
        """The marks without a durable answer in the shards that the worker `owner`, or ANYBODY, has."""
        marks = {job.key: job.marks for job in jobs}
        held = [s for s in await self.shards(*jobs) if owner in (s.owner, ANYBODY)]
        return frozenset(marks[shard.batch_id][n] for shard in held for n in shard.undone)

    async def segments(self, job: Job) -> set[str]:
        """The objects that rows name."""
        rows = await self.engines.rows(select(SEGMENT.key).where(SEGMENT.batch_id == job.key))
        return {row.key for row in rows}

    async def is_torn_down(self, *jobs: Job) -> bool:
        """Whether nobody has, or wants, to look at them any more."""
        due = or_(LOOK.owner.is_not(None), LOOK.due_at.is_not(None))
        found = select(LOOK.batch_id).where(and_(LOOK.batch_id.in_([job.key for job in jobs]), due))
        return not await self.engines.rows(found)

    async def ports(self) -> set[int]:
        """Those that replicas have reserved; of one that has exited, that counts for nothing."""
        replica = REPLICAS.table.c
        held = (
            select(PLACE_PORTS.c.port)
            .join(REPLICAS.table, replica.id == PLACE_PORTS.c.replica_id)
            .where(replica.status != ReplicaStatus.EXITED)
        )
        return {row.port for row in await self.engines.rows(held)}

    @asynccontextmanager
    async def nobody_renews(self) -> AsyncIterator[None]:
        """No worker hears of the others, nor of what it lost, until the block ends."""
        async with self.engines.transaction() as transaction:
            await take_turn(transaction)
            yield

    async def files(self) -> list[File]:
        page = await self.reads.files.page(Listing(first=1_000))
        return list(page.items)

    async def close_window(self, job: Job, within: timedelta) -> None:
        """As if its window had been so short."""
        async with self.start_work("harness", "test") as work:
            batch = await work.batches.lock(job.key)
            assert batch is not None
            at = utc_now() + within
            await work.batches.put(replace(batch, expires_at=at))
            await work.look_at_batch(job.key, utc_now())

    async def age(self, objects: Path) -> None:
        """As if whatever is there had been there for long."""
        for file in await self.reads.files.to_sweep(
            datetime.max.replace(tzinfo=utc_now().tzinfo), 1_000
        ):
            async with self.start_work("harness", "test") as work:
                held = await work.files.lock(file.id)
                if held is not None and held.sweep_at is not None:
                    await work.files.put(replace(held, sweep_at=utc_now() - timedelta(hours=1)))
        for path in objects.rglob("*"):
            with suppress(FileNotFoundError):
                os.utime(path, (time() - 86_400, time() - 86_400))


@asynccontextmanager
async def watching(url: str) -> AsyncIterator[Watch]:
    async with open_engines(url) as engines:
        starter = StoredWorkStarter(engines, utc_now, lambda: None)
        yield Watch(engines, StoredReads(engines), starter)


def _undone(first: int, lines: int, done: bytes) -> frozenset[int]:
    return frozenset(first + n for n in range(lines) if not done[n >> 3] & 1 << (n & 7))
