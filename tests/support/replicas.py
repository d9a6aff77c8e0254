"""Replicas for tests of what runs them: small engines, real processes, and rows that nobody stores.

async with running(tmp_path) as bench:
    replica = await bench.start(bench.engine("{port}"))
    await bench.until(replica, Sight.HEALTHY)
"""

import asyncio
import os
import random
import select
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from domain.clock import Clock, utc_now
from domain.definitions.definition import Command, Definition, HealthCheck, Model, Service
from domain.deployments.deployment import EnvironmentValue, FolderUse, Revision
from domain.deployments.ports import Observed, PlacePorts, SecretValues, Sight
from domain.deployments.replica import Replica, ReplicaStatus
from domain.errors import FolderRefused
from domain.work import Reads
from infra.process.driver import ProcessDriver, open_driver
from infra.process.limits import Limits
from infra.process.listening import is_free
from infra.process.logs import ProcessLogs
from infra.process.parts import Parts
from infra.process.processes import Processes, Seen
from infra.process.procfs import ProcFs
from infra.process.settings import ProcessSettings
from tests.support.build import NOON
from tests.support.builders import a_deployment, a_project, a_revision, fresh

ENGINES = Path(__file__).with_name("engines")
SECONDS = 30.0
GRACE = timedelta(seconds=20)
QUICK = HealthCheck(interval=0.1, max_retries=2, max_wait_time=5, initial_delay=0)
INSTALLATION = "0123456789abcdef"


@dataclass
class Ports:
    """domain.deployments.ports.PlacePorts, for one test."""

    reserved: dict[tuple[str, str], int] = field(default_factory=dict)
    avoided: list[set[int]] = field(default_factory=list)
    offered: list[int] = field(default_factory=list)

    async def reserve(
        self, host: str, replica_id: str, models: Sequence[str], avoid: Collection[int]
    ) -> Mapping[str, int]:
        self.avoided.append(set(avoid))
        for model in models:
            key = replica_id, model
            if self.reserved.get(key) in (None, *avoid):
                self.reserved[key] = self.offered.pop(0) if self.offered else free_port()
        return {model: self.reserved[replica_id, model] for model in models}


@dataclass
class Secrets:
    values: dict[str, str] = field(default_factory=dict)

    async def open(self, project_id: str, names: Collection[str]) -> Mapping[str, str]:
        return {name: self.values[name] for name in names if name in self.values}


class Folders:
    async def local(self, uri: str) -> Path:
        path = Path(uri.removeprefix("file://"))
        if not path.is_dir():
            raise FolderRefused(uri=uri, problem="there is no such folder")
        return path


@dataclass
class Rows:
    """What `by_ids` finds."""

    kept: dict[str, Any] = field(default_factory=dict)

    async def by_ids(self, ids: Collection[str]) -> Mapping[str, Any]:
        return {each: self.kept[each] for each in ids if each in self.kept}


@dataclass(kw_only=True)
class World:
    """What outlives a control plane."""

    data_dir: Path
    model: Path
    installation: str = INSTALLATION
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    ports: Ports = field(default_factory=Ports)
    secrets: Secrets = field(default_factory=Secrets)
    replicas: Rows = field(default_factory=Rows)
    revisions: Rows = field(default_factory=Rows)
    processes: Processes = field(default_factory=ProcFs)
    clock: Clock = utc_now
    place_ports: PlacePorts | None = None  # instead of `ports`
    secret_values: SecretValues | None = None  # instead of `secrets`
    cgroup: Path | None = None

    def parts(self, **said: Any) -> Parts:
        own = {
            "data_dir": self.data_dir,
            "installation": self.installation,
            "host": "here",
            "environ": self.environ,
            "log_check": timedelta(milliseconds=20),
            "grace": timedelta(seconds=2),
        }
        reads = SimpleNamespace(replicas=self.replicas, revisions=self.revisions)
        return Parts(
            settings=ProcessSettings(**{**own, **said}),
            processes=self.processes,
            boot=self.processes.boot(),
            reads=cast(Reads, reads),
            ports=self.place_ports or self.ports,
            secrets=self.secret_values or self.secrets,
            folders=Folders(),
            clock=self.clock,
            limits=Limits(self.cgroup),
        )


