"""A batch as one worker runs it: what it has of it, and what it still has to do."""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from sys import maxsize

from domain.batches.batch import Batch, BatchStatus
from domain.batches.input.lines import Answered
from domain.batches.ports import Standstill
from domain.batches.sending.ceiling import NONE, Ceiling
from domain.batches.sending.retrying import Tries
from domain.batches.shard import BYTES_LIMIT, Progress, Shard

BUDGET = 64 * 1024 * 1024
READ_AHEAD = 9 * 1024 * 1024  # of it, in lines: two shards at most; the rest is for answers
FIRST_GUESS = 2_048  # bytes of an answer
UNTRIED = Tries()


@dataclass(eq=False, slots=True)
class Gate:
    """What keeps a worker from sending anything, to whatever target.

    `used` bytes are held in memory: lines read ahead, requests in flight and what they will bring,
    answers not yet stored; `coming` are those of lines that are being fetched, at most.
    `in_flight` counts the requests to all targets, which the ceiling is for; `rests`: nothing is sent for a
    moment, so that others have their turn.
    `trusted_until` is in the timer's seconds: as long as that its leases hold.
    """

    trusted_until: float = 0.0
    trouble: Standstill | None = None  # results can't be stored
    used: int = 0
    coming: int = 0
    in_flight: int = 0
    ceiling: Ceiling = NONE
    rests: bool = False
    is_closed: bool = False

    @property
    def room(self) -> int:
        """How many more requests may be in flight."""
        if self.rests:
            return 0
        limit = self.ceiling.limit
        return maxsize if limit is None else limit - self.in_flight

    def is_open(self, now: float) -> bool:
        return (
            not self.is_closed
            and self.trouble is None
            and self.used < BUDGET
            and now < self.trusted_until
        )


@dataclass(eq=False, slots=True)
class Held:
    """A shard under this worker's token, as it is stored. `is_lost`: somebody else has it by now."""

    shard: Shard
    is_lost: bool = False


@dataclass(eq=False, slots=True)
class Line:
    """A request to do. `index` counts within its shard; `avoid` are seats that died over it."""

    held: Held
    index: int
    text: bytes
    tries: Tries = UNTRIED
    avoid: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Result:
    held: Held
    index: int
    answered: Answered


@dataclass(eq=False, slots=True)
class Commit:
    """Results on their way into the store. `is_doubtful`: a transaction with them failed in a way that
    does not tell whether it was kept. `is_full`: others had to wait for the next."""

    key: str
    parts: list[tuple[Held, Progress]]
    content: bytes
    is_put: bool = False
    is_doubtful: bool = False
    is_full: bool = False


@dataclass(eq=False, slots=True, kw_only=True)
class Run:
    """`share` is what this worker has of the batch's max_concurrency (None: there is no limit).

    `unread` shards could not be read yet; `finished` ones are stored to the last line, and still held.
    `is_over`: nothing new is sent for it; it ends when what is in flight is back and stored.
    """

    batch: Batch
    key: str  # the input's object
    share: int | None = None
    turn: float = 0.0
    ready: deque[Line] = field(default_factory=deque)
    flights: dict[asyncio.Task[None], Line] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    commit: Commit | None = None
    held: dict[int, Held] = field(default_factory=dict)
    unread: list[Held] = field(default_factory=list)
    finished: list[Shard] = field(default_factory=list)
    standstill: Standstill | None = None  # of reading its input, or of its target
    moved_at: float = 0.0  # the last answer
    low: int = 128  # ready lines, below which more are read
    wants_more: bool = True  # nobody was told yet
    lines_a_shard: int = 1_000
    bytes_a_shard: int = BYTES_LIMIT
    answer_size: int = FIRST_GUESS  # what an answer has, of late
    is_over: bool = False
    cut_at: float | None = None
    _waiting: list[tuple[float, int, Line]] = field(default_factory=list)
    _count: int = 0

    @property
    def priority(self) -> int:
        return self.batch.terms.priority

    @property
    def room(self) -> int:
        """How many of its lines may be sent now, as far as it goes."""
        ready = len(self.ready)
        return ready if self.share is None else max(0, min(ready, self.share - len(self.flights)))

    @property
    def is_idle(self) -> bool:
        """It has nothing to do, and nothing to wait for."""
        return not (self.ready or self.flights or self._waiting or self.unread)

    @property
    def is_stored(self) -> bool:
        return not self.results and self.commit is None

    @property
    def is_ending(self) -> bool:
        batch = self.batch
        return batch.ending is not None or batch.status is not BatchStatus.IN_PROGRESS

    def wait(self, line: Line, until: float) -> None:
        self._count += 1
        heappush(self._waiting, (until, self._count, line))

    def wakes_at(self) -> float | None:
        return self._waiting[0][0] if self._waiting else None

    def wake(self, now: float) -> None:
        """Those whose wait is over are the next ones."""
        while self._waiting and self._waiting[0][0] <= now:
            self.ready.appendleft(heappop(self._waiting)[2])

    def drop(self, held: Iterable[Held], gate: Gate) -> None:
        """What somebody else has: nothing more is sent of it, and nothing stored."""
        for each in held:
            each.is_lost = True
            self.held.pop(each.shard.number, None)
        self.unread = [each for each in self.unread if not each.is_lost]
        self._keep([line for line in self.ready if not line.held.is_lost], gate)
        waiting = [each for each in self._waiting if not each[2].held.is_lost]
        gate.used -= sum(len(e[2].text) for e in self._waiting if e[2].held.is_lost)
        self._waiting[:] = waiting
        for task, line in list(self.flights.items()):
            if line.held.is_lost:
                task.cancel()
        gone = [each for each in self.results if each.held.is_lost]
        gate.used -= sum(len(each.answered.line) for each in gone)
        self.results = [each for each in self.results if not each.held.is_lost]

    def stop(self, gate: Gate) -> None:
        """Nothing more is sent; what is in flight ends."""
        self.is_over, self.unread = True, []
        self._keep([], gate)
        gate.used -= sum(len(line.text) for _, _, line in self._waiting)
        self._waiting.clear()

    def cut(self) -> None:
        for task in self.flights:
            task.cancel()

    def _keep(self, lines: list[Line], gate: Gate) -> None:
        before = sum(len(line.text) for line in self.ready)
        self.ready = deque(lines)
        gate.used -= before - sum(len(line.text) for line in lines)
