"""`modelyard serve` up to its first answer, against importing what it is made of."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from subprocess import DEVNULL, PIPE, Popen, run
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

from benchmarks.measure import Ratio

ROUNDS = 7
IMPORTS = "import strawberry, sqlalchemy, starlette"
READY = "ready at "


async def start() -> Ratio:
    return await asyncio.to_thread(_start)


def _start() -> Ratio:
    with TemporaryDirectory(prefix="modelyard-bench-") as place:
        _answered(Path(place))  # makes the database; later starts find it
        ours = min(_seconds(lambda: _answered(Path(place))) for _ in range(ROUNDS))
    reference = min(_seconds(_imported) for _ in range(ROUNDS))
    return Ratio(
        name="start", what="serve to first answer", ours=ours, reference=reference, bar=2.0
    )


def _seconds(act: Callable[[], None]) -> float:
    """CPU seconds of the processes that it starts and waits for."""
    before = getrusage(RUSAGE_CHILDREN)
    act()
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _imported() -> None:
    run([sys.executable, "-c", IMPORTS], check=True)


def _answered(place: Path) -> None:
    """Killed after its first answer: stopping well is not what is measured."""
    command = [sys.executable, "-m", "infra.cli", "serve", "--port", "0"]
    with Popen(
        [*command, "--data-dir", str(place)], stdout=PIPE, stderr=DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert READY in line, line
            url = line.rpartition(READY)[2].strip()
            body, headers = b'{"query": "{ apiVersion }"}', {"content-type": "application/json"}
            with urlopen(Request(f"{url}/graphql", body, headers)) as answer:
                assert b"apiVersion" in answer.read()
        finally:
            process.kill()
