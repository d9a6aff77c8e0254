"""Workers over a store and objects in memory, with an engine that does as the test says.

world = World()
batch = await world.batch(lines=100)
async with world.worker().running():
    await world.until(lambda: ..., within=10)
assert await world.answered(batch) == ...
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import Any

import orjson

from domain.batches.batch import Batch, BatchReason, BatchStatus, Terms
from domain.batches.facts import BatchJobStatusChanged
from domain.batches.input.cutting import Cutter
from domain.batches.input.lines import Json
from domain.batches.ports import Reply, Seat, Standstill, Target
from domain.batches.shard import Shard
from domain.batches.worker import Worker
from domain.batches.worker.lag import Lag
from domain.batches.worker.recording import Recording
from domain.batches.worker.sharing import Crew, Roster
from domain.errors import ModelyardError
from domain.events import Scope
from domain.work import StartWork
from tests.support.batches import a_file, a_running_batch
from tests.support.clock import TestClock
from tests.support.memory import MemoryStore
from tests.support.memory_objects import MemoryObjects
from tests.support.timer import TestTimer

Answer = Callable[[str, Mapping[str, Any]], "Reply | ModelyardError | Awaitable[Reply]"]
GOOD = Reply(status=200, body=b'{"id":"1","usage":{"prompt_tokens":2,"completion_tokens":1}}')


@dataclass(eq=False)
class Engine:
    """Answers after so many seconds of the test's time. `asked` are the prompts, in order."""

    timer: TestTimer
    seconds: float = 0.02
    answer: Answer = lambda url, body: GOOD
    asked: list[str] = field(default_factory=list)
    in_flight: Counter[str] = field(default_factory=Counter)  # by the request's model
    most: Counter[str] = field(default_factory=Counter)

    async def ask(
        self, url: str, headers: Mapping[str, str], body: bytes, seconds: float, limit: int
    ) -> Reply:
        said = orjson.loads(body)
        model = said["model"]
        self.asked.append(said["prompt"])
        self.in_flight[model] += 1
        self.most[model] = max(self.most[model], self.in_flight[model])
        try:
            await self.timer.wait(asyncio.Event(), self.seconds)
            answer = self.answer(url, said)
            if isinstance(answer, ModelyardError):
                raise answer
            return answer if isinstance(answer, Reply) else await answer
        finally:
            self.in_flight[model] -= 1


@dataclass(eq=False)
class Seats:
    """A target of one seat or several, in turns; none where `standstill` says why."""

    ids: list[str] = field(default_factory=lambda: ["seat-1"])
    standstill: Standstill | None = None
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    _turn: Iterator[int] = field(default_factory=count)

    def seat(self, endpoint: str, avoid: Collection[str]) -> Seat | Standstill:
        if self.standstill is not None:
            return self.standstill
        ids = [each for each in self.ids if each not in avoid] or self.ids
        chosen = ids[next(self._turn) % len(ids)]
        return Seat(id=chosen, url=f"http://{chosen}{endpoint}")

    @contextmanager
    def _taken(self) -> Iterator[None]:
        yield

    def taken(self, seat: Seat) -> AbstractContextManager[None]:
        return self._taken()

    def room(self) -> int:
        return 0 if self.standstill is not None else 10_000

    def is_left_out(self) -> bool:
        return False

    async def changed(self) -> None:
        await self.moved.wait()
        self.moved.clear()

    def change(self, standstill: Standstill | None) -> None:
        self.standstill = standstill
        self.moved.set()


@dataclass(eq=False)
class Places:
    """All batches go to the one target, but for those that have one of their own."""

    target: Target
    own: dict[str, Target | Standstill] = field(default_factory=dict)

    async def of(self, batch: Batch) -> Target | Standstill:
        return self.own.get(batch.id, self.target)


@dataclass(frozen=True)
class Told:
    """A logger for tests: what went wrong is kept."""

    lines: list[str] = field(default_factory=list)

    def warning(self, event: str, /, **fields: Any) -> None:
        self.lines.append(event)

    def exception(self, event: str, /, **fields: Any) -> None:
        self.lines.append(f"! {event}")


class NoLag(Lag):
    """How late the real loop is says nothing about the seconds of the test's timer."""

    def __call__(self) -> float:
        return 0.0

    @contextmanager
    def measured(self, told: Callable[[float], None]) -> Iterator[None]:
        yield


