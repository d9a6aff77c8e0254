"""Seeing that a process ended: at once through a pidfd, else by looking.

No handler of SIGCHLD is installed and no child but our own is waited for.
"""

import asyncio
import os
import signal
from contextlib import closing, suppress
from dataclasses import dataclass

from infra.process.processes import Processes, Seen

LOOK = 0.1  # seconds between looks, where there are no pidfds
MOMENT = 0.01  # seconds between looks at what is ending


@dataclass(slots=True)
class Descriptor:
    """A pidfd, closed with the block."""

    fd: int

    def close(self) -> None:
        os.close(self.fd)


def descriptor(seen: Seen, processes: Processes) -> Descriptor | None:
    """A pidfd of the very process; raises ProcessLookupError where it is gone. None: there is none to
    be had, on this platform or now."""
    opened = None
    with suppress(AttributeError, OSError):
        opened = Descriptor(os.pidfd_open(seen.pid))
    if processes.one(seen.pid) == seen:
        return opened
    if opened is not None:
        opened.close()
    raise ProcessLookupError


async def ended(seen: Seen, processes: Processes) -> int | None:
    """When it has ended: its exit code, negative for a signal, None where it is no child of ours."""
    await gone(seen, processes)
    return await code_of(seen.pid, processes)


async def code_of(pid: int, processes: Processes) -> int | None:
    """The exit code of what is not shown any more, as `ended` tells it. A process that is ending is
    hidden a moment before its parent may ask how it ended."""
    while True:
        found = _waited(pid)
        if found != (0, 0) or processes.one(pid) is not None:
            return _code(found)
        await asyncio.sleep(MOMENT)


async def gone(seen: Seen, processes: Processes) -> None:
    """As `ended`, and leaves it to others to ask for the exit code."""
    with suppress(ProcessLookupError):
        opened = descriptor(seen, processes)
        if opened is None:
            await _unlisted(seen, processes)
        else:
            with closing(opened):
                await _readable(opened.fd)


def reaped(pid: int) -> int | None:
    """The exit code of a child of ours that has ended; None for any other process."""
    return _code(_waited(pid))


def zombies() -> frozenset[int]:
    """Children of ours that have ended and were not waited for: also what was left to us as the first
    process of a container, and replicas that another control plane took over."""
    import psutil  # seldom needed, and slow to import

    found = set[int]()
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if child.status() == psutil.STATUS_ZOMBIE:
                found.add(child.pid)
    return frozenset(found)


def send(seen: Seen, number: signal.Signals, processes: Processes) -> None:
    """Signal the very process, never one that has its pid since."""
    with suppress(ProcessLookupError, PermissionError):
        opened = descriptor(seen, processes)
        if opened is None:
            os.kill(seen.pid, number)
        else:
            with closing(opened):
                signal.pidfd_send_signal(opened.fd, number)


def _waited(pid: int) -> tuple[int, int] | None:
    """As waitpid: (0, 0) while it lives. None: it is no child of ours."""
    try:
        return os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return None


def _code(found: tuple[int, int] | None) -> int | None:
    pid, status = found or (0, 0)
    return os.waitstatus_to_exitcode(status) if pid else None


async def _unlisted(seen: Seen, processes: Processes) -> None:
    while True:
        await asyncio.sleep(LOOK)
        if processes.one(seen.pid) != seen:
            return


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    loop.add_reader(fd, _settle, done)
    try:
        await done
    finally:
        loop.remove_reader(fd)


def _settle(done: "asyncio.Future[None]") -> None:
    if not done.done():
        done.set_result(None)


def shown(code: int | None) -> str:
    """An exit code for people."""
    if code is None:
        return "an exit code that nobody saw"
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
