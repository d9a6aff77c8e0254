"""What one worker does between its coming and its going, and all that it knows meanwhile."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil, inf

from domain.batches.batch import DRAIN, Batch, BatchReason
from domain.batches.ports import (
    Records,
    ShardClaims,
    Standstill,
    Target,
    Targets,
    WorkerReads,
)
from domain.batches.sending import ceiling
from domain.batches.sending.execution import Lane, Sending
from domain.batches.sending.run import Run
from domain.batches.worker.committing import Committing
from domain.batches.worker.presence import Presence
from domain.batches.worker.reading import Reading
from domain.batches.worker.standing import Standing
from domain.clock import Clock
from domain.errors import NotFound, SealBroken, UserError

LOOK_EVERY, COMMIT_EVERY, TELL_EVERY, PLACE_EVERY = 1.0, 0.5, 1.0, 5.0  # seconds
RUNS_AT_ONCE = 1_000
REST, AWAKE = 0.025, 0.075  # seconds, in turns
WINDOW = 5  # ticks of the lag, in which the ceiling shows what it is good for
CLAIM_SECONDS = 1.0  # of a shard, where the database is busy
CUT_BEFORE, CUT_BEFORE_PART = 1.0, 0.05  # the end of draining, to store what is back: s, or a part


@dataclass(eq=False, slots=True, kw_only=True)
class Shift:
    """`runs` by batch. `takes` says which batches are for this worker. `hinted`: something was decided
    about some batch, look now."""

    worker: str
    takes: Callable[[Batch], bool]
    reads: WorkerReads
    records: Records
    claims: ShardClaims
    targets: Targets
    clock: Clock
    sending: Sending
    reading: Reading
    committing: Committing
    presence: Presence
    standing: Standing
    runs: dict[str, Run] = field(default_factory=dict)
    hinted: bool = False
    _lanes: dict[int, Lane] = field(default_factory=dict)  # by id() of the target
    _lane_of: dict[str, Lane] = field(default_factory=dict)
    _watching: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _late: list[float] = field(default_factory=list)  # of this window
    _most: int = 0  # requests in flight in this window
    _next_look: float = 0.0
    _next_places: float = 0.0

    async def renew(self) -> float:
        was_open = self.sending.gate.is_open(self.sending.timer.now())
        pause = await self.presence.renew(self.runs.values())
        for run in list(self.runs.values()):
            await self._release(run, finished_only=True)
        self._fill()
        self.hinted |= not was_open
        self.sending.hungry.set()  # its shares may be others now
        return pause

    async def read(self) -> float:
        now = self.sending.timer.now()
        if self.hinted or now >= self._next_look:
            self.hinted, self._next_look = False, now + LOOK_EVERY
            await self._look()
        if self.sending.gate.is_open(now):
            wanting = [
                (run, self._lane_of[i]) for i, run in self.runs.items() if i in self._lane_of
            ]
            for run, lane in wanting:
                if _is_left_out(run, lane):
                    await self._hand_back(run)
            reading = (
                self.reading.more(run, _ahead(run, lane))
                for run, lane in wanting
                if not _is_left_out(run, lane)
            )
            failed = [
                e for e in await asyncio.gather(*reading, return_exceptions=True) if e is not True
            ]
            self._fill()
            if any(run.results and run.is_idle for run in self.runs.values()):
                self.sending.dry.set()
            for error in failed:
                if isinstance(error, BaseException):
                    raise error
        return LOOK_EVERY

    async def commit(self) -> float:
        was_full = not self.sending.gate.is_open(self.sending.timer.now())
        is_stored = await self.committing.commit(list(self.runs.values()))
        for run in list(self.runs.values()):
            self._heed(run)
            if run.is_over and run.is_idle and run.is_stored:
                await self._leave(run)
        if was_full:
            self._fill()
            self.sending.hungry.set()
        return COMMIT_EVERY if is_stored else LOOK_EVERY

    def felt(self, late: float) -> None:
        """Each tenth of a second: how late the loop was."""
        gate = self.sending.gate
        self._most = max(self._most, gate.in_flight)
        self._late.append(late)
        if len(self._late) < WINDOW:
            return
        before, mean = gate.room, sum(self._late) / WINDOW
        was_limited = gate.ceiling.limit is not None
        gate.ceiling = ceiling.after(gate.ceiling, mean, self._most)
        self._late, self._most = [], gate.in_flight
        if gate.ceiling.limit is not None and not was_limited:
            self.sending.late.set()
        if gate.room > max(before, 0):
            self._fill()

    async def rest(self) -> float:
        """Where sending takes all of the process, what stores results and takes new jobs waits for the
        interpreter at each step of a transaction."""
        gate = self.sending.gate
        is_late = gate.ceiling.limit is not None
        gate.rests = is_late and not gate.rests
        if gate.rests:
            return REST
        self._fill()
        return AWAKE if is_late else inf

    async def tell(self) -> float:
        await self.standing.tell([(run, self._lane_of.get(i)) for i, run in self.runs.items()])
        return TELL_EVERY

    async def end(self, within: float) -> None:
        """Nothing more is sent; what is back within so many seconds is stored, the rest is cut.

        Raises StorageUnavailable where the others have to wait for the leases' end."""
        self.sending.gate.is_closed = True
        flying = [task for run in self.runs.values() for task in run.flights]
        if flying and within:
            await asyncio.wait(flying, timeout=within)
        for lane in self._lanes.values():
            await lane.end()
        for task in self._watching.values():
            task.cancel()
        if self._watching:
            await asyncio.wait(self._watching.values())
        await self.committing.commit(list(self.runs.values()))
        await self.presence.leave()

    async def _look(self) -> None:
        found = await self.reads.batches.by_ids(list(self.runs)) if self.runs else {}
        for id_, run in list(self.runs.items()):
            if (batch := found.get(id_)) is None:
                run.drop(list(run.held.values()), self.sending.gate)
                run.stop(self.sending.gate)
            else:
                run.batch = batch
            self._heed(run)
        found_now = await self.reads.batches.runnable(RUNS_AT_ONCE, self.clock())
        runnable = [each for each in found_now if self.takes(each)]
        now = self.sending.timer.now()
        places_too = now >= self._next_places
        if places_too:
            self._next_places = now + PLACE_EVERY
        runs = [r for i, r in self.runs.items() if places_too or i not in self._lane_of]
        await asyncio.gather(*map(self._place, runs))
        await self._begin([each for each in runnable if each.id not in self.runs])
        await self._tidy({each.id for each in runnable})

    async def _begin(self, batches: Sequence[Batch]) -> None:
        if not batches:
            return
        files = await self.reads.files.by_ids({batch.input_file_id for batch in batches})
        for batch in batches:
            file = files.get(batch.input_file_id)
            run = Run(batch=batch, key=file.key if file else f"files/{batch.input_file_id}")
            run.share = self.presence.share(run)
            self.runs[batch.id] = run
        await asyncio.gather(*(self._place(self.runs[batch.id]) for batch in batches))

    async def _place(self, run: Run) -> None:
        """Give it to the lane of its target, which may be another one by now."""
        if run.is_over:
            return
        before = self._lane_of.get(run.batch.id)
        try:
            target = await self.targets.of(run.batch)
        except (UserError, SealBroken) as error:  # the key of an external endpoint
            target = Standstill(BatchReason.ENGINE_UNREACHABLE, error.message)
        if isinstance(target, Standstill):
            run.standstill = target
            self._out_of_lane(run)
            return
        lane = self._lane(target)
        if lane is not before:
            self._out_of_lane(run)
            run.standstill = None
            lane.runs.append(run)
            self._lane_of[run.batch.id] = lane
            lane.nudge()

    def _lane(self, target: Target) -> Lane:
        if (lane := self._lanes.get(id(target))) is None:
            lane = self._lanes[id(target)] = Lane(target, self.sending)
            self._watching[id(target)] = asyncio.create_task(lane.watch())
        return lane

    def _out_of_lane(self, run: Run) -> None:
        if (lane := self._lane_of.pop(run.batch.id, None)) is not None:
            lane.runs.remove(run)

    def _heed(self, run: Run) -> None:
        """What was decided about the batch: it ends, or pauses; or ends while it was paused."""
        batch = run.batch
        is_cut = run.is_ending and run.cut_at is None
        if not (is_cut or (batch.paused_at is not None and not run.is_over)):
            return
        if not run.is_over:
            run.stop(self.sending.gate)
        if is_cut:
            until = batch.drain_until or self.clock() + min(
                DRAIN, timedelta(seconds=batch.terms.request_timeout)
            )
            left = max(0.0, (until - self.clock()).total_seconds())
            left -= min(CUT_BEFORE, left * CUT_BEFORE_PART)  # then nothing is stored any more
            run.cut_at = self.sending.timer.now() + left
        if (lane := self._lane_of.get(batch.id)) is not None:
            lane.nudge()
        self.sending.dry.set()

    async def _leave(self, run: Run) -> None:
        """Nothing of it is left here."""
        await self._release(run)
        self._out_of_lane(run)
        del self.runs[run.batch.id]
        if run.is_ending and not run.batch.is_final:
            try:
                await self.records.look(run.batch.id)
            except NotFound:
                return

    async def _hand_back(self, run: Run) -> None:
        """Others may send what this worker may not, as soon as nothing of it is to be stored here."""
        if not run.held or run.flights or run.is_over or not run.is_stored:
            return
        shards = [held.shard for held in run.held.values()]
        run.drop(list(run.held.values()), self.sending.gate)
        await self.claims.release(self.worker, shards)

    async def _release(self, run: Run, *, finished_only: bool = False) -> None:
        shards = list(run.finished)
        if not finished_only:
            shards += [held.shard for held in run.held.values()]
        if shards:
            await self.claims.release(self.worker, shards)
            run.finished = run.finished[len(shards) :] if finished_only else []
            if not finished_only:
                run.held.clear()

    async def _tidy(self, runnable: Iterable[str]) -> None:
        """Batches with nothing left for this worker, and targets without batches."""
        wanted = set(runnable)
        for id_, run in list(self.runs.items()):
            is_done = run.is_idle and run.is_stored and not run.held
            if is_done and not run.is_over and id_ not in wanted:
                await self._leave(run)
        for key, lane in list(self._lanes.items()):
            if not lane.runs and not lane.in_flight:
                del self._lanes[key]
                watching = self._watching.pop(key)
                watching.cancel()
                await asyncio.wait({watching})

    def _fill(self) -> None:
        for lane in self._lanes.values():
            lane.fill()


def _is_left_out(run: Run, lane: Lane) -> bool:
    """Whether it has no share of what may be sent, of the batch's or at its target."""
    return run.share == 0 or lane.target.is_left_out()


def _ahead(run: Run, lane: Lane) -> int:
    """How many lines are sent before more of them can be here: a slow claim takes a second."""
    limit = lane.tempo.limit
    at_once = limit if run.share is None else min(limit, run.share)
    return at_once + ceil(lane.tempo.rate * CLAIM_SECONDS)
