"""The services about batches over the store in memory, and files to begin with."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from domain.access.access import Caller, Role
from domain.batches.admission.options import NewBatch
from domain.batches.batch import Batch, BatchStatus
from domain.batches.external_endpoints import ExternalEndpoints, NewExternalEndpoint
from domain.batches.input.requests import Limits
from domain.batches.profiles import NewProfile, Profiles
from domain.batches.results import Results
from domain.batches.service import Batches
from domain.batches.tending.course import moved
from domain.events import Scope
from domain.files.file import File
from domain.files.service import Files
from tests.support.batches import ECHO
from tests.support.build import OwnClock, a_caller, ids
from tests.support.memory import MemoryStore
from tests.support.memory_objects import MemoryObjects


@dataclass
class Office:
    clock: OwnClock = field(default_factory=OwnClock)
    limits: Limits = field(default_factory=Limits)
    given: MemoryStore | None = None

    def __post_init__(self) -> None:
        self.store = self.given or MemoryStore(clock=self.clock)
        self.objects = MemoryObjects(clock=self.clock)
        self.caller = a_caller(self.store.default.id)
        some_ids = ids()
        shared: dict[str, Any] = {
            "start_work": self.store.start_work,
            "reads": self.store.reads,
            "clock": self.clock,
            "new_id": lambda: next(some_ids),
        }
        self.files = Files(objects=self.objects, **shared)
        self.batches = Batches(
            objects=self.objects,
            files=self.files,
            loads=json.loads,
            limits=self.limits,
            **shared,
        )
        self.profiles = Profiles(**shared)
        self.external_endpoints = ExternalEndpoints(**shared)
        self.results = Results(reads=self.store.reads, objects=self.objects)

    def by(self, role: Role) -> Caller:
        return a_caller(self.store.default.id, role)

    async def facts(self) -> list[object]:
        events = await self.store.log.read(None, 1_000, Scope())
        return [event.fact for event in events]

    async def an_input(self, content: bytes = b"{}\n", caller: Caller | None = None) -> File:
        upload = self.files.upload(caller or self.caller, "in.jsonl", "batch", pieces(content))
        return await upload

    async def a_new_batch(self, **said: Any) -> NewBatch:
        """Of a new input file, unless it says otherwise."""
        if "input_file_id" not in said:
            said["input_file_id"] = (await self.an_input()).id
        return NewBatch(**{"endpoint": "/v1/chat/completions", **said})

    async def a_batch(self, **said: Any) -> Batch:
        return await self.batches.create(self.caller, await self.a_new_batch(**said))

    async def put(self, batch: Batch) -> Batch:
        """As if a worker had stored it so."""
        async with self.store.start_work("worker", "test") as work:
            await work.batches.put(batch)
        return batch

    async def running(self, batch: Batch, total: int = 10, **said: Any) -> Batch:
        going = moved(batch, BatchStatus.IN_PROGRESS, self.clock.now)
        said = {"place": ECHO, "model": "echo", "index_key": "batches/b/index-1", **said}
        return await self.put(replace(going, total=total, **said))

    async def ended(self, batch: Batch, status: BatchStatus, **said: Any) -> Batch:
        """By the shortest way."""
        now = self.clock.now
        by = BatchStatus.CANCELLING if status is BatchStatus.CANCELLED else BatchStatus.FINALIZING
        if status is BatchStatus.FAILED:
            return await self.put(replace(moved(batch, status, now), **said))
        batch = batch if batch.status is not BatchStatus.VALIDATING else await self.running(batch)
        batch = batch if batch.status is by else moved(batch, by, now)
        final = moved(batch, status, now)
        return await self.put(replace(final, **{"ending": status, "failed": batch.total, **said}))

    async def kept(self, id: str) -> Batch:
        return (await self.store.reads.batches.by_ids([id]))[id]

    async def a_profile(self, name: str = "night", **said: Any) -> Any:
        return await self.profiles.create(self.caller, NewProfile(name=name, **said))

    async def an_endpoint(self, name: str = "cloud", **said: Any) -> Any:
        new = NewExternalEndpoint(**{"name": name, "base_url": "https://cloud.example/v1", **said})
        return await self.external_endpoints.create(self.caller, new)


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    for piece in content:
        yield piece


def lines(custom_ids: Sequence[str], model: str = "echo") -> bytes:
    """A good input with one chat request for each."""
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    said = {"method": "POST", "url": "/v1/chat/completions", "body": body}
    return b"".join(json.dumps({"custom_id": i, **said}).encode() + b"\n" for i in custom_ids)
