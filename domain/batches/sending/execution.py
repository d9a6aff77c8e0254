"""Sending: the requests of all batches at one target, as fast as it answers.

    ready lines ─turn─▶ seat ▶ ask ─┬─ an answer ──▶ result, to be stored
         ▲                          ├─ once more ──▶ waits
         └──────── due ─────────────┴─ nobody there ▶ its seat is left alone for a while

As many senders as the pace allows; each takes one line after the other, and ends where it finds none.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from math import inf

from domain.batches.batch import BatchReason
from domain.batches.input import lines
from domain.batches.input.lines import Answered, Asked, Json
from domain.batches.ports import Inference, Reply, Seat, Standstill, Target
from domain.batches.sending import pace, turns
from domain.batches.sending.retrying import (
    Again,
    Blame,
    Situation,
    Trouble,
    after_failure,
    after_reply,
    is_final,
    troubled,
)
from domain.batches.sending.run import Gate, Line, Result, Run
from domain.batches.sending.tempo import Tempo
from domain.clock import Timer
from domain.errors import Interrupted, ModelyardError, RequestTimeout, ResponseTooLarge, Unreachable
from domain.logger import Logger

ANSWER_LIMIT = 16 * 1024 * 1024
LOOK_EVERY = 1.0  # where something stands still, and nobody says that it goes on
FAILURES = (Unreachable, Interrupted, RequestTimeout, ResponseTooLarge)
BUSY = "The engine answers that it has too many requests. It is asked again."
OUT_OF_REACH = "The engine can't be reached, or answers that it is unavailable. It is asked again."
MALFORMED = (ValueError, KeyError, TypeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What all lanes of a worker share. `hungry` and `dry` are set where a batch needs more lines, and
    where one has nothing left but results to store; `late` where sending begins to take all of the
    process. `lag` is how late this process's loop is, in seconds."""

    inference: Inference
    json: Json
    timer: Timer
    chance: Callable[[], float]
    lag: Callable[[], float]
    logger: Logger
    gate: Gate = field(default_factory=Gate)
    most: int = pace.MOST
    hungry: asyncio.Event = field(default_factory=asyncio.Event)
    dry: asyncio.Event = field(default_factory=asyncio.Event)
    late: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False, slots=True)
