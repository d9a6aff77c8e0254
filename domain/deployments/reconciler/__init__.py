"""The loop that closes the gap between what is wanted and what runs.

    user's commit ──event──▶ hinted ─┐
    driver, gateways ─────▶ hinted ──┼─▶ load ▶ observe ▶ decide ▶ write under the lease ▶ act
    due times, each second ▶ swept ──┘     └────── again, until nothing changes ───────┘

It works on what is there, not on what happened: a hint only makes it sooner. A row is committed
before the driver is told, so that whoever comes after a crash finds in the rows what to repeat.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from math import inf

from domain.clock import Clock, Timer
from domain.deployments.ports import Driver, Gateways
from domain.deployments.reconciler.agenda import Agenda, Lane
from domain.deployments.reconciler.barriers import Barriers
from domain.deployments.reconciler.hints import Hints
from domain.deployments.reconciler.loading import InPlace, Loader
from domain.deployments.reconciler.passes import Decide, Passes, Present
from domain.deployments.reconciler.stop_all import Ending
from domain.deployments.reconciler.tenure import RENEW_EVERY, Tenure
from domain.deployments.situation import Patience
from domain.errors import StorageUnavailable
from domain.ids import NewId
from domain.logger import Logger
from domain.rounds import AFTER_TROUBLE, Rounds
from domain.setbacks import Setbacks
from domain.work import EventLog, Reads, StartWork

SWEEP_EVERY = 1.0
SWEPT_AT_ONCE = 1_000
REPORTS_EVERY = 0.2  # while somebody waits for gateways
UPKEEP_EVERY = 60.0
STOP_SECONDS = 10.0
WORKERS: Mapping[Lane, int] = {Lane.HINTED: 8, Lane.SWEPT: 2}
BATCH: Mapping[Lane, int] = {Lane.HINTED: 16, Lane.SWEPT: 64}
ROOM: Mapping[Lane, int] = {Lane.HINTED: 12, Lane.SWEPT: 4}  # that write and act at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """One control plane's. `prune` forgets replicas that exited long ago. `others` are done again and
    again beside its own rounds, each after as many seconds as it says, by name."""

    reads: Reads
    start_work: StartWork
    log: EventLog
    tenure: Tenure
    gateways: Gateways
    driver: Driver
    decide: Decide
    in_place: InPlace
    patience: Patience
    clock: Clock
    timer: Timer
    new_id: NewId
    logger: Logger
    prune: Callable[[], Awaitable[int]]
    others: Mapping[str, Callable[[], Awaitable[float]]] = field(default_factory=dict)
    _agenda: Agenda = field(default_factory=Agenda)
    _barriers: Barriers = field(default_factory=Barriers)
    _setbacks: Setbacks = field(default_factory=Setbacks)
    _present: Present = field(default_factory=Present)
    _unseen: set[int] = field(default_factory=set)  # shards that came, and what runs there did not
    _gained: asyncio.Event = field(default_factory=asyncio.Event)
    _ending: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def running(self, *, stop_replicas: bool = False) -> AsyncIterator[None]:
        """Until the block ends; passes under way end first, then the leases are given back.

        The replicas run on, if they are not to stop too."""
        passes = self._passes()
        all_rounds = self._rounds(passes)
        hints = Hints(
            log=self.log,
            driver=self.driver,
            agenda=self._agenda,
            setbacks=self._setbacks,
            timer=self.timer,
            logger=self.logger,
        )
        listening = [asyncio.create_task(hints.hear()), asyncio.create_task(hints.watch())]
        working = [asyncio.create_task(rounds.run(), name=rounds.name) for rounds in all_rounds]
        for lane, room in ((lane, asyncio.Semaphore(ROOM[lane])) for lane in Lane):
            working += [
                asyncio.create_task(self._work(passes, lane, room)) for _ in range(WORKERS[lane])
            ]
        try:
            yield
        finally:
            for rounds in all_rounds:
                rounds.end()
            self._agenda.close()
            self._ending.set()
            await _ended(listening, 0.0)
            await _ended(working, STOP_SECONDS)
            try:
                if stop_replicas:
                    await self._end_replicas()
            finally:
                await self._leave()

    def _passes(self) -> Passes:
        loader = Loader(
            reads=self.reads,
            log=self.log,
            driver=self.driver,
            tenure=self.tenure,
            barriers=self._barriers,
            in_place=self.in_place,
            patience=self.patience,
        )
        return Passes(
            loader=loader,
            start_work=self.start_work,
            decide=self.decide,
            clock=self.clock,
            timer=self.timer,
            new_id=self.new_id,
            agenda=self._agenda,
            barriers=self._barriers,
            setbacks=self._setbacks,
            present=self._present,
            logger=self.logger,
        )

    def _rounds(self, passes: Passes) -> Sequence[Rounds]:
        again = partial(Rounds, timer=self.timer, logger=self.logger)
        return (
            again(name="leases", act=partial(self._renew, passes)),
            again(name="due", act=self._sweep, nudged=self._gained),
            again(name="gateways", act=self._hear_gateways, nudged=self._barriers.added),
            again(name="upkeep", act=self._upkeep),
            *(again(name=name, act=act) for name, act in self.others.items()),
        )

    async def _work(self, passes: Passes, lane: Lane, room: asyncio.Semaphore) -> None:
        while causes := await self._agenda.take(lane, BATCH[lane]):
            try:
                await passes.over(causes, room)
            except StorageUnavailable as error:
                self.logger.warning("passes wait for the database", problem=error.problem)
                await self.timer.wait(self._ending, AFTER_TROUBLE)
            except Exception:  # the loop's edge
                self.logger.exception("passes failed", deployments=len(causes))
                await self.timer.wait(self._ending, AFTER_TROUBLE)
            finally:
                self._agenda.done(causes)

    async def _renew(self, passes: Passes) -> float:
        """What came is kept in mind until what runs there is on the agenda: the database may go away
        in between."""
        handover = await self.tenure.renew()
        self._unseen.difference_update(handover.lost)
        self._unseen.update(handover.gained)
        if handover.lost:
            passes.forget()
            replicas = self._present.take(handover.lost)
            self._barriers.keep(replicas, ())
            await self.driver.release(replicas)
        if self._unseen:
            self._gained.set()
            self._agenda.sweep(await self.reads.due.running(self._unseen))
            self._unseen.clear()
        return RENEW_EVERY

    async def _sweep(self) -> float:
        """The due ones. Those that wait for themselves are put off, lest they hide others."""
        shards, now = self.tenure.shards(), self.clock()
        due = await self.reads.due.due(shards, now, SWEPT_AT_ONCE) if shards else ()
        left = {d: self._setbacks.left(d.deployment_id, self.timer.now()) for d in due}
        waiting = [(d, now + timedelta(seconds=wait)) for d, wait in left.items() if wait]
        ready = [d.deployment_id for d, wait in left.items() if not wait]
        self._agenda.sweep([*self._setbacks.over(self.timer.now()), *ready])
        await self.reads.due.postpone(waiting)
        if len(due) < SWEPT_AT_ONCE:
            return SWEEP_EVERY
        await self._agenda.swept()
        return 0.0

    async def _hear_gateways(self) -> float:
        if self._barriers.are_waited_for:
            reports = await self.gateways.living(self.clock())
            for deployment_id in self._barriers.hear(reports):
                self._agenda.hint(deployment_id, "gateways")
        return REPORTS_EVERY if self._barriers.are_waited_for else inf

    async def _upkeep(self) -> float:
        if ended := await self.driver.sweep():
            self.logger.warning("processes that no replica owns were ended", processes=ended)
        await self.prune()
        return UPKEEP_EVERY

    async def _end_replicas(self) -> None:
        ending = Ending(
            reads=self.reads,
            start_work=self.start_work,
            driver=self.driver,
            tenure=self.tenure,
            patience=self.patience,
            clock=self.clock,
            timer=self.timer,
        )
        try:
            if left := await ending.end_all():
                self.logger.warning("replicas did not end", replicas=left)
        except StorageUnavailable as error:
            self.logger.warning("replicas could not be ended", problem=error.problem)

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.tenure.leave()
        except (StorageUnavailable, TimeoutError):
            self.logger.warning("leases are left to run out")


async def _ended(tasks: Sequence[asyncio.Task[None]], within: float) -> None:
    """By themselves, or else cancelled."""
    _, late = await asyncio.wait(tasks, timeout=within)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
