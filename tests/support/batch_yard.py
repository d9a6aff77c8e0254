"""Batches that are tended over one store, one object store and one time.

yard = BatchYard()
batch = await yard.batch(requests(10))
async with yard.tended(): await yard.timer.pass_(1)    # validated
await yard.work(batch)                                 # as a worker does it
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any

import orjson

from domain.access.access import Project
from domain.batches.batch import Batch, BatchStatus, TargetKind, Usage, Wish
from domain.batches.dedicating import Provided, Providing
from domain.batches.input.lines import Json
from domain.batches.input.requests import Limits
from domain.batches.shard import Entry, Progress, Shard
from domain.batches.tending import Tending
from domain.events import Event, Scope
from domain.files.file import File
from domain.files.ports import Written
from domain.ids import new_id
from tests.conftest import AnyStore
from tests.support.batches import a_batch, a_file
from tests.support.builders import fresh
from tests.support.clock import TestClock
from tests.support.memory import MemoryStore
from tests.support.memory_objects import MemoryObjects
from tests.support.timer import TestTimer, settle
from tests.support.yard import Lines

JSON = Json(orjson.loads, orjson.dumps)
CHAT = "/v1/chat/completions"
ECHOED = Wish(target=TargetKind.ECHO)
LEASE = timedelta(seconds=15)


def a_request(custom_id: object = "a", **said: Any) -> dict[str, Any]:
    body = {"model": "m", "messages": []}
    own = {"custom_id": custom_id, "method": "POST", "url": CHAT, "body": body}
    return {**own, **said}


def a_line(custom_id: object = "a", **said: Any) -> bytes:
    return orjson.dumps(a_request(custom_id, **said))


def requests(count: int) -> bytes:
    return b"".join(a_line(f"r{n}") + b"\n" for n in range(count))


@dataclass
class FakeProvider:
    """Says what it was told to, then that all is ready."""

    says: list[Providing] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    given_back: list[str] = field(default_factory=list)
    refusals: int = 0  # how often it says "look again"

    async def provide(self, batch: Batch) -> Providing:
        self.asked.append(batch.id)
        return self.says.pop(0) if self.says else Provided("d1")

    async def give_back(self, batch: Batch) -> bool:
        self.given_back.append(batch.id)
        self.refusals -= 1
        return self.refusals < 0


class Gated(MemoryObjects):
    """The objects of `of`. A call of the method on a key with that part waits for `go_on`: before it does
    anything, or when all is done."""

    def __init__(self, of: MemoryObjects, method: str, part: str = "", *, after: bool = False):
        super().__init__(clock=of.clock, kept=of.kept, calls=of.calls)
        self.gate = method, part, after
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    async def put(self, key: str, pieces: AsyncIterator[bytes]) -> Written:
        await self._wait("put", key, after=False)
        written = await MemoryObjects.put(self, key, pieces)
        await self._wait("put", key, after=True)
        return written

    async def stream(
        self, key: str, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        await self._wait("stream", key, after=False)
        async for piece in MemoryObjects.stream(self, key, start, end):
            yield piece

    async def _wait(self, method: str, key: str, *, after: bool) -> None:
        wanted, part, behind = self.gate
        if (method, after) == (wanted, behind) and part in key:
            self.begun.set()
            await self.go_on.wait()


@dataclass
class BatchYard:
    clock: TestClock = field(default_factory=TestClock)
    provider: FakeProvider = field(default_factory=FakeProvider)
    logger: Lines = field(default_factory=Lines)
    chance: Random = field(default_factory=lambda: Random(7))
    other_store: AnyStore | None = None  # instead of one in memory
    project: Project = field(init=False)

    def __post_init__(self) -> None:
        self.timer = TestTimer(self.clock)
        memory = MemoryStore(clock=self.clock)
        self.store: AnyStore = self.other_store or memory
        self.project = memory.default
        self.objects = MemoryObjects(clock=self.clock)

    def tending(self, worker: str = "one", **said: Any) -> Tending:
        own: dict[str, Any] = {
            "worker": worker,
            "claims": self.store.batch_claims,
            "reads": self.store.reads,
            "start_work": self.store.start_work,
            "log": self.store.log,
            "objects": self.objects,
            "provider": self.provider,
            "json": JSON,
            "limits": Limits(),
            "clock": self.clock,
            "timer": self.timer,
            "new_id": new_id,
            "logger": self.logger,
        }
        return Tending(**{**own, **said})

    @asynccontextmanager
    async def tended(self, worker: str = "one", **said: Any) -> AsyncIterator[Tending]:
        tending = self.tending(worker, **said)
        async with tending.running():
            await self.timer.pass_(0)
            yield tending

    async def tend(self, seconds: float = 5.0, **said: Any) -> None:
        """For so long; then the worker ends."""
        async with self.tended(**said):
            await self.timer.pass_(seconds)

    async def file(self, content: bytes) -> File:
        file = a_file(self.project, size=len(content))
        self.objects.kept.pop(file.key, None)
        await self.objects.put_bytes(file.key, content)
        async with self.store.start_work("ada", "request:1") as work:
            await work.files.add(file)
        return file

    async def batch(self, content: bytes, **said: Any) -> Batch:
        """A user's, just created: it runs on the echo, if nothing else is said."""
        file = await self.file(content)
        own = {"input_file_id": file.id, "wish": ECHOED, "expires_at": self.clock() + timedelta(1)}
        batch = a_batch(self.project, **{**own, **said})
        async with self.store.start_work("ada", "request:1") as work:
            await work.batches.add(batch)
            await work.look_at_batch(batch.id, self.clock())
        return batch

    async def change(self, batch: Batch, **said: Any) -> None:
        """As another of Modelyard's services does it."""
        async with self.store.start_work("ada", "request:2") as work:
            held = await work.batches.lock(batch.id)
            assert held is not None
            await work.batches.put(replace(held, **said))
            await work.look_at_batch(batch.id, self.clock())

    async def cancel(self, batch: Batch, drain: float = 60.0) -> None:
        now = self.clock()
        await self.change(
            batch,
            status=BatchStatus.CANCELLING,
            ending=BatchStatus.CANCELLED,
            cancelling_at=now,
            drain_until=now + timedelta(seconds=drain),
        )

    async def work(
        self,
        batch: Batch,
        most: int | None = None,
        fails: Callable[[str], bool] = lambda custom_id: False,
    ) -> list[str]:
        """A worker's: so many lines of each shard are answered, in any order, in two commits. Returns
        the custom ids that it sent."""
        batch, now = await self.now(batch), self.clock()
        claims = self.store.shard_claims
        taken = await claims.take(batch.id, "w", now, now + LEASE, 100)
        sent: list[str] = []
        for shard in taken:
            todo = [line for line in range(shard.lines) if not has(shard.done, line)]
            self.chance.shuffle(todo)
            todo = todo[:most]
            texts = await self._texts(batch, shard)
            held = shard
            for some in (todo[: len(todo) // 2], todo[len(todo) // 2 :]):
                if some:
                    held = await self._commit(batch, held, some, texts, fails)
                sent += [orjson.loads(texts[line])["custom_id"] for line in some]
        await claims.release("w", taken)
        return sent

    async def _texts(self, batch: Batch, shard: Shard) -> Sequence[bytes]:
        file = (await self.store.reads.files.by_ids([batch.input_file_id]))[batch.input_file_id]
        content = self.objects.content(file.key)[shard.start : shard.end]
        texts = [text for each in content.split(b"\n") if (text := each.strip())]
        assert len(texts) == shard.lines
        return texts

    async def _commit(
        self,
        batch: Batch,
        shard: Shard,
        some: Collection[int],
        texts: Sequence[bytes],
        fails: Callable[[str], bool],
    ) -> Shard:
        done, failed = bytearray(shard.done), bytearray(shard.failed)
        content, entries = b"", []
        for line in some:
            custom_id = orjson.loads(texts[line])["custom_id"]
            is_error = fails(custom_id)
            answer = orjson.dumps({"custom_id": custom_id, "failed": is_error})
            entries.append(Entry(line, is_error, len(content), len(content) + len(answer)))
            content += answer + b"\n"
            done[line // 8] |= 1 << line % 8
            failed[line // 8] |= is_error << line % 8
        key = f"batches/{batch.id}/segments/{fresh()}"
        await self.objects.put_bytes(key, content)
        held = replace(shard, done=bytes(done), failed=bytes(failed))
        bad = sum(entry.is_error for entry in entries)
        async with self.store.start_work("batches", "w") as work:
            row = await work.batches.lock(batch.id)
            assert row is not None
            if await work.batch_shards.store(Progress(held, key, tuple(entries), Usage())):
                counted = replace(
                    row, completed=row.completed + len(entries) - bad, failed=row.failed + bad
                )
                await work.batches.put(counted)
                if not counted.left:
                    await work.look_at_batch(batch.id, self.clock())
        return held

    async def now(self, batch: Batch) -> Batch:
        return (await self.store.reads.batches.by_ids([batch.id]))[batch.id]

    async def status(self, batch: Batch) -> BatchStatus:
        return (await self.now(batch)).status

    async def output(self, batch: Batch) -> list[Any]:
        return await self._lines((await self.now(batch)).output_file_id)

    async def errors(self, batch: Batch) -> list[Any]:
        return await self._lines((await self.now(batch)).error_file_id)

    async def result_file(self, file_id: str | None) -> File:
        assert file_id is not None
        return (await self.store.reads.files.by_ids([file_id]))[file_id]

    async def _lines(self, file_id: str | None) -> list[Any]:
        if file_id is None:
            return []
        content = self.objects.content((await self.result_file(file_id)).key)
        assert content.endswith(b"\n")
        return [orjson.loads(line) for line in content.splitlines()]

    def area(self, batch: Batch) -> set[str]:
        """What lies there, without the batch's id."""
        prefix = f"batches/{batch.id}/"
        return {key.removeprefix(prefix) for key in self.objects.kept if key.startswith(prefix)}

    async def events(self, batch: Batch) -> Sequence[Event]:
        found = await self.store.log.read(None, 10_000, Scope())
        return [event for event in found if event.subject_id == batch.id]

    async def settle(self) -> None:
        await settle()


def has(bits: bytes, line: int) -> bool:
    return bool(bits[line // 8] >> line % 8 & 1)


async def check_accounts(yard: BatchYard, batch: Batch, custom_ids: Sequence[str]) -> None:
    """What holds of every batch that is over and torn down."""
    over = await yard.now(batch)
    output = [line["custom_id"] for line in await yard.output(batch)]
    errors = [line["custom_id"] for line in await yard.errors(batch)]
    place = {custom_id: n for n, custom_id in enumerate(custom_ids)}
    assert over.is_final
    assert (over.total, over.completed, over.failed) == (
        len(custom_ids),
        len(output),
        len(errors),
    )
    assert sorted(output + errors, key=place.__getitem__) == list(custom_ids)
    assert output == sorted(output, key=place.__getitem__)
    assert errors == sorted(errors, key=place.__getitem__)
    named = [i for i in (over.output_file_id, over.error_file_id) if i is not None]
    kept = {(await yard.result_file(i)).key for i in named}
    assert {f"batches/{batch.id}/{name}" for name in yard.area(batch)} == kept
