"""`python -m benchmarks.batch.bare INPUT OUTPUT PORT AT_ONCE`: the same file's requests, sent by hand.

What one writes who has an afternoon: aiohttp, so many workers, all in memory, the output at the end.
Nothing is durable before, nothing is tried again.
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from benchmarks.batch.spent import spent


async def main(source: Path, target: Path, port: int, at_once: int) -> None:
    with source.open() as file:
        requests = [json.loads(line) for line in file if line.strip()]
    results: list[Any] = [None] * len(requests)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        waiting = iter(enumerate(requests))
        base = f"http://127.0.0.1:{port}"
        await asyncio.gather(*(work(session, base, waiting, results) for _ in range(at_once)))
    with target.open("w") as file:
        for result in results:
            file.write(json.dumps(result) + "\n")


async def work(
    session: aiohttp.ClientSession,
    base: str,
    waiting: Iterator[tuple[int, Any]],
    results: list[Any],
) -> None:
    for place, request in waiting:
        async with session.post(base + request["url"], json=request["body"]) as answer:
            body = await answer.json()
        response = {"status_code": answer.status, "request_id": f"req_{place}", "body": body}
        results[place] = {
            "id": f"batch_req_{place}",
            "custom_id": request["custom_id"],
            "response": response,
            "error": None,
        }


if __name__ == "__main__":
    source, target, port, at_once = sys.argv[1:]
    with spent():
        uvloop.run(main(Path(source), Path(target), int(port), int(at_once)))
