"""What batches need of the world: claims, workers, and somewhere to send requests."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from domain.batches.batch import Batch, BatchReason
from domain.batches.shard import Progress, Shard
from domain.events import Cursor, Event, Scope
from domain.files.file import File


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's lease of a batch, for what only one may do: validate, provide a place, finalize, tear
    down. The token rises each time it is taken."""

    batch_id: str
    token: int
    asked: int  # how often a look was asked for before it was taken


class BatchClaims(Protocol):
    """Which batches somebody has to look at, and who does. Transactions of their own."""

    async def take(
        self, worker: str, now: datetime, until: datetime, limit: int
    ) -> Sequence[Claim]:
        """Batches whose look is due and that nobody has, the longest waiting first."""

    async def renew(
        self, worker: str, claims: Collection[Claim], until: datetime
    ) -> Collection[str]:
        """The batch ids of those that are still the worker's."""

    async def release(self, claim: Claim, look_at: datetime | None) -> None:
        """Give it back, to be looked at then (None: when asked); at once if a look was asked for since."""


class ShardClaims(Protocol):
    """Who works on which shard. Transactions of their own."""

    async def take(
        self,
        batch_id: str,
        worker: str,
        now: datetime,
        until: datetime,
        limit: int,
        held: Collection[int] = (),
    ) -> Sequence[Shard]:
        """Shards with lines to do that nobody has, the first ones first, under new tokens; none of a batch
        that is paused, not IN_PROGRESS, ending, or has no place.

        Those with the numbers `held` the worker still works on: it is not given them once more, though
        their time may be up."""

    async def renew(
        self, worker: str, shards: Collection[Shard], until: datetime
    ) -> Collection[tuple[str, int]]:
        """(batch id, number) of those that are still the worker's."""

    async def release(self, worker: str, shards: Collection[Shard]) -> None:
        """Give them back, for others to take at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    id: str
    registered_at: datetime
    renewed_at: datetime


class Workers(Protocol):
    async def renew(self, worker: str, now: datetime, until: datetime) -> Sequence[Worker]:
        """All that live, by id; registers the worker where it is not among them.

        Whoever's `renewed_at` is later than a worker's `registered_at` knew of that worker when it renewed,
        whatever their clocks say.
        """

    async def leave(self, worker: str) -> None:
        """It goes, and whatever it had of batches and shards is free at once. Also what a server on SQLite
        calls for its dead predecessor, whose name it bears."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What an engine answered. `retry_after` in seconds, where its header said so."""

    status: int
    body: bytes
    request_id: str | None = None
    retry_after: float | None = None


class Inference(Protocol):
    async def ask(
        self, url: str, headers: Mapping[str, str], body: bytes, seconds: float, limit: int
    ) -> Reply:
        """POST; `seconds` is for all of it, `limit` in bytes for the answer's body.

        Raises Unreachable (the request never got there: refused, no such host), Interrupted (the
        connection broke down over it), RequestTimeout, ResponseTooLarge.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One place for one request at its target. `url` is whole; `model` is the engine's own name, which
    takes the place of the line's (None: as the line says)."""

    id: str  # a replica's id, an external endpoint's id, or "echo"
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None
    revision: int | None = None


@dataclass(frozen=True, slots=True)
class Standstill:
    """Why there is no seat now."""

    reason: BatchReason
    message: str


class Target(Protocol):
    """Where requests of batches go: shared by all batches that run there, in one worker process.

    Nothing is awaited between `seat` and `taken`, so that a target that says it sends nothing more to a
    replica never does.
    """

    def seat(self, endpoint: str, avoid: Collection[str]) -> Seat | Standstill:
        """A free one for a request to the path `endpoint`; those in `avoid` only where there is no other.
        Standstill also where all are taken (reason ONLINE_FIRST or ENGINE_BUSY)."""

    def taken(self, seat: Seat) -> AbstractContextManager[None]:
        """Counts the request as in flight there."""

    def room(self) -> int:
        """How many more requests may be sent now."""

    def is_left_out(self) -> bool:
        """Whether there is room for others alone: what all workers may send there is less than there are
        workers, and this one is none of those that may."""

    async def changed(self) -> None:
        """Until a seat may have become free, appeared or gone, for whatever reason but `taken`'s end."""


class Targets(Protocol):
    """Raises StorageUnavailable; SecretNotFound and SealBroken for an external endpoint's key."""

    async def of(self, batch: Batch) -> Target | Standstill:
        """The target of a batch's place: the same object for all batches that run there."""


class RunnableBatches(Protocol):
    """Of domain.work.BatchLists."""

    async def by_ids(self, ids: Collection[str]) -> Mapping[str, Batch]: ...

    async def runnable(self, limit: int, now: datetime) -> Sequence[Batch]: ...


class InputFiles(Protocol):
    """Of domain.work.FileLists."""

    async def by_ids(self, ids: Collection[str]) -> Mapping[str, File]: ...


class WorkerReads(Protocol):
    """What a worker reads; domain.work.Reads has it, and so has a server for the workers of one job."""

    @property
    def batches(self) -> RunnableBatches: ...

    @property
    def files(self) -> InputFiles: ...


class WorkerObjects(Protocol):
    """Of domain.files.ports.Objects."""

    async def get(self, key: str, start: int, end: int) -> bytes: ...

    def stream(self, key: str, start: int, end: int) -> AsyncGenerator[bytes, None]: ...

    async def put_bytes(self, key: str, content: bytes) -> None: ...

    async def remove(self, keys: Collection[str]) -> None: ...


class Following(Protocol):
    """Of domain.work.EventLog."""

    def follow(self, after: Cursor | None, scope: Scope) -> AsyncGenerator[Event, None]: ...


@dataclass(frozen=True, slots=True)
class Recorded:
    """The batch as it is then (None: it is gone), and which parts, by their places, count from now on; the
    others are somebody else's by now."""

    batch: Batch | None
    places: tuple[int, ...]


class Records(Protocol):
    """What a worker writes of a batch: each a transaction of its own. Raises StorageUnavailable,
    StorageFull; whether it was kept then, nobody can tell."""

    async def store(
        self, batch_id: str, parts: Sequence[Progress], *, is_doubtful: bool
    ) -> Recorded:
        """`parts` of the batch's shards, in the order of their numbers. `is_doubtful`: they may be stored
        already."""

    async def tell(self, batch_id: str, seen: Standstill | None) -> Batch | None:
        """Why it stands still (None: it goes on); the batch as it is then, None where that is not this
        worker's to say any more."""

    async def look(self, batch_id: str) -> None:
        """Have somebody tend it. Raises NotFound."""
