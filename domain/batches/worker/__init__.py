"""A worker: it takes shards of batches, has their requests answered, and stores what came back.

    runnable batches ─▶ shards ─▶ lines ─▶ lanes (one a target) ─▶ results ─▶ group commits
          ▲ each second, and as the event log hints                               │ twice a second
          └──────────────── what was decided meanwhile ◀──────────────────────────┘

Everything it knows it has from the database and loses with the process; what is stored counts.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from domain.batches.batch import Batch, runs_in_pods
from domain.batches.input.lines import Json
from domain.batches.ports import (
    Following,
    Inference,
    Records,
    ShardClaims,
    Targets,
    WorkerObjects,
    WorkerReads,
    Workers,
)
from domain.batches.sending import pace
from domain.batches.sending.execution import Sending
from domain.batches.worker.committing import Committing
from domain.batches.worker.lag import Lag
from domain.batches.worker.presence import Presence
from domain.batches.worker.reading import Reading
from domain.batches.worker.sharing import Roster
from domain.batches.worker.shift import Shift
from domain.batches.worker.standing import Standing
from domain.clock import Clock, Timer
from domain.errors import CursorExpired, CursorUnknown, StorageUnavailable
from domain.events import Scope
from domain.ids import NewId
from domain.logger import Logger
from domain.rounds import AFTER_TROUBLE, Rounds

LEASE = timedelta(seconds=15)
HINTS = frozenset(
    {
        "BatchJobCreated",
        "BatchJobStatusChanged",
        "BatchJobPlaced",
        "BatchJobPaused",
        "BatchJobResumed",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """`roster` is shared with the targets, which divide their room by it. `most` requests at one
    target are in flight at once; `stop_seconds` is how long those have at the end before they are
    cut. `takes` says which batches are this worker's at all."""

    roster: Roster  # of which its name is
    reads: WorkerReads
    records: Records
    log: Following
    workers: Workers
    shard_claims: ShardClaims
    objects: WorkerObjects
    targets: Targets
    inference: Inference
    json: Json
    clock: Clock
    timer: Timer
    new_id: NewId
    chance: Callable[[], float]
    logger: Logger
    lease: timedelta = LEASE
    most: int = pace.MOST
    stop_seconds: float = 2.0
    lag: Lag = field(default_factory=Lag)
    takes: Callable[[Batch], bool] = lambda batch: not runs_in_pods(batch)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Until the block ends; then nothing more is sent, what there is is stored, and all that it
        held is given back."""
        shift = self._shift()
        rounds = self._rounds(shift)
        hearing = asyncio.create_task(self._hear(shift))
        working = [asyncio.create_task(each.run(), name=each.name) for each in rounds]
        try:
            with self.lag.measured(shift.felt):
                yield
        finally:
            for each in rounds:
                each.end()
            hearing.cancel()
            await asyncio.gather(hearing, *working, return_exceptions=True)
            await self._end(shift)

    def _shift(self) -> Shift:
        sending = Sending(
            inference=self.inference,
            json=self.json,
            timer=self.timer,
            chance=self.chance,
            lag=self.lag,
            logger=self.logger,
            most=self.most,
        )
        gate = sending.gate
        return Shift(
            worker=self.roster.crew.me,
            takes=self.takes,
            reads=self.reads,
            records=self.records,
            claims=self.shard_claims,
            targets=self.targets,
            clock=self.clock,
            sending=sending,
            reading=Reading(
                claims=self.shard_claims,
                objects=self.objects,
                json=self.json,
                clock=self.clock,
                worker=self.roster.crew.me,
                lease=self.lease,
                gate=gate,
            ),
            committing=Committing(
                records=self.records,
                objects=self.objects,
                new_id=self.new_id,
                logger=self.logger,
                gate=gate,
            ),
            presence=Presence(
                workers=self.workers,
                claims=self.shard_claims,
                worker=self.roster.crew.me,
                lease=self.lease,
                clock=self.clock,
                timer=self.timer,
                gate=gate,
                roster=self.roster,
            ),
            standing=Standing(records=self.records, timer=self.timer, gate=gate),
        )

    def _rounds(self, shift: Shift) -> Sequence[Rounds]:
        again = partial(Rounds, timer=self.timer, logger=self.logger)
        sending = shift.sending
        return (
            again(name="batch presence", act=shift.renew),
            again(name="batch reading", act=shift.read, nudged=sending.hungry),
            again(name="batch commits", act=shift.commit, nudged=sending.dry),
            again(name="batch standing", act=shift.tell),
            again(name="batch rests", act=shift.rest, nudged=sending.late),
        )

    async def _hear(self, shift: Shift) -> None:
        """Hints: losing one costs a second."""
        never = asyncio.Event()
        while True:
            try:
                async with aclosing(self.log.follow(None, Scope(types=HINTS))) as events:
                    async for _ in events:
                        shift.hinted = True
                        shift.sending.hungry.set()
                return
            except (CursorExpired, CursorUnknown):
                continue
            except Exception:  # the loop's edge
                self.logger.exception("the event log can't be heard")
                await self.timer.wait(never, AFTER_TROUBLE)

    async def _end(self, shift: Shift) -> None:
        try:
            await shift.end(self.stop_seconds)
        except StorageUnavailable as error:
            self.logger.warning("shards are left to their leases", problem=error.problem)
