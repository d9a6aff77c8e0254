"""The loop that brings batches from one status to the next, and tears down what was made for them.

    take claims ─▶ load ─▶ course.step ─▶ do it, under the claim ─┐
                    ▲                                             │
                    └───────────── until it rests ◀───────────────┘─▶ give the claim back, with a time

Each claim is a task of its own: a long validation delays no other batch. A claim that is lost ends its
task at once; and whatever that had written, no row names it, and it is removed.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.batches.batch import BatchReason
from domain.batches.input.lines import Json
from domain.batches.input.requests import Limits
from domain.batches.ports import BatchClaims, Claim
from domain.batches.tending.acting import Acting, Provider, Rest
from domain.batches.tending.areas import Areas
from domain.batches.tending.changing import Changes, ClaimLost
from domain.batches.tending.finalising import Finalising
from domain.batches.tending.hints import Hints
from domain.batches.tending.validating import Validating
from domain.clock import Clock, Timer
from domain.errors import (
    ModelyardError,
    NoKubernetes,
    StorageFull,
    StorageUnavailable,
    UserError,
)
from domain.files.ports import Objects
from domain.ids import NewId
from domain.logger import Logger
from domain.rounds import Rounds
from domain.setbacks import Setbacks
from domain.work import EventLog, Reads, StartWork

LEASE = timedelta(seconds=15)
TAKE_EVERY = 1.0
CLAIMS = 64  # at once
STOP_SECONDS = 10.0


@dataclass(slots=True, kw_only=True)
class Tending:
    """One worker's. `worker` is the id under which it registers with `Workers`."""

    worker: str
    claims: BatchClaims
    reads: Reads
    start_work: StartWork
    log: EventLog
    objects: Objects
    provider: Provider
    json: Json
    limits: Limits
    clock: Clock
    timer: Timer
    new_id: NewId
    logger: Logger
    lease: timedelta = LEASE
    no_jobs: UserError | None = field(default_factory=NoKubernetes)
    _changes: Changes = field(init=False)
    _areas: Areas = field(init=False)
    _acting: Acting = field(init=False)
    _setbacks: Setbacks = field(default_factory=Setbacks)
    _nudged: asyncio.Event = field(default_factory=asyncio.Event)
    _under_way: dict[Claim, "Held"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._changes = Changes(self.start_work)
        self._areas = Areas(reads=self.reads, start_work=self.start_work, objects=self.objects)
        self._acting = Acting(
            reads=self.reads,
            changes=self._changes,
            validating=Validating(
                reads=self.reads,
                objects=self.objects,
                changes=self._changes,
                json=self.json,
                limits=self.limits,
                no_jobs=self.no_jobs,
                clock=self.clock,
            ),
            finalising=Finalising(
                reads=self.reads,
                objects=self.objects,
                changes=self._changes,
                json=self.json,
                clock=self.clock,
                new_id=self.new_id,
            ),
            areas=self._areas,
            provider=self.provider,
            clock=self.clock,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Until the block ends; what is under way then is left as it is, for whoever comes next."""
        all_rounds = self._rounds()
        tasks = [asyncio.create_task(rounds.run(), name=rounds.name) for rounds in all_rounds]
        hearing = asyncio.create_task(self._hints().hear(), name="tending hints")
        try:
            yield
        finally:
            for rounds in all_rounds:
                rounds.end()
            hearing.cancel()
            await asyncio.gather(*tasks, hearing, return_exceptions=True)
            await self._stop()

    def _rounds(self) -> Sequence[Rounds]:
        timer, logger = self.timer, self.logger
        return (
            Rounds(name="tending", act=self.act, nudged=self._nudged, timer=timer, logger=logger),
            Rounds(name="tending claims", act=self.renew, timer=timer, logger=logger),
        )

    def _hints(self) -> Hints:
        return Hints(
            log=self.log,
            start_work=self.start_work,
            provisioning=self._acting.provisioning,
            nudged=self._nudged,
            clock=self.clock,
            timer=self.timer,
            logger=self.logger,
        )

    async def act(self) -> float:
        """Take what is due, as far as there is room."""
        room = CLAIMS - len(self._under_way)
        if room > 0:
            now, until = self.clock(), self.timer.now() + self._seconds
            end = now + self.lease
            for claim in await self.claims.take(self.worker, now, end, room):
                task = asyncio.create_task(self._tend(claim), name=f"tending {claim.batch_id}")
                self._under_way[claim] = Held(task, until)
        return TAKE_EVERY

    async def renew(self) -> float:
        """A claim that was not renewed in its time is as good as lost, too."""
        if not self._under_way:
            return self._seconds / 3
        claims = list(self._under_way)
        now = self.timer.now()
        try:
            end = self.clock() + self.lease
            kept = await self.claims.renew(self.worker, claims, end)
        except StorageUnavailable:
            await self._drop([c for c in claims if c in self._under_way and self._is_over(c)])
            raise
        for claim in claims:
            if claim.batch_id in kept and claim in self._under_way:
                self._under_way[claim].until = now + self._seconds
        await self._drop([c for c in claims if c.batch_id not in kept])
        return self._seconds / 3

    @property
    def _seconds(self) -> float:
        return self.lease.total_seconds()

    def _is_over(self, claim: Claim) -> bool:
        return self._under_way[claim].until <= self.timer.now()

    async def _tend(self, claim: Claim) -> None:
        try:
            rest = await self._attempt(claim)
            if rest is not None:
                await self.claims.release(claim, rest.until)
        except StorageUnavailable as error:
            said = {"batch": claim.batch_id, "problem": error.problem}
            self.logger.warning("a claim is left to run out", **said)
        except Exception:  # the loop's edge
            self.logger.exception("a claim could not be given back", batch=claim.batch_id)
        finally:
            self._under_way.pop(claim, None)
            self._nudged.set()

    async def _attempt(self, claim: Claim) -> Rest | None:
        """None: the claim is another worker's."""
        try:
            rest = await self._acting.act(claim)
        except ClaimLost:
            self.logger.warning("a claim was lost", batch=claim.batch_id)
            await self._discard(claim)
            return None
        except StorageFull as error:
            return await self._held_up(claim, BatchReason.STORAGE_FULL, error)
        except StorageUnavailable as error:
            return await self._held_up(claim, BatchReason.STORAGE_UNAVAILABLE, error)
        except ModelyardError as error:
            self.logger.exception("a batch lacks what should be stored", batch=claim.batch_id)
            return await self._held_up(claim, BatchReason.STORAGE_UNAVAILABLE, error)
        except Exception:  # the loop's edge: its fault is nobody else's
            self.logger.exception("a batch could not be tended", batch=claim.batch_id)
            await self._discard(claim)
            return Rest(self._later(claim))
        self._setbacks.clear(claim.batch_id)
        return rest

    async def _held_up(self, claim: Claim, reason: BatchReason, error: ModelyardError) -> Rest:
        """It is told why, and tried again."""
        later = self._later(claim)
        said = {"batch": claim.batch_id, "problem": error.message}
        self.logger.warning("a batch is held up", **said)
        try:
            await self._acting.held_up(claim, reason, error.message)
        except (StorageUnavailable, ClaimLost) as other:
            self.logger.warning("nobody could be told", batch=claim.batch_id, problem=other.message)
        await self._discard(claim)
        return Rest(later)

    def _later(self, claim: Claim) -> datetime:
        wait = self._setbacks.add(claim.batch_id, self.timer.now())
        return self.clock() + timedelta(seconds=wait)

    async def _drop(self, claims: Collection[Claim]) -> None:
        """They are not this worker's any more."""
        tasks = [held.task for claim in claims if (held := self._under_way.get(claim))]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for claim in claims:
            self.logger.warning("a claim was lost", batch=claim.batch_id)
            await self._discard(claim)

    async def _discard(self, claim: Claim) -> None:
        """What it began. Where that can't be done, tearing down or a sweep will do it."""
        try:
            await self._areas.discard(claim)
        except (StorageUnavailable, StorageFull) as error:
            said = {"batch": claim.batch_id, "problem": error.problem}
            self.logger.warning("what was begun for a batch is left", **said)

    async def _stop(self) -> None:
        claims = list(self._under_way)
        tasks = [self._under_way[claim].task for claim in claims]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                for claim in claims:
                    await self._discard(claim)
                    await self.claims.release(claim, self.clock())
        except (StorageUnavailable, TimeoutError):
            self.logger.warning("claims are left to run out", claims=len(claims))


@dataclass(slots=True)
class Held:
    """`until` is the timer's."""

    task: asyncio.Task[None]
    until: float
