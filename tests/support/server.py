"""Servers for tests: one in this process over the toy schema, and the real command.

async with serving(toy) as server: ...             # server.url, .ws_url, .store, .access, .live
with running(data_dir) as server: ...              # `modelyard serve`; server.url, .ws_url
"""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from types import SimpleNamespace
from typing import Any, TextIO

import httpx

from domain.access.access import Caller
from domain.access.service import Access
from domain.clock import MonotonicTimer, Timer, utc_now
from domain.deployments.proxy import Proxy
from domain.gateway.ports import NothingSleeps, Wake
from domain.ids import new_id
from infra.app import App, routes
from infra.http.gate import Gate
from infra.http.gateway import gateway
from infra.http.gateway.inference import Limits
from infra.http.gateway.watch import World
from infra.http.graphql import Endpoint
from infra.http.health import Health
from infra.http.live import Live
from infra.http.metrics import Metrics
from infra.http.ports import Operations
from infra.http.rules import Rules
from infra.http.versions import Versions
from infra.serving import Server
from infra.wiring import new_token
from resolvers.limits import Limits as DocumentLimits
from tests.support.forks import MODELYARD, Process, forks
from tests.support.memory import MemoryStore
from tests.support.toy import Toy

ROOT = Path(__file__).parents[2]
READY = re.compile(r"Modelyard \S+ ready at (http://\S+)\n")
VERSIONS = Versions(newest="0.1.0", supported=lambda _: ["0.1.0"], clock=utc_now)
START_SECONDS = 120.0
STOP_SECONDS = 60.0


@dataclass(kw_only=True)
class ToyApp:
    """The application over the toy schema and a store in memory, in open mode until a key is made."""

    toy: Toy = field(default_factory=Toy)
    store: MemoryStore = field(default_factory=MemoryStore)
    loopback: bool = True
    seconds: float = 30.0
    heartbeat: float = 10.0
    sleepers: Wake = field(default_factory=NothingSleeps)
    timer: Timer = field(default_factory=MonotonicTimer)
    inference: Limits = field(default_factory=lambda: Limits(body=32 * 1024 * 1024, seconds=60.0))
    hold: float = 60.0
    proxy: Proxy | None = None
    rules: Rules = field(default_factory=Rules)
    cost: int = 50_000
    operations: Operations | None = None
    versions: Versions = VERSIONS
    unready: list[Exception] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self.access = Access(
            start_work=self.store.start_work,
            reads=self.store.reads,
            clock=utc_now,
            new_id=new_id,
            new_token=new_token,
        )
        self.gate = Gate(self.access, new_id, loopback=self.loopback)
        self.live = Live(self.store.reads.keys, self.gate)
        metrics = Metrics()
        metrics.watch(self.live)
        limits = DocumentLimits(cost=self.cost)
        self.endpoint = Endpoint(
            operations=self.operations or self.toy.operations(limits),
            new_context=self._context,
            gate=self.gate,
            live=self.live,
            metrics=metrics,
            versions=self.versions,
            seconds=self.seconds,
            heartbeat=self.heartbeat,
            rules=self.rules,
        )
        world = World(
            id="gateway",
            reads=self.store.reads,
            log=self.store.log,
            gateways=self.store.gateways,
            sleepers=self.sleepers,
            clock=utc_now,
            timer=self.timer,
        )
        self.gateway = gateway.build(
            world, self.gate, self.live, metrics.registry, self.inference, self.hold, self.proxy
        )
        self.asgi = routes(self.endpoint, Health(self._check), self.gateway.routes)

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws") + "/graphql"

    def client(self) -> httpx.AsyncClient:
        """Straight into the application, without a socket."""
        transport = httpx.ASGITransport(self.asgi, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://localhost")

    async def key(self, name: str = "me", **roles: Any) -> str:
        """A new key's token; without roles it is a server admin's."""
        _, token = await self.access.create_key("test", name, roles, server_admin=not roles)
        return token

    def _context(self, caller: Caller, version: str) -> object:
        self.toy.callers.append(caller)
        return SimpleNamespace(toy=self.toy, caller=caller, version=version)

    async def _check(self) -> None:
        for problem in self.unready:
            raise problem


@asynccontextmanager
async def serving(app: ToyApp) -> AsyncIterator[ToyApp]:
    """The application on a socket of this process."""
    ready = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        built = App(asgi=app.asgi, live=app.live, gate=app.gate, gateway=app.gateway)
        server = Server(built, ready.set)
        async with app.gateway.running():
            task = asyncio.create_task(server.serve([listener]))
            await asyncio.wait(
                {task, asyncio.ensure_future(ready.wait())}, return_when="FIRST_COMPLETED"
            )
            app.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            try:
                yield app
            finally:
                server.should_exit = True
                await task


@dataclass(frozen=True, kw_only=True)
class Running:
    """A server in a process of its own."""

    process: Process
    url: str
    log: Path
    out: TextIO

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws") + "/graphql"

    def said(self) -> list[str]:
        """The lines after the ready line, of a server that ended."""
        return self.out.read().splitlines()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)


@contextmanager
def running(
    data_dir: Path,
    *options: str,
    env: Mapping[str, str] | None = None,
    program: str = MODELYARD,
) -> Iterator[Running]:
    """`modelyard serve` on a free port, from its ready line until the block ends."""
    log = data_dir.with_name(f"{data_dir.name}.log")
    arguments = ["serve", "--port", "0", "--data-dir", str(data_dir), *options]
    out, written = os.pipe()
    with log.open("a") as errors, open(written, "w") as theirs:
        fds = theirs.fileno(), errors.fileno()
        process = forks().start(arguments, environment(env), data_dir.parent, *fds, program)
    with open(out) as said:
        try:
            line = said.readline()
            ready = READY.fullmatch(line)
            assert ready, f"no ready line but {line!r}; the log: {log.read_text()}"
            yield Running(process=process, url=ready[1], log=log, out=said)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_SECONDS)


def modelyard(
    *arguments: str, env: Mapping[str, str] | None = None, cwd: Path
) -> "subprocess.CompletedProcess[str]":
    """The command, run to its end; its standard output and error as text."""
    with TemporaryFile("w+") as out, TemporaryFile("w+") as errors:
        fds = out.fileno(), errors.fileno()
        code = forks().start(arguments, environment(env), cwd, *fds).wait(START_SECONDS)
        for each in (out, errors):
            each.seek(0)
        return subprocess.CompletedProcess(arguments, code, out.read(), errors.read())


def installed_modelyard(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """As `modelyard`, from an interpreter's start, as a user has it."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        env=environment(),
        cwd=cwd,
        timeout=START_SECONDS,
        check=False,
    )


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "infra.cli", *arguments]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours without settings, so that a developer's own don't reach the tests."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("MODELYARD_")}
    return {**own, "PYTHONPATH": str(ROOT), **(more or {})}
