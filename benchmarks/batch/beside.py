"""`python -m benchmarks.batch.beside LONG SHORT FOLDER PORT`: what a short job waits beside a long one.

Seconds from its creation to its completion: alone, and while the long one takes all that the server has.
"""

import asyncio
import json
import sys
from pathlib import Path
from time import perf_counter

import aiohttp

from benchmarks.batch.served import created, followed, served, shown, uploaded

UNDER_WAY = 10_000  # requests of the long job that were answered: its pace is found by then
LOOK = 0.05  # seconds


async def main(long: Path, short: Path, folder: Path, port: int) -> None:
    async with served(folder, port) as (_, http):
        small, large = await uploaded(http, short), await uploaded(http, long)
        alone = await _timed(http, small)
        running = await created(http, large)
        await _under_way(http, running)
        beside = await _timed(http, small)
        left = await shown(http, running)
        assert left["status"] == "in_progress", left
        print(json.dumps({"alone": alone, "beside": beside}), flush=True)


async def _under_way(http: aiohttp.ClientSession, batch_id: str) -> None:
    while True:
        if (await shown(http, batch_id))["request_counts"]["completed"] >= UNDER_WAY:
            return
        await asyncio.sleep(LOOK)


async def _timed(http: aiohttp.ClientSession, file_id: str) -> float:
    began = perf_counter()
    await followed(http, await created(http, file_id))
    return perf_counter() - began


if __name__ == "__main__":
    long, short, place, port = sys.argv[1:]
    asyncio.run(main(Path(long), Path(short), Path(place), int(port)))
