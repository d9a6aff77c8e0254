"""Ending all that belongs to a replica, also what left its session."""

import asyncio
import os
import signal
from collections.abc import Collection, Sequence, Set
from contextlib import suppress

import structlog

from infra.process import exits
from infra.process.processes import Processes, Seen, members

log = structlog.get_logger()

ROUND = 1.0  # seconds to wait for what was killed, before it is looked for again
STUBBORN = 10  # rounds after which it is worth a line in the log


async def end(mark: str, mains: Collection[Seen], grace: float, processes: Processes) -> None:
    """SIGTERM to all of it, after `grace` seconds SIGKILL, until nothing of it is left."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + grace
    asked: set[Seen] = set()
    rounds = 0
    while left := await found(mark, mains, asked, processes):
        patience = deadline - loop.time()
        if patience > 0:
            _signal([each for each in left if each not in asked], signal.SIGTERM, processes)
            asked.update(left)
        else:
            _signal(left, signal.SIGKILL, processes)
            patience, rounds = ROUND, rounds + 1
            if rounds % STUBBORN == 0:
                log.warning("processes do not end", pids=[each.pid for each in left])
        await _gone(left, patience, processes)


async def found(
    mark: str, mains: Collection[Seen], known: Set[Seen], processes: Processes
) -> list[Seen]:
    """What is there of the replica; `known` are found again, also if nothing shows that they are its."""
    seen = await asyncio.to_thread(processes.all)
    again = [each for each in seen if each in known]
    return list({*members(seen, mark, mains), *again})


def _signal(targets: Sequence[Seen], number: signal.Signals, processes: Processes) -> None:
    """Groups as one, so that what is forked meanwhile gets it too; then each by itself."""
    leaders = {each.pid for each in targets if each.pid == each.group}
    grouped = {each for each in targets if each.group in leaders}
    for leader in leaders:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, number)
    for each in targets:
        if each not in grouped:
            exits.send(each, number, processes)


async def _gone(targets: Sequence[Seen], patience: float, processes: Processes) -> None:
    watched = [asyncio.create_task(exits.gone(each, processes)) for each in targets]
    try:
        await asyncio.wait(watched, timeout=patience)
    finally:
        for each in watched:
            each.cancel()
        await asyncio.gather(*watched, return_exceptions=True)
