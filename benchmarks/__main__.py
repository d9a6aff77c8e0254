"""`python -m benchmarks [name…]`: each benchmark's ratio to its reference, measured in this run; of the
loop, what it costs and how soon it acts."""

import asyncio
import os
import platform
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import redirect_stderr
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.adding import add
from benchmarks.batch import batch
from benchmarks.gateway import gateway
from benchmarks.measure import Measured, Ratio
from benchmarks.reads import page, tiny, tree
from benchmarks.reconcile import reconcile
from benchmarks.starting import start
from infra import logs

BENCHMARKS: Mapping[str, Callable[[], Awaitable[Ratio | Sequence[Ratio | Measured]]]] = {
    "page": page,
    "tree": tree,
    "tiny": tiny,
    "add": add,
    "start": start,
    "reconcile": reconcile,
    "gateway": gateway,
    "batch": batch,
}


def main() -> None:
    wanted = sys.argv[1:] or list(BENCHMARKS)
    if unknown := [name for name in wanted if name not in BENCHMARKS]:
        sys.exit(f"No benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.")
    with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
        logs.configure("info")  # as `serve` logs, but to nobody
        measured = [each for name in wanted for each in asyncio.run(_some(name))]
    console = Console(width=120)
    if ratios := [each for each in measured if isinstance(each, Ratio)]:
        console.print(_ratios(ratios))
        console.print("Milliseconds of CPU for one act, the least of all rounds.")
    if numbers := [each for each in measured if isinstance(each, Measured)]:
        console.print(_numbers(numbers))
    console.print(f"{_machine()}.")


async def _some(name: str) -> Sequence[Ratio | Measured]:
    found = await BENCHMARKS[name]()
    return [found] if isinstance(found, Ratio) else found


def _ratios(measured: Sequence[Ratio]) -> Table:
    table = Table("benchmark", "what", "ours, ms", "reference, ms", "ratio", "bar", "")
    for each in measured:
        ours, reference = f"{each.ours * 1e3:.2f}", f"{each.reference * 1e3:.2f}"
        table.add_row(
            each.name, each.what, ours, reference, f"{each.ratio:.2f}", *_bar(each.ratio, each.bar)
        )
    return table


def _numbers(measured: Sequence[Measured]) -> Table:
    table = Table("benchmark", "what", "measured", "bar", "")
    for each in measured:
        table.add_row(each.name, each.what, f"{each.value:.2f}", *_bar(each.value, each.bar))
    return table


def _bar(value: float, bar: float | None) -> tuple[str, str]:
    if bar is None:
        return "–", ""
    return f"≤ {bar:g}", "met" if value <= bar else "missed"


def _machine() -> str:
    python = f"Python {platform.python_version()}"
    load = os.getloadavg()[0]
    return f"{python}, {platform.machine()}, {os.cpu_count()} cores, load {load:.1f}"


main()