@dataclass(frozen=True)
class Bench:
    """One control plane's driver. Replicas that a test leaves are ended with it."""

    world: World
    parts: Parts
    driver: ProcessDriver
    logs: ProcessLogs

    async def start(self, command: Command, **said: Any) -> Replica:
        """A replica of one model; `said` is its service's, its revision's and its row's fields."""
        services = {"m": a_service(command, said)}
        return await self.start_all(services, **said)

    async def start_all(self, services: Mapping[str, Service], **said: Any) -> Replica:
        replica = self.row(services, **said)
        await self.driver.start(replica, self.revision_of(replica))
        return replica

    def row(self, services: Mapping[str, Service], **said: Any) -> Replica:
        """Committed, and not started."""
        deployment = a_deployment(a_project())
        models = tuple(
            Model(name=name, model_path=said.get("model_path", "/models"), service=service)
            for name, service in services.items()
        ) or (Model(name="m", model_path="/models"),)
        revision = a_revision(
            deployment,
            definition=Definition(models=models),
            folder=said.get("folder", folder_use(self.world.model)),
            environment=said.get("environment", {}),
            resources=said.get("resources", {}),
        )
        self.world.revisions.kept[revision.id] = revision
        replica = Replica(
            id=fresh(),
            project_id=deployment.project_id,
            deployment_id=deployment.id,
            group_id=fresh(),
            revision_id=revision.id,
            revision_number=1,
            status=said.get("status", ReplicaStatus.STARTING),
            status_since=NOON,
            created_at=NOON,
        )
        self.world.replicas.kept[replica.id] = replica
        return replica

    def revision_of(self, replica: Replica) -> Revision:
        revision = self.world.revisions.kept[replica.revision_id]
        assert isinstance(revision, Revision)
        return revision

    async def until(self, replica: Replica, wanted: Sight | Callable[[Observed], bool]) -> Observed:
        """What the driver tells once it is so; it fails with what it told last."""
        is_so = (lambda o: o.sight is wanted) if isinstance(wanted, Sight) else wanted
        told: Observed | None = None
        try:
            async with asyncio.timeout(SECONDS), aclosing(self.driver.changes()) as changes:
                change = asyncio.ensure_future(anext(changes))
                await asyncio.sleep(0)  # the changes are followed before the first look
                while True:
                    told = (await self.driver.observe([replica])).get(replica.id)
                    if told is not None and is_so(told):
                        await cancelled(change)
                        return told
                    await change
                    change = asyncio.ensure_future(anext(changes))
        except TimeoutError as error:
            lines = await self.logs.tail(replica, 50)
            raise AssertionError(f"{told}; the log: {lines}") from error

    def placed(self, replica: Replica, observed: Observed) -> Replica:
        """Its row as the reconciler would write it, committed."""
        row = replace(replica, placement=observed.placement, endpoints=observed.endpoints)
        self.world.replicas.kept[row.id] = row
        return row

    async def log(self, replica: Replica) -> str:
        return "\n".join(await self.logs.tail(replica, 10_000))

    def members(self, replica: Replica) -> list[Seen]:
        mark = self.parts.mark(replica.id)
        return [seen for seen in self.parts.processes.all() if seen.mark == mark]


@asynccontextmanager
async def running(world: World, **said: Any) -> AsyncIterator[Bench]:
    """A control plane; what it leaves runs on, as with the real one."""
    parts = world.parts(**said)
    async with open_driver(parts) as driver:
        yield Bench(world, parts, driver, ProcessLogs(parts, driver))


@asynccontextmanager
async def a_world(tmp_path: Path, **said: Any) -> AsyncIterator[World]:
    """Whose processes end with the block, whatever became of their control planes."""
    model = tmp_path / "model"
    model.mkdir()
    for script in ENGINES.iterdir():
        (model / script.name).write_bytes(script.read_bytes())
    own = {"data_dir": tmp_path / "data", "model": model, "installation": fresh()}
    world = World(**{**own, **said})
    world.data_dir.mkdir()
    try:
        yield world
    finally:
        world.replicas.kept.clear()
        parts = world.parts(grace=timedelta(0))
        async with open_driver(parts) as driver:
            await driver.sweep()
            await driver.swept()


def a_service(command: Command | None, said: Mapping[str, Any] | None = None) -> Service:
    said = said or {}
    names = set(Service.model_fields) & set(said)
    own: dict[str, Any] = {"port": 8000, "health_check": QUICK, "shell": "/bin/sh"}
    return Service(start_command=command, **{**own, **{name: said[name] for name in names}})


def engine(*words: str, port: str = "{port}") -> Command:
    """The engine in tests/support/engines, with its knobs."""
    return ("python", "engine.py", port, *words)


def folder_use(path: Path) -> FolderUse:
    return FolderUse(
        folder_id="f1", name="llama", uri=f"file://{path}", mount_path="/models", file=None
    )


def values(**said: str) -> Mapping[str, EnvironmentValue]:
    return {name: EnvironmentValue(value=value) for name, value in said.items()}


def free_port() -> int:
    """Out of the range from which the system takes ports by itself."""
    while not is_free(port := random.randint(20_000, 29_999)):
        continue
    return port


async def ended(pid: int) -> None:
    """When the process is gone; at once where it is."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        is_gone = await asyncio.to_thread(lambda: bool(select.select([fd], [], [], SECONDS)[0]))
        assert is_gone, f"process {pid} does not end"
    finally:
        os.close(fd)


async def written(file: Path) -> str:
    """The content of a file, once an engine has written it."""

    def look() -> str:
        deadline = time.monotonic() + SECONDS
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        return file.read_text()

    return await asyncio.to_thread(look)


async def cancelled(task: "asyncio.Future[Any]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
