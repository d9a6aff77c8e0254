"""What a batch costs beside a bare aiohttp loop over the same file, in alternating pairs: through a server
from its creation to the downloaded output, and for a worker alone.

Each run is a process of its own, and so is the engine, which answers after 20 ms as many as it is
asked.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from benchmarks.measure import Measured

AT_ONCE, ENGINE_MILLISECONDS = 256, 20
PAIRS = 5
WALL, CPU = 1.15, 1.2  # times the bare loop's
MEMORY = 150.0  # MB
SHORT, LONG = (
    400,
    3_900,
)  # bytes of a request; of the long batch 200 MB are all that a file may have
NAMED = {"served": "", "ours": ", a worker alone"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Seconds, and bytes."""

    wall: float
    cpu: float
    peak: int


async def batch() -> Sequence[Measured]:
    with TemporaryDirectory() as place:
        folder = Path(place)
        async with _engine(ENGINE_MILLISECONDS) as port:
            short = _written(folder / "short.jsonl", 1_000, SHORT)
            await _run("served", short, _new(folder), port)  # compiles the modules
            return [
                *await _compared("served", folder, port, 1_000),
                *await _compared("served", folder, port, 10_000, wall=WALL, cpu=CPU),
                *await _compared("ours", folder, port, 10_000),
                await _long(folder, port),
                *await _beside(folder),
            ]


async def _compared(
    which: str,
    folder: Path,
    port: int,
    count: int,
    *,
    wall: float | None = None,
    cpu: float | None = None,
) -> Sequence[Measured]:
    source = _written(folder / f"{count}.jsonl", count, SHORT)
    pairs = [
        (
            await _run(which, source, _new(folder), port),
            await _run("bare", source, _new(folder), port),
        )
        for _ in range(PAIRS)
    ]
    said = f"{count:,} requests{NAMED[which]}"
    return [
        _measured("batch", f"{said}: wall, s", median(ours.wall for ours, _ in pairs)),
        _measured("", "of the bare loop, s", median(bare.wall for _, bare in pairs)),
        _measured("", "ratio", median(o.wall / b.wall for o, b in pairs), wall),
        _measured("", f"{said}: CPU, s", median(ours.cpu for ours, _ in pairs)),
        _measured("", "of the bare loop, s", median(bare.cpu for _, bare in pairs)),
        _measured("", "ratio", median(o.cpu / b.cpu for o, b in pairs), cpu),
        _measured("", "peak RSS, MB", max(ours.peak for ours, _ in pairs) / 1e6),
        _measured("", "of the bare loop, MB", max(bare.peak for _, bare in pairs) / 1e6),
    ]


async def _long(folder: Path, port: int) -> Measured:
    source = _written(folder / "long.jsonl", 50_000, LONG)
    spent = await _run("served", source, _new(folder), port)
    what = f"50,000 requests, {source.stat().st_size / 1e6:.0f} MB: peak RSS, MB"
    return _measured("", what, spent.peak / 1e6, MEMORY)


async def _beside(folder: Path) -> Sequence[Measured]:
    """At an engine that answers at once, so that it is the server that has no time."""
    long = _written(folder / "beside.jsonl", 50_000, SHORT)
    short = _written(folder / "ten.jsonl", 10, SHORT)
    async with _engine(0) as port:
        said = await _told(folder, "beside", long, short, _new(folder), port)
    return [
        _measured("", "10 requests, alone: completed after, s", said["alone"]),
        _measured("", "beside 50,000: completed after, s", said["beside"]),
    ]


def _measured(name: str, what: str, value: float, bar: float | None = None) -> Measured:
    return Measured(name=name, what=what, value=value, bar=bar)


def _written(file: Path, count: int, size: int) -> Path:
    with file.open("wb") as out:
        for number in range(count):
            message = {"role": "user", "content": f"{number}: " + "word " * (size // 5)}
            body = {"model": "chat", "messages": [message], "max_tokens": 100}
            line: dict[str, object] = {"custom_id": f"request-{number}", "method": "POST"}
            line |= {"url": "/v1/chat/completions", "body": body}
            out.write(orjson.dumps(line) + b"\n")
    return file


def _new(folder: Path) -> Path:
    fresh = folder / str(len(list(folder.iterdir())))
    fresh.mkdir()
    return fresh


async def _run(which: str, source: Path, folder: Path, port: int) -> Spent:
    place = folder if which in NAMED else folder / "output.jsonl"
    return Spent(**await _told(folder.parent, which, source, place, port, AT_ONCE))


async def _told(folder: Path, which: str, *said: object) -> Any:
    """What the script prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"benchmarks.batch.{which}",
        *map(str, said),
        stdout=asyncio.subprocess.PIPE,
        env=_environment(folder),
    )
    out, _ = await process.communicate()
    return orjson.loads(out.splitlines()[-1])


def _environment(folder: Path) -> dict[str, str]:
    """With modules compiled once, as where a package is installed."""
    kept = {name: each for name, each in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}


@asynccontextmanager
async def _engine(milliseconds: int) -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.batch.engine",
        str(milliseconds),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()
