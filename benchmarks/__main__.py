"""`python -m benchmarks [name…]`: each benchmark's ratio to its reference, measured in this run."""

import asyncio
import os
import platform
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import redirect_stderr
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.adding import add
from benchmarks.measure import Ratio
from benchmarks.reads import page, tiny, tree
from benchmarks.starting import start
from infra import logs

BENCHMARKS: Mapping[str, Callable[[], Awaitable[Ratio]]] = {
    "page": page,
    "tree": tree,
    "tiny": tiny,
    "add": add,
    "start": start,
}


def main() -> None:
    wanted = sys.argv[1:] or list(BENCHMARKS)
    if unknown := [name for name in wanted if name not in BENCHMARKS]:
        sys.exit(f"No benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.")
    with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
        logs.configure("info")  # as `serve` logs, but to nobody
        measured = [asyncio.run(_one(name)) for name in wanted]
    console = Console(width=120)
    console.print(_table(measured))
    console.print(f"{_machine()}. Milliseconds of CPU for one act, the least of all rounds.")


async def _one(name: str) -> Ratio:
    return await BENCHMARKS[name]()


def _table(measured: list[Ratio]) -> Table:
    table = Table("benchmark", "what", "ours, ms", "reference, ms", "ratio", "bar", "")
    for each in measured:
        bar, verdict = "–", ""
        if each.bar is not None:
            bar, verdict = f"≤ {each.bar:g}", "met" if each.ratio <= each.bar else "missed"
        ours, reference = f"{each.ours * 1e3:.2f}", f"{each.reference * 1e3:.2f}"
        table.add_row(each.name, each.what, ours, reference, f"{each.ratio:.2f}", bar, verdict)
    return table


def _machine() -> str:
    python = f"Python {platform.python_version()}"
    load = os.getloadavg()[0]
    return f"{python}, {platform.machine()}, {os.cpu_count()} cores, load {load:.1f}"


main()
