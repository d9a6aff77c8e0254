"""A server and workers beside it, each a process of its own, to be killed and stopped.

async with Fleet(place, env, workers=2).running() as fleet: ...    # fleet.url, fleet.members
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TextIO

from tests.support.forks import Process, forks
from tests.support.server import READY, environment

ANYBODY = ""
START_SECONDS = 60.0
STOP_SECONDS = 60.0


@dataclass
class Member:
    """`name` is "server", or "worker-1" and so on."""

    name: str
    process: Process
    out: TextIO
    url: str = ""


@dataclass(frozen=True)
class Blow:
    """A moment, in seconds of the monotonic clock: a process was killed, or stood still until then.

    `undone` are the marks that its worker had, and that had no durable answer when it was struck;
    `still` are those of them that had none when it went on."""

    victim: str
    at: float
    until: float
    phase: str
    undone: frozenset[str] = frozenset()
    still: frozenset[str] = frozenset()

    def __str__(self) -> str:
        how = "killed" if self.at == self.until else f"stopped for {self.until - self.at:.1f} s"
        return f"{self.victim} {how} in {self.phase} at {self.at:.3f}"


async def nothing(owner: str) -> frozenset[str]:
    return frozenset()


@dataclass
class Fleet:
    """`workers` are those beside the server's own. All share the data dir `place / "data"`. `undone` tells
    the marks that a worker has, by its id in the database or ANYBODY,
    and that have no durable answer."""

    place: Path
    env: Mapping[str, str]
    workers: int = 0
    members: dict[str, Member] = field(default_factory=dict)
    blows: list[Blow] = field(default_factory=list)
    starts: list[tuple[float, float]] = field(default_factory=list)  # of members: begun, and ready
    undone: Callable[[str], Awaitable[frozenset[str]]] = nothing

    @property
    def storage(self) -> Path:
        return self.place / "data"

    @property
    def url(self) -> str:
        return self.members["server"].url

    @property
    def names(self) -> list[str]:
        return ["server", *(f"worker-{n}" for n in range(1, self.workers + 1))]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Fleet"]:
        """Whoever is left is told to end at the block's end, and killed where it does not."""
        try:
            for name in self.names:
                await self.start(name)
            yield self
        finally:
            await self.stop()

    async def start(self, name: str) -> None:
        own = ["serve", "--port", "0"] if name == "server" else ["worker"]
        arguments = [*own, "--data-dir", str(self.storage)]
        begun = monotonic()
        self.members[name] = await asyncio.to_thread(self._started, name, arguments)
        self.starts.append((begun, monotonic()))

    async def stop(self) -> None:
        """All of them, the workers first."""
        for name in reversed(self.names):
            if (member := self.members.pop(name, None)) is not None:
                member.process.send_signal(signal.SIGCONT)
                member.process.send_signal(signal.SIGTERM)
                await asyncio.to_thread(_ended, member.process)
                member.out.close()

    async def kill(self, name: str, phase: str) -> None:
        """SIGKILL; it is not started again by this."""
        owner, member = self.worker_of(name), self.members.pop(name)
        at = monotonic()
        member.process.send_signal(signal.SIGKILL)
        member.out.close()
        assert await asyncio.to_thread(member.process.wait, STOP_SECONDS) == -signal.SIGKILL
        undone = await self.undone(owner)
        self.blows.append(Blow(name, at, at, phase, undone, undone))

    async def stall(self, name: str, phase: str, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after so long: the time is what is tested, not waited for."""
        async with self.stopped(name, phase):
            await asyncio.sleep(seconds)

    @asynccontextmanager
    async def stopped(self, name: str, phase: str) -> AsyncIterator[None]:
        """SIGSTOP, and SIGCONT at the block's end."""
        process, owner = self.members[name].process, self.worker_of(name)
        at = monotonic()
        process.send_signal(signal.SIGSTOP)
        try:
            undone = await self.undone(owner)
            yield
            still = undone & await self.undone(ANYBODY)
            self.blows.append(Blow(name, at, monotonic(), phase, undone, still))
        finally:
            process.send_signal(signal.SIGCONT)

    def worker_of(self, name: str) -> str:
        """The id by which the member's worker goes: that of the slot which it holds locked."""
        slots = str(self.storage / "workers")
        [slot] = {each for each in self.open_files(name) if each.startswith(slots)}
        return Path(slot).read_text().strip()

    def open_files(self, name: str) -> list[str]:
        found = []
        for descriptor in Path(f"/proc/{self.members[name].process.pid}/fd").iterdir():
            with suppress(OSError):
                found.append(os.readlink(descriptor))
        return found

    def logs(self) -> str:
        return "\n".join(
            f"{file.name}: {file.read_text()[-4_000:]}" for file in self.place.glob("*.log")
        )

    def _started(self, name: str, arguments: list[str]) -> Member:
        out, written = os.pipe()
        with (self.place / f"{name}.log").open("a") as errors, open(written, "w") as theirs:
            fds = theirs.fileno(), errors.fileno()
            process = forks().start(arguments, environment(self.env), self.place, *fds)
        said = open(out)  # noqa: SIM115 — as long as the member lives, it may write
        line = said.readline()
        ready = READY.fullmatch(line)
        if name == "server":
            assert ready, f"no ready line but {line!r}; {self.logs()}"
        else:
            assert line, f"{name} ended at once; {self.logs()}"
        return Member(name, process, said, ready[1] if ready else "")


def _ended(process: Process) -> None:
    try:
        process.wait(STOP_SECONDS)
    except TimeoutError:
        process.send_signal(signal.SIGKILL)
        process.wait(STOP_SECONDS)
        raise
