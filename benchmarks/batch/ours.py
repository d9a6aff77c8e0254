"""`python -m benchmarks.batch.ours INPUT FOLDER PORT AT_ONCE`: a worker over SQLite and a local folder.

Set up as `modelyard worker` is. Validated before, as a server does on another core or earlier; measured
until all results are durable.
"""

import itertools
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from random import random

import orjson
import structlog
import uvloop

from benchmarks.batch.spent import spent
from domain.batches.batch import Batch, BatchStatus, Place, TargetKind, Terms
from domain.batches.external_endpoint import ExternalEndpoint
from domain.batches.input.cutting import Cutter
from domain.batches.input.jsonl import Lines
from domain.batches.input.lines import Json
from domain.batches.worker import Worker
from domain.batches.worker.recording import Recording
from domain.batches.worker.sharing import Crew, Roster
from domain.clock import MonotonicTimer, utc_now
from domain.events import Scope, SubjectKind
from domain.files.file import File, FilePurpose, FileStatus
from domain.ids import new_id
from domain.secrets.values import OpenedSecrets
from infra.inference.engines import connections
from infra.inference.targets import ExternalTargets
from infra.objects.local import LocalObjects
from infra.secrets.sealer import AesSealer
from infra.serving import spare_garbage_collector
from infra.store import Store, open_store

LINE_LIMIT = 1024 * 1024


async def main(source: Path, folder: Path, port: int, at_once: int) -> None:
    objects = LocalObjects(root=folder / "objects").prepared()
    url = f"sqlite+aiosqlite:///{folder / 'bench.db'}"
    async with open_store(url, data_dir=folder) as store, connections() as engines:
        batch = await _prepared(store, objects, source, port, at_once)
        sealer = AesSealer(bytes(32))
        worker = Worker(
            roster=Roster(Crew(new_id())),
            reads=store.reads,
            records=Recording(start_work=store.start_work, clock=utc_now),
            log=store.log,
            workers=store.workers,
            shard_claims=store.shard_claims,
            objects=objects,
            targets=ExternalTargets(
                reads=store.reads, secrets=OpenedSecrets(reads=store.reads, sealer=sealer)
            ),
            inference=engines,
            json=Json(orjson.loads, orjson.dumps),
            clock=utc_now,
            timer=MonotonicTimer(),
            new_id=new_id,
            chance=random,
            logger=structlog.get_logger(),
        )
        spare_garbage_collector()
        with spent():
            async with worker.running():
                await _done(store, batch)


async def _prepared(
    store: Store, objects: LocalObjects, source: Path, port: int, at_once: int
) -> Batch:
    now = utc_now()
    project = await store.reads.projects.named("default")
    assert project is not None
    key = f"files/{new_id()}"
    written = await objects.put(key, _pieces(source))
    file = File(
        id=new_id(),
        project_id=project.id,
        name="requests.jsonl",
        purpose=FilePurpose.BATCH,
        status=FileStatus.PROCESSED,
        key=key,
        size=written.size,
        sha256=written.sha256,
        created_at=now,
        created_by="bench",
        expires_at=now + timedelta(days=1),
    )
    endpoint = ExternalEndpoint(
        id=new_id(),
        project_id=project.id,
        name="engine",
        base_url=f"http://127.0.0.1:{port}/v1",
        models=("chat",),
        api_key_secret=None,
        created_at=now,
        created_by="bench",
        updated_at=now,
    )
    place = Place(target=TargetKind.EXTERNAL, why="asked", external_endpoint_id=endpoint.id)
    id_ = new_id()
    cutter, lines = Cutter(batch_id=id_, dumps=orjson.dumps), Lines(limit=LINE_LIMIT)
    index, count = bytearray(), itertools.count()
    async for piece in objects.stream(key):
        for line in lines.feed(piece):
            assert line.text is not None
            index += cutter.add(f"request-{next(count)}", line.start, len(line.text))
    index += cutter.rest()
    await objects.put_bytes(f"batches/{id_}/index-1", bytes(index))
    batch = Batch(
        id=id_,
        project_id=project.id,
        status=BatchStatus.IN_PROGRESS,
        status_since=now,
        endpoint="/v1/chat/completions",
        model="chat",
        input_file_id=file.id,
        index_key=f"batches/{id_}/index-1",
        completion_window="24h",
        terms=Terms(max_concurrency=at_once),
        place=place,
        total=sum(shard.lines for shard in cutter.shards),
        created_at=now,
        created_by="bench",
        expires_at=now + timedelta(days=1),
        in_progress_at=now,
    )
    async with store.start_work("bench", "bench") as work:
        await work.files.add(file)
        await work.external_endpoints.add(endpoint)
        await work.batches.add(batch)
        await work.batch_shards.add(cutter.shards)
    return batch


async def _pieces(source: Path) -> AsyncIterator[bytes]:
    with source.open("rb") as file:
        while piece := file.read(1024 * 1024):
            yield piece


async def _done(store: Store, batch: Batch) -> None:
    scope = Scope(subject=(SubjectKind.BATCH_JOB, batch.id))
    async for event in store.log.follow(None, scope):
        if getattr(event.fact, "completed", 0) == batch.total:
            return


if __name__ == "__main__":
    source, folder, port, at_once = sys.argv[1:]
    uvloop.run(main(Path(source), Path(folder), int(port), int(at_once)))
