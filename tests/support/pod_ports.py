"""A worker's ports twice: beside the database, and as a server has them for the workers of a Job."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import aiohttp
from starlette.applications import Starlette

from domain.batches.batch import Batch, Place, TargetKind
from domain.batches.jobs.tokens import Tokens
from domain.batches.ports import Records, ShardClaims, WorkerObjects, WorkerReads, Workers
from domain.batches.worker.recording import Recording
from infra.http.pods.routes import PodRoutes
from infra.pods.calls import Calls, Token
from infra.pods.ports import (
    PodBatches,
    PodClaims,
    PodFiles,
    PodObjects,
    PodReads,
    PodRecords,
    PodWorkers,
    ServerClock,
)
from infra.secrets.sealer import AesSealer
from tests.conftest import AnyStore
from tests.support.batches import a_file, a_running_batch, a_shard
from tests.support.builders import a_project
from tests.support.clock import TestClock
from tests.support.memory_objects import MemoryObjects
from tests.support.serving import listening

LEASE = timedelta(seconds=15)
IN_PODS = Place(target=TargetKind.KUBERNETES_JOB, why="asked for")
KEY = bytes(range(32))


@dataclass(frozen=True)
class Ports:
    claims: ShardClaims
    workers: Workers
    records: Records
    reads: WorkerReads
    objects: WorkerObjects


@dataclass(frozen=True)
class Server:
    """As the workers of Jobs see it; `tokens` are its own."""

    store: AnyStore
    objects: MemoryObjects
    clock: TestClock
    url: str
    tokens: Tokens
    session: aiohttp.ClientSession
    folder: Path

    def calls(self, batch: Batch, token: str | None = None) -> Calls:
        file = self.folder / f"token-{batch.id}"
        file.write_text(self.tokens.new(batch.id) if token is None else token)
        return Calls(session=self.session, server=self.url, batch_id=batch.id, token=Token(file))

    def ports(self, batch: Batch) -> Ports:
        calls, clock = self.calls(batch), ServerClock(self.clock)
        batches = PodBatches(calls)
        return Ports(
            claims=PodClaims(calls),
            workers=PodWorkers(calls, clock),
            records=PodRecords(calls),
            reads=PodReads(batches, PodFiles(batches, clock)),
            objects=PodObjects(calls),
        )


def beside(store: AnyStore, objects: MemoryObjects, clock: TestClock) -> Ports:
    return Ports(
        claims=store.shard_claims,
        workers=store.workers,
        records=Recording(start_work=store.start_work, clock=clock),
        reads=store.reads,
        objects=objects,
    )


@asynccontextmanager
async def a_server(store: AnyStore, clock: TestClock, folder: Path) -> AsyncIterator[Server]:
    objects = MemoryObjects(clock=clock)
    tokens = Tokens(sealer=AesSealer(KEY), clock=clock)
    routes = PodRoutes(
        tokens=tokens,
        reads=store.reads,
        records=Recording(start_work=store.start_work, clock=clock),
        workers=store.workers,
        claims=store.shard_claims,
        objects=objects,
        clock=clock,
        lease=LEASE,
    )
    async with (
        listening(Starlette(routes=list(routes.routes))) as port,
        aiohttp.ClientSession() as session,
    ):
        url = f"http://127.0.0.1:{port}"
        yield Server(store, objects, clock, url, tokens, session, folder)


async def a_batch_in_pods(store: AnyStore, shards: int = 2) -> Batch:
    """Of ten lines a shard."""
    project = a_project()
    file = a_file(project)
    batch = a_running_batch(project, total=10 * shards, place=IN_PODS, input_file_id=file.id)
    batch = replace(batch, index_key=f"batches/{batch.id}/index-1")
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(project)
        await w.files.add(file)
        await w.batches.add(batch)
        await w.batch_shards.add([a_shard(batch, number=number) for number in range(shards)])
    return batch