class World:
    def __init__(self) -> None:
        self.clock = TestClock()
        self.timer = TestTimer(self.clock)
        self.store = MemoryStore(self.clock)
        self.objects = MemoryObjects(clock=self.clock)
        self.engine = Engine(self.timer)
        self.seats = Seats()
        self.places = Places(self.seats)
        self.told = Told()
        self._ids = count(1)

    async def batch(
        self,
        lines: int = 10,
        *,
        a_shard: int = 1_000,
        model: str = "chat",
        terms: Terms | None = None,
        blanks: bool = False,
    ) -> Batch:
        file = a_file(self.store.default)
        batch = a_running_batch(
            self.store.default,
            input_file_id=file.id,
            total=lines,
            model=model,
            endpoint="/v1/completions",
            terms=terms or Terms(),
        )
        cutter, content, index = Cutter(batch.id, orjson.dumps), bytearray(), bytearray()
        for place in range(lines):
            body = {"model": model, "prompt": f"{model}-{place}"}
            line = orjson.dumps({"custom_id": str(place), "body": body})
            if place and place % a_shard == 0:
                index += cutter.rest()
            index += cutter.add(str(place), len(content), len(line))
            content += line + (b"\r\n \n\n" if blanks else b"\n")
        index += cutter.rest()
        assert batch.index_key is not None
        await self.objects.put_bytes(file.key, bytes(content))
        await self.objects.put_bytes(batch.index_key, bytes(index))
        async with self.store.start_work("test", "test") as work:
            await work.files.add(file)
            await work.batches.add(batch)
            await work.batch_shards.add(cutter.shards)
        return batch

    def worker(self, name: str = "", start_work: StartWork | None = None, **said: Any) -> Worker:
        return Worker(
            **{
                "roster": Roster(Crew(name or f"worker-{next(self._ids)}")),
                "reads": self.store.reads,
                "records": Recording(
                    start_work=start_work or self.store.start_work, clock=self.clock
                ),
                "log": self.store.log,
                "workers": self.store.workers,
                "shard_claims": self.store.shard_claims,
                "objects": self.objects,
                "targets": self.places,
                "inference": self.engine,
                "json": Json(orjson.loads, orjson.dumps),
                "clock": self.clock,
                "timer": self.timer,
                "new_id": lambda: f"{next(self._ids):032x}",
                "chance": lambda: 0.5,
                "logger": self.told,
                "stop_seconds": 0.0,
                "lag": NoLag(),
                **said,
            }
        )

    async def until(
        self, is_so: Callable[[], Awaitable[bool]], within: float, step: float = 0.1
    ) -> float:
        """How many seconds it took."""
        passed = 0.0
        while not await is_so():
            assert passed < within, f"not within {within} s: {self.told.lines[-5:]}"
            await self.timer.pass_(step)
            passed += step
        return passed

    async def finished(self, batch: Batch, within: float = 30.0, step: float = 0.1) -> float:
        async def is_done() -> bool:
            return (await self.now(batch)).left == 0

        return await self.until(is_done, within, step)

    async def now(self, batch: Batch) -> Batch:
        return (await self.store.reads.batches.by_ids([batch.id]))[batch.id]

    async def change(self, batch: Batch, **said: Any) -> None:
        """As a service does: with an event."""
        async with self.store.start_work("test", "test") as work:
            found = await work.batches.lock(batch.id)
            assert found is not None
            changed = replace(found, **said)
            await work.batches.put(changed)
            fact = BatchJobStatusChanged(
                batch_job_id=batch.id,
                job_status_before=found.status,
                job_status_after=changed.status,
            )
            work.record(batch.project_id, fact)

    async def cancel(self, batch: Batch, drain: float) -> None:
        now = self.clock()
        await self.change(
            batch,
            status=BatchStatus.CANCELLING,
            cancelling_at=now,
            ending=BatchStatus.CANCELLED,
            drain_until=now + timedelta(seconds=drain),
        )

    async def shards(self, batch: Batch) -> list[Shard]:
        return list(await self.store.reads.batches.shards(batch.id))

    async def results(self, batch: Batch) -> list[tuple[int, dict[str, Any], bool]]:
        """Place, line, is it an error; in the order of the commits. Each entry is read from its object,
        as results are."""
        firsts = {shard.number: shard.first for shard in await self.shards(batch)}
        found = []
        for segment in await self.store.reads.batches.segments(batch.id, 0, 1_000_000):
            content = self.objects.content(segment.key)
            for entry in segment.entries:
                line = json.loads(content[entry.start : entry.end])
                found.append((firsts[segment.shard] + entry.line, line, entry.is_error))
        return found

    async def ids(self, batch: Batch) -> list[str]:
        """The custom ids that have a result, in input order."""
        return [line["custom_id"] for _, line, _ in sorted(await self.results(batch), key=_place)]

    async def errors(self, batch: Batch) -> Counter[str]:
        """Codes of the errors; of those with an answer, their status."""
        lines = [line for _, line, is_error in await self.results(batch) if is_error]
        return Counter(
            line["error"]["code"] if line["error"] else str(line["response"]["status_code"])
            for line in lines
        )

    async def reasons(self, batch: Batch) -> list[BatchReason | None]:
        """As its events told them."""
        events = await self.store.log.read(None, 10_000, Scope())
        facts = [e.fact for e in events if e.subject_id == batch.id]
        return [each.job_reason for each in facts if isinstance(each, BatchJobStatusChanged)]


def _place(result: tuple[int, dict[str, Any], bool]) -> int:
    return result[0]
