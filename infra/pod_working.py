"""`modelyard batch worker`: a worker in a pod of a Kubernetes Job, beside its engine.

It ends with 0 when nothing of the batch is left to do: then the Job makes no more pods. However else it
ends, the kubelet or the Job starts it again.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import SystemRandom
from typing import Any, TypeVar

import aiohttp
import orjson
import structlog

from domain.batches.batch import FINAL, Batch, BatchStatus
from domain.batches.input.lines import Json
from domain.batches.worker import Worker
from domain.batches.worker.sharing import Crew, Roster
from domain.clock import MonotonicTimer, utc_now
from domain.errors import NotFound, StorageFull, StorageUnavailable
from domain.ids import new_id
from infra.inference.engines import connections
from infra.pods.calls import Calls, Token
from infra.pods.engine import BesideEngine, Readiness
from infra.pods.ports import (
    NoHints,
    PodBatches,
    PodClaims,
    PodFiles,
    PodObjects,
    PodReads,
    PodRecords,
    PodWorkers,
    ServerClock,
)

LOOK_EVERY = 1.0
DONE, STOPPED, GONE = 0, 75, 66  # exit codes
T = TypeVar("T")
log = structlog.get_logger("modelyard.pod")


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Where a worker is put. `done` is the file that tells the engine's wrapper that the work is over."""

    server: str
    token: Path
    batch_id: str
    name: str
    engine: str
    model: str | None
    revision: int
    most: int
    ready_path: str | None
    ready_status: int
    done: Path | None


async def work(post: Post) -> int:
    """The exit code."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, ending.set)
    async with aiohttp.ClientSession(trust_env=False) as session:
        calls = Calls(
            session=session,
            server=post.server.rstrip("/"),
            batch_id=post.batch_id,
            token=Token(post.token),
        )
        async with (
            _until(_until_over(calls, ending)) as over,
            _until(_begun(post, session, calls)) as begun,
        ):
            await asyncio.wait({over, begun}, return_when=asyncio.FIRST_COMPLETED)
            if not over.done():
                clock, lease = begun.result()
                async with _worker(post, calls, clock, lease):
                    sys.stdout.write("Modelyard batch worker ready\n")
                    sys.stdout.flush()
                    await asyncio.wait({over})
            code = over.result()
    if code == DONE and post.done is not None:
        post.done.write_text("done\n")
    return code


@asynccontextmanager
async def _until(doing: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
    """Done meanwhile, and no longer."""
    task = asyncio.create_task(doing)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _begun(
    post: Post, session: aiohttp.ClientSession, calls: Calls
) -> tuple[ServerClock, timedelta]:
    """The engine is ready, and the server knows of it: its time, and how long leases are."""
    await Readiness(
        session=session, url=post.engine, path=post.ready_path, status=post.ready_status
    ).awaited()
    clock = ServerClock(utc_now)
    while True:
        try:
            said = await calls.ask("begin", worker=post.name)
        except (StorageUnavailable, StorageFull, NotFound) as error:
            log.warning("the server is awaited", problem=error.message)
            await asyncio.sleep(LOOK_EVERY)
        else:
            clock.heard(said["now"])
            return clock, timedelta(seconds=said["lease"])


async def _until_over(calls: Calls, ending: asyncio.Event) -> int:
    """Looked at from the first moment on: an engine may take an hour to be ready, or never be."""
    while not ending.is_set():
        try:
            said = await calls.seen()
            found = None if said is None else PodBatches.batch_of(said)
        except StorageUnavailable as error:
            log.warning("the server does not answer", problem=error.problem)
        else:
            if found is None:
                return GONE
            if is_over(found):
                return DONE
        await _pause(ending)
    return STOPPED


def is_over(batch: Batch) -> bool:
    """Whether no line of it is left for anybody."""
    if batch.status is BatchStatus.FINALIZING or batch.status in FINAL:
        return True
    return batch.status is BatchStatus.IN_PROGRESS and batch.left == 0


async def _pause(ending: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(LOOK_EVERY):
            await ending.wait()
    except TimeoutError:
        return


@asynccontextmanager
async def _worker(
    post: Post, calls: Calls, clock: ServerClock, lease: timedelta
) -> AsyncIterator[None]:
    roster = Roster(Crew(f"pods/{post.batch_id}/{post.name}"))
    batches = PodBatches(calls)
    beside = BesideEngine(url=post.engine, model=post.model, revision=post.revision, most=post.most)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_until(beside.watched()))
        engines = await stack.enter_async_context(connections())
        worker = Worker(
            roster=roster,
            reads=PodReads(batches, PodFiles(batches, clock)),
            records=PodRecords(calls),
            log=NoHints(),
            workers=PodWorkers(calls, clock),
            shard_claims=PodClaims(calls),
            objects=PodObjects(calls),
            targets=beside,
            inference=engines,
            json=Json(loads=orjson.loads, dumps=orjson.dumps),
            clock=clock,
            timer=MonotonicTimer(),
            new_id=new_id,
            chance=SystemRandom().random,
            logger=structlog.get_logger("domain.batches.worker"),
            lease=lease,
            takes=lambda batch: True,
        )
        await stack.enter_async_context(worker.running())
        yield


def run(post: Post) -> int:
    return asyncio.run(work(post))
