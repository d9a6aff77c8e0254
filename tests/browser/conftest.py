"""A browser for each module, since none may be left open for tests of asyncio, and two servers."""

import json
from collections.abc import Generator, Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import chromium, found_chromium
from tests.support.server import Running, modelyard, running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """All that is skipped for want of a browser is told of in one line."""
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple):
        report.longrepr = ("tests/support/browser.py", 1, report.longrepr[2])
    return report


@pytest.fixture(scope="session")
def path() -> str:
    return found_chromium()


@pytest.fixture(scope="module")
def browser(path: str) -> Iterator[Browser]:
    with chromium(path) as browser:
        yield browser


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, path: str) -> Iterator[Running]:
    """In open mode."""
    with running(tmp_path_factory.mktemp("open") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory, path: str) -> Iterator[tuple[Running, str]]:
    """With a key, and the key."""
    folder = tmp_path_factory.mktemp("guarded")
    said = ("--server-admin", "--json", "--data-dir", str(folder / "data"))
    made = modelyard("key", "create", "ada", *said, cwd=folder)
    assert made.returncode == 0, made.stderr
    with running(folder / "data") as server:
        yield server, json.loads(made.stdout)["token"]
