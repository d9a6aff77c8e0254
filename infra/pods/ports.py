"""The ports of a batch worker, as its server has them for it."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from domain.batches.batch import Batch
from domain.batches.ports import Recorded, Standstill, Worker
from domain.batches.shard import Progress, Shard
from domain.clock import Clock
from domain.errors import NotFound
from domain.events import Cursor, Event, Scope
from domain.files.file import File, FilePurpose, FileStatus
from infra import pods_wire as wire
from infra.pods.calls import Calls


@dataclass(slots=True)
class ServerClock:
    """The server's time, as it was last heard of."""

    own: Clock
    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return self.own() + self.ahead

    def heard(self, written: str) -> None:
        self.ahead = datetime.fromisoformat(written) - self.own()


@dataclass(frozen=True, slots=True)
class PodWorkers:
    """Of the one job; `crew` is what goes before a worker's name there."""

    calls: Calls
    clock: ServerClock

    async def renew(self, worker: str, now: datetime, until: datetime) -> Sequence[Worker]:
        said = await self.calls.ask("renew", worker=name_of(worker))
        self.calls.token.said = said["token"]
        self.clock.heard(said["now"])
        return wire.WORKERS.validate_python(said["workers"])

    async def leave(self, worker: str) -> None:
        with suppress(NotFound):  # and with it all that there was to leave
            await self.calls.ask("leave", worker=name_of(worker))


@dataclass(frozen=True, slots=True)
class PodClaims:
    """Until when is the server's to say."""

    calls: Calls

    async def take(
        self,
        batch_id: str,
        worker: str,
        now: datetime,
        until: datetime,
        limit: int,
        held: Collection[int] = (),
    ) -> Sequence[Shard]:
        said = await self.calls.ask("take", worker=name_of(worker), limit=limit, held=list(held))
        return [wire.shard(each) for each in said["shards"]]

    async def renew(
        self, worker: str, shards: Collection[Shard], until: datetime
    ) -> Collection[tuple[str, int]]:
        if not shards:
            return ()
        said = await self.calls.ask("keep", worker=name_of(worker), shards=_tokens(shards))
        return [(self.calls.batch_id, number) for number in said["numbers"]]

    async def release(self, worker: str, shards: Collection[Shard]) -> None:
        if shards:
            with suppress(NotFound):
                await self.calls.ask("release", worker=name_of(worker), shards=_tokens(shards))


@dataclass(frozen=True, slots=True)
class PodRecords:
    calls: Calls

    async def store(
        self, batch_id: str, parts: Sequence[Progress], *, is_doubtful: bool
    ) -> Recorded:
        try:
            said = await self.calls.ask(
                "store", parts=[wire.of_progress(each) for each in parts], is_doubtful=is_doubtful
            )
        except NotFound:
            return Recorded(None, ())
        return Recorded(wire.batch(said["batch"]), tuple(said["places"]))

    async def tell(self, batch_id: str, seen: Standstill | None) -> Batch | None:
        try:
            said = await self.calls.ask("tell", seen=wire.of_standstill(seen))
        except NotFound:
            return None
        return wire.batch(said["batch"])

    async def look(self, batch_id: str) -> None:
        await self.calls.ask("look")


@dataclass(slots=True)
class PodBatches:
    """`key` is the input's object, once the batch was seen."""

    calls: Calls
    key: str = ""

    async def by_ids(self, ids: Collection[str]) -> Mapping[str, Batch]:
        said = await self.calls.seen()
        if said is None or self.calls.batch_id not in ids:
            return {}
        self.key = said["key"]
        return {self.calls.batch_id: self.batch_of(said)}

    async def runnable(self, limit: int, now: datetime) -> Sequence[Batch]:
        said = await self.calls.seen()
        if said is None or not said["is_runnable"]:
            return ()
        self.key = said["key"]
        return (self.batch_of(said),)

    @staticmethod
    def batch_of(said: Mapping[str, Any]) -> Batch:
        return wire.BATCH.validate_python(said["batch"])


@dataclass(frozen=True, slots=True)
class PodFiles:
    """Nothing is known of the input but where it lies."""

    batches: PodBatches
    clock: Clock

    async def by_ids(self, ids: Collection[str]) -> Mapping[str, File]:
        now = self.clock()
        return {
            id_: File(
                id=id_,
                project_id="",
                name="",
                purpose=FilePurpose.BATCH,
                status=FileStatus.PROCESSED,
                key=self.batches.key,
                created_at=now,
                created_by="",
                expires_at=now,
            )
            for id_ in ids
        }


@dataclass(frozen=True, slots=True)
class PodReads:
    batches: PodBatches
    files: PodFiles


@dataclass(frozen=True, slots=True)
class PodObjects:
    calls: Calls

    async def get(self, key: str, start: int, end: int) -> bytes:
        return await self.calls.get(key, start, end)

    async def stream(self, key: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """In one piece: a pod has one batch alone, and no share of a server's memory to keep to."""
        yield await self.calls.get(key, start, end)

    async def put_bytes(self, key: str, content: bytes) -> None:
        await self.calls.put(key, content)

    async def remove(self, keys: Collection[str]) -> None:
        """What no row names goes with all that its batch keeps, when that is final."""


@dataclass(frozen=True, slots=True)
class NoHints:
    """The batch is looked at each second anyway."""

    _none: tuple[Event, ...] = field(default=())

    async def follow(self, after: Cursor | None, scope: Scope) -> AsyncGenerator[Event, None]:
        for event in self._none:
            yield event


def name_of(worker: str) -> str:
    """As the server is told it."""
    return worker.rpartition("/")[2]


def _tokens(shards: Collection[Shard]) -> list[tuple[int, int]]:
    return [(shard.number, shard.token) for shard in shards]
