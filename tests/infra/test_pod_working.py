"""A worker in a pod, from its first look to its exit code; its server and its engine are real ones."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.batches.batch import Batch, BatchStatus
from infra import pod_working
from infra.pod_working import DONE, GONE, STOPPED, Post
from tests.conftest import AnyStore
from tests.support.batches import a_file, a_running_batch, a_shard
from tests.support.builders import a_project
from tests.support.clock import TestClock
from tests.support.memory import MemoryStore
from tests.support.pod_ports import IN_PODS, Server, a_server
from tests.support.serving import MODEL, engine, nobody_listens

LINES = 10


@dataclass(frozen=True)
class Pod:
    server: Server
    batch: Batch
    folder: Path

    def post(self, port: int, **said: Any) -> Post:
        own = {
            "server": self.server.url,
            "token": self.server.calls(self.batch).token.file,
            "batch_id": self.batch.id,
            "name": "pod-a",
            "engine": f"http://127.0.0.1:{port}",
            "model": MODEL,
            "revision": 1,
            "most": 4,
            "ready_path": None,
            "ready_status": 200,
            "done": self.folder / "done",
        }
        return Post(**{**own, **said})

    async def now(self) -> Batch:
        return (await self.server.store.reads.batches.by_ids([self.batch.id]))[self.batch.id]

    async def become(self, **said: Any) -> None:
        async with self.server.store.start_work("ada", "request:1") as work:
            await work.batches.put(replace(await self.now(), **said))

    async def until(self, is_so: Callable[[Batch], bool]) -> None:
        while True:
            if is_so(await self.now()):
                return
            await asyncio.sleep(0.05)


@pytest.fixture
async def pod(clock: TestClock, tmp_path: Path) -> AsyncIterator[Pod]:
    async with a_pod(MemoryStore(clock=clock), clock, tmp_path) as found:
        yield found


@asynccontextmanager
async def a_pod(store: AnyStore, clock: TestClock, folder: Path) -> AsyncIterator[Pod]:
    project = a_project()
    file = a_file(project)
    said = {"endpoint": "/v1/chat/completions", "total": LINES, "input_file_id": file.id}
    batch = a_running_batch(project, place=IN_PODS, **said)
    asked = {"model": "echo", "messages": [{"role": "user", "content": "hello"}]}
    line = orjson.dumps({"custom_id": "a", "body": asked}) + b"\n"
    async with a_server(store, clock, folder) as server:
        await server.objects.put_bytes(file.key, line * LINES)
        async with store.start_work("ada", "request:1") as work:
            await work.projects.add(project)
            await work.files.add(file)
            await work.batches.add(batch)
            await work.batch_shards.add([a_shard(batch, start=0, end=len(line) * LINES)])
        yield Pod(server, batch, folder)


async def test_a_worker_ends_with_0_when_every_line_is_stored(pod: Pod) -> None:
    async with engine() as port, asyncio.timeout(20):
        assert await pod_working.work(pod.post(port)) == DONE
    done = await pod.now()
    assert (done.completed, done.failed) == (LINES, 0)
    assert (pod.folder / "done").exists()


async def test_a_worker_that_is_told_to_end_does_not_end_with_0(pod: Pod) -> None:
    with nobody_listens() as port:
        working = asyncio.create_task(pod_working.work(pod.post(port)))
        await asyncio.sleep(0)  # it hears signals from now on
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await working == STOPPED
    assert not (pod.folder / "done").exists()


async def test_a_batch_that_is_over_needs_no_engine(pod: Pod) -> None:
    """As for a worker that was killed after it ended its engine."""
    at = pod.server.clock()
    over = {"status": BatchStatus.CANCELLED, "failed": LINES, "error_file_id": "f"}
    await pod.become(**over, cancelling_at=at, cancelled_at=at)
    with nobody_listens() as port:
        async with asyncio.timeout(10):
            assert await pod_working.work(pod.post(port)) == DONE
    assert (pod.folder / "done").exists()


async def test_a_batch_that_is_paused_or_drains_is_not_over(pod: Pod) -> None:
    for said in ({"paused_at": pod.server.clock()}, {"ending": BatchStatus.EXPIRED}):
        assert not pod_working.is_over(replace(pod.batch, **said))


@asynccontextmanager
async def an_engine_that_only_listens() -> AsyncIterator[int]:
    heard: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: heard.append(writer), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in heard:
            writer.transport.abort()


async def test_what_a_worker_has_is_for_others_while_its_engine_is_away(pod: Pod) -> None:
    """It may never come again where it is, and its pod would keep the lines until the window ends."""

    async def until(is_free: bool) -> None:
        reads = pod.server.store.reads.batches
        while True:
            if await reads.is_runnable(pod.batch.id, pod.server.clock()) is is_free:
                return
            await asyncio.sleep(0.05)

    async with asyncio.timeout(40):
        async with an_engine_that_only_listens() as port:
            working = asyncio.create_task(pod_working.work(pod.post(port)))
            await until(is_free=False)
        await until(is_free=True)
    working.cancel()
    await asyncio.wait({working})


async def test_a_worker_without_its_batch_says_so_whatever_it_still_has(pod: Pod) -> None:
    async with engine(latency=0.5) as port:
        working = asyncio.create_task(pod_working.work(pod.post(port, most=1)))
        async with asyncio.timeout(20):
            await pod.until(lambda batch: batch.completed > 0)
            await pod.become(place=None)  # the server answers as for one that it does not know
            assert await working == GONE
    assert not (pod.folder / "done").exists()
