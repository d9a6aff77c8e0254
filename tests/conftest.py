"""What every test may ask for: the stores, each of them, and the databases below two of them."""

from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from shutil import copyfile

import pytest

from infra.db.migrate import migrate
from infra.store import Store, open_store
from tests.support.clock import TestClock
from tests.support.memory import MemoryStore
from tests.support.postgres import Databases, alone, begin_run, end_run, run_databases

AnyStore = Store | MemoryStore


def pytest_configure(config: pytest.Config) -> None:
    begin_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    end_run()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """All that is skipped for want of a cluster is told of in one line."""
    report = yield
    if report.skipped and "kubernetes" in report.keywords and isinstance(report.longrepr, tuple):
        report.longrepr = ("tests/support/clusters.py", 1, report.longrepr[2])
    return report


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture(scope="session")
def databases() -> Databases:
    return run_databases()


@pytest.fixture(scope="session")
def postgres_template(databases: Databases) -> str:
    return databases.template(migrate)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "modelyard.db"
    alone(lambda: migrate(sqlite(file)))
    return file


@pytest.fixture
def postgres_url(databases: Databases, postgres_template: str) -> Iterator[str]:
    with databases.cloned(postgres_template) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    copyfile(sqlite_template, tmp_path / "modelyard.db")
    return sqlite(tmp_path / "modelyard.db")


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database with the schema, one of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str | None:
    """None for the fake."""
    if request.param == "memory":
        return None
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def store(store_url: str | None, tmp_path: Path, clock: TestClock) -> AsyncIterator[AnyStore]:
    """The fake and each adapter, under one suite."""
    if store_url is None:
        yield MemoryStore(clock=clock)
    else:
        async with open_store(store_url, data_dir=tmp_path, clock=clock, poll=0.2) as opened:
            yield opened


def sqlite(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file}"