class Lane:
    """One target, and the batches that run there."""

    target: Target
    sending: Sending
    runs: list[Run] = field(default_factory=list)
    tempo: Tempo = field(init=False)
    in_flight: int = 0
    present: float = 0.0  # of the batches' turns
    troubles: dict[str, Trouble] = field(default_factory=dict)
    answered_at: dict[str, float] = field(default_factory=dict)
    _senders: set[asyncio.Task[None]] = field(default_factory=set)
    _nudged: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.tempo = Tempo(self.sending.most)

    def fill(self) -> None:
        """Have as many senders as may send."""
        if not self.sending.gate.is_open(self.sending.timer.now()):
            return
        idle = len(self._senders) - self.in_flight  # they take a line when it is their turn
        room = sum(run.room for run in self.runs) - idle
        wanted = min(room, self.tempo.limit - len(self._senders), self.sending.gate.room - idle)
        for _ in range(min(wanted, self.target.room()) if wanted > 0 else 0):
            task = asyncio.create_task(self._send())
            self._senders.add(task)
            task.add_done_callback(self._ended)

    async def watch(self) -> None:
        """Until it is cancelled: what was put off is sent when its time has come."""
        changes = asyncio.create_task(self._follow())
        timer = self.sending.timer
        try:
            while True:
                self._nudged.clear()
                now = timer.now()
                for run in self.runs:
                    if run.cut_at is not None and run.cut_at <= now:
                        run.cut()
                    run.wake(now)
                self.fill()
                await timer.wait(self._nudged, self._next_look(now) - now)
        finally:
            changes.cancel()
            await asyncio.wait({changes})

    async def end(self) -> None:
        """Nothing in flight any more: what is, is cut."""
        for task in self._senders:
            task.cancel()
        if self._senders:
            await asyncio.wait(self._senders)

    def nudge(self) -> None:
        self._nudged.set()

    def standstill(self, run: Run) -> Standstill | None:
        """Why nothing of the batch is sent now, although it could be."""
        seat = self.target.seat(run.batch.endpoint, self._avoided())
        if isinstance(seat, Standstill):
            return None if run.flights else seat
        trouble = self.troubles.get(seat.id)
        if trouble is None:
            return None
        busy = trouble.reason is BatchReason.ENGINE_BUSY
        return Standstill(trouble.reason, BUSY if busy else OUT_OF_REACH)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._senders.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.sending.logger.warning("a sender failed", problem=repr(error))

    async def _follow(self) -> None:
        while True:
            try:
                await self.target.changed()
            except Exception:  # the loop's edge
                self.sending.logger.exception("a target's changes can't be heard")
                await self.sending.timer.wait(asyncio.Event(), LOOK_EVERY)
            self.fill()

    def _next_look(self, now: float) -> float:
        """The next moment at which something is due."""
        dues = [due for run in self.runs for due in (run.wakes_at(), run.cut_at) if due is not None]
        dues += [each.until for each in self.troubles.values()]
        dues = [due for due in dues if due > now]
        if any(run.ready for run in self.runs):
            dues.append(now + LOOK_EVERY)
        return min(dues, default=inf)

    async def _send(self) -> None:
        task, timer, gate = asyncio.current_task(), self.sending.timer, self.sending.gate
        assert task is not None
        while (found := self._next(timer.now())) is not None:
            run, line, seat = found
            try:
                asked = lines.asked(line.text, self.sending.json)
                body = lines.sent(asked, seat, self.sending.json)
            except MALFORMED:
                self._done(run, line, self._unreadable(run, line))
                continue
            expected = len(body) + run.answer_size
            run.flights[task] = line
            self.in_flight += 1
            gate.in_flight += 1
            self.tempo.sent(self.in_flight)
            gate.used += expected
            sent_at = timer.now()
            try:
                await self._ask(run, line, seat, asked, body)
            except asyncio.CancelledError:
                self._cut(run, line)
                raise
            except FAILURES as error:
                self._failed(run, line, seat, asked, error, sent_at)
            except Exception as error:  # the loop's edge: no line is lost
                self.sending.logger.exception("a request failed, nobody knows why")
                unforeseen = Interrupted(where=seat.url, problem=repr(error))
                self._failed(run, line, seat, asked, unforeseen, sent_at)
            finally:
                gate.used -= expected
                self.in_flight -= 1
                gate.in_flight -= 1
                del run.flights[task]
                self._settle(run)

    def _next(self, now: float) -> tuple[Run, Line, Seat] | None:
        """The line whose turn it is, and its seat. Nothing is awaited from here until that is taken."""
        gate = self.sending.gate
        if self.in_flight >= self.tempo.limit or gate.room <= 0 or not gate.is_open(now):
            return None
        waiting = [run for run in self.runs if run.room]
        while (run := turns.first(waiting)) is not None:
            line = run.ready[0]
            seat = self._seat(run, line, now)
            if seat is None:
                waiting.remove(run)
                continue
            run.ready.popleft()
            present, run.turn = max(run.turn, self.present), turns.next_turn(run, self.present)
            self.present = present
            if run.wants_more and len(run.ready) < run.low:
                run.wants_more = False
                self.sending.hungry.set()
            return run, line, seat
        return None

    def _seat(self, run: Run, line: Line, now: float) -> Seat | None:
        avoid: Collection[str] = self._avoided() | line.avoid if self.troubles else line.avoid
        seat = self.target.seat(run.batch.endpoint, avoid)
        if isinstance(seat, Standstill):
            return None
        trouble = self.troubles.get(seat.id) if self.troubles else None
        return seat if trouble is None or trouble.until <= now else None

    def _avoided(self) -> frozenset[str]:
        now = self.sending.timer.now()
        return frozenset(seat for seat, each in self.troubles.items() if each.until > now)

    async def _ask(self, run: Run, line: Line, seat: Seat, asked: Asked, body: bytes) -> None:
        sent_at, seconds = self.sending.timer.now(), run.batch.terms.request_timeout
        with self.target.taken(seat):
            reply = await self.sending.inference.ask(
                seat.url, seat.headers, body, seconds, ANSWER_LIMIT
            )
        if not is_final(reply.status):
            again = after_reply(reply, self._situation(run, line, seat, sent_at))
            if again is not None:
                self._once_more(run, line, seat, again, sent_at)
                return
        self._answered(run, line, seat, asked, reply, sent_at)

    def _failed(
        self, run: Run, line: Line, seat: Seat, asked: Asked, error: ModelyardError, sent_at: float
    ) -> None:
        verdict = after_failure(error, self._situation(run, line, seat, sent_at))
        if isinstance(verdict, Again):
            self._once_more(run, line, seat, verdict, sent_at)
            return
        told = (verdict.code, verdict.message)
        own = _id(run, line)
        self._done(run, line, lines.unanswered(own, asked.custom_id, *told, self.sending.json))

    def _situation(self, run: Run, line: Line, seat: Seat, sent_at: float) -> Situation:
        return Situation(
            tries=line.tries,
            retry=run.batch.terms.retry,
            others_answered=self.answered_at.get(seat.id, -inf) > sent_at,
            chance=self.sending.chance(),
        )

    def _answered(
        self, run: Run, line: Line, seat: Seat, asked: Asked, reply: Reply, sent_at: float
    ) -> None:
        now = run.moved_at = self.sending.timer.now()
        if reply.status < 500:
            self.answered_at[seat.id] = now
            if self.troubles:
                self.troubles.pop(seat.id, None)
        run.answer_size += (len(reply.body) - run.answer_size) // 8
        answered = lines.answered(_id(run, line), asked, seat, reply, self.sending.json)
        self._done(run, line, answered)
        if self.tempo.answered(sent_at, now, self.in_flight, self.sending.lag):
            self.fill()
            self.sending.hungry.set()  # a faster pace wants more lines ahead

    def _once_more(self, run: Run, line: Line, seat: Seat, again: Again, sent_at: float) -> None:
        now = self.sending.timer.now()
        line.tries = again.tries
        if again.blame is Blame.REQUEST:
            line.avoid = line.avoid | {seat.id}
        else:
            before = self.troubles.get(seat.id)
            chance = self.sending.chance()
            self.troubles[seat.id] = troubled(before, again, sent_at, now, chance)
            if again.blame is Blame.LOAD:
                self.tempo.pushed_back(sent_at, now, self.in_flight)
            elif len(self._avoided()) == len(self.answered_at.keys() | self.troubles.keys()):
                self.tempo.begins_anew(sent_at, now, self.in_flight)
        if run.is_over or line.held.is_lost:
            self.sending.gate.used -= len(line.text)
        else:
            run.wait(line, now + again.after)
            self.nudge()

    def _done(self, run: Run, line: Line, answered: Answered) -> None:
        gate = self.sending.gate
        gate.used -= len(line.text)
        if not line.held.is_lost:
            gate.used += len(answered.line)
            run.results.append(Result(line.held, line.index, answered))

    def _cut(self, run: Run, line: Line) -> None:
        """What was in flight is sent again, if the batch goes on; that costs nothing."""
        if run.is_over or line.held.is_lost:
            self.sending.gate.used -= len(line.text)
        else:
            run.ready.appendleft(line)

    def _settle(self, run: Run) -> None:
        if run.is_idle and (run.results or run.is_over):
            self.sending.dry.set()

    def _unreadable(self, run: Run, line: Line) -> Answered:
        code, message = lines.INPUT_UNAVAILABLE, "The line is no longer what was validated."
        return lines.unanswered(_id(run, line), None, code, message, self.sending.json)


def _id(run: Run, line: Line) -> str:
    return lines.request_id(run.batch.id, line.held.shard.first + line.index)
