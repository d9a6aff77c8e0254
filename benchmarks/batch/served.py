"""`python -m benchmarks.batch.served INPUT FOLDER PORT AT_ONCE`: the same file through a server.

Measured from the batch's creation to its downloaded output: the wall, and the CPU and peak memory of the
server's whole process tree. The upload and the server's start come before.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import aiohttp
import psutil

READY = "ready at "
CREATE = """mutation ($input: CreateExternalEndpointInput!) {
  createExternalEndpoint(input: $input) { userErrors { message } } }"""
FOLLOW = "subscription ($id: ID!) { batchJobEvents(batchJobId: $id) { cursor } }"


async def main(source: Path, folder: Path, port: int, at_once: int) -> None:
    async with served(folder, port) as (process, http):
        file_id = await uploaded(http, source)
        before, began = _cpu(process), perf_counter()
        await _done(http, file_id, folder / "output.jsonl", at_once)
        wall, cpu = perf_counter() - began, _cpu(process) - before
        print(json.dumps({"wall": wall, "cpu": cpu, "peak": _peak(process)}), flush=True)


async def _done(http: aiohttp.ClientSession, file_id: str, target: Path, at_once: int) -> None:
    """Created, followed to its end, and downloaded."""
    batch = await followed(http, await created(http, file_id, maxConcurrency=at_once))
    async with http.get(f"/v1/files/{batch['output_file_id']}/content") as answer:
        with target.open("wb") as out:
            async for piece in answer.content.iter_any():
                out.write(piece)


async def uploaded(http: aiohttp.ClientSession, source: Path) -> str:
    form = aiohttp.FormData()
    form.add_field("purpose", "batch")
    form.add_field("file", source.open("rb"), filename=source.name)
    async with http.post("/v1/files", data=form) as answer:
        return str((await answer.json())["id"])


async def created(http: aiohttp.ClientSession, file_id: str, **options: Any) -> str:
    asked = {
        "input_file_id": file_id,
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "modelyard": options,
    }
    return str((await post(http, "/v1/batches", asked))["id"])


async def followed(http: aiohttp.ClientSession, batch_id: str) -> Any:
    """The batch, once it is completed."""
    query = {"query": FOLLOW, "variables": {"id": batch_id}}
    headers = {"accept": "text/event-stream"}
    async with http.post("/graphql", json=query, headers=headers) as events:
        async for _ in events.content:
            pass
    batch = await shown(http, batch_id)
    assert batch["status"] == "completed", batch
    assert batch["request_counts"]["failed"] == 0, batch
    return batch


async def shown(http: aiohttp.ClientSession, batch_id: str) -> Any:
    async with http.get(f"/v1/batches/{batch_id}") as answer:
        return await answer.json()


async def post(http: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> Any:
    async with http.post(path, json=body) as answer:
        said = await answer.json()
        assert answer.status == 200, said
        assert not said.get("errors"), said
        return said


@asynccontextmanager
async def served(
    folder: Path, port: int
) -> AsyncIterator[tuple[psutil.Process, aiohttp.ClientSession]]:
    """A server that knows the engine at that port."""
    await _migrated(folder)
    async with _server(folder) as (process, url), aiohttp.ClientSession(url) as http:
        said = {"name": "engine", "baseUrl": f"http://127.0.0.1:{port}/v1", "models": ["chat"]}
        await post(http, "/graphql", {"query": CREATE, "variables": {"input": said}})
        yield process, http


async def _migrated(folder: Path) -> None:
    """As at every start but the first."""
    command = [sys.executable, "-m", "infra.cli", "migrate", "--data-dir", str(folder / "data")]
    with (folder / "migrate.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        assert await process.wait() == 0, (folder / "migrate.log").read_text()


@asynccontextmanager
async def _server(folder: Path) -> AsyncIterator[tuple[psutil.Process, str]]:
    command = [sys.executable, "-m", "infra.cli", "serve", "--port", "0"]
    with (folder / "server.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            "--data-dir",
            str(folder / "data"),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        assert READY in line, (folder / "server.log").read_text()
        yield psutil.Process(process.pid), line.rpartition(READY)[2].strip()
    finally:
        process.terminate()
        await process.wait()


def _tree(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _cpu(process: psutil.Process) -> float:
    return sum(times.user + times.system for times in (p.cpu_times() for p in _tree(process)))


def _peak(process: psutil.Process) -> int:
    """Bytes, of all processes together."""
    return sum(_high_water(each.pid) for each in _tree(process))


def _high_water(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    source, place, port, at_once = sys.argv[1:]
    asyncio.run(main(Path(source), Path(place), int(port), int(at_once)))
