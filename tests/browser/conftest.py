"""A browser and servers, one each for all the tests that leave them as they are."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import chromium
from tests.support.server import Running, modelyard, running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Running]:
    """In open mode."""
    with running(tmp_path_factory.mktemp("open") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def guarded(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[tuple[Running, str]]:
    """With a key, and the key."""
    folder = tmp_path_factory.mktemp("guarded")
    said = ("--server-admin", "--json", "--data-dir", str(folder / "data"))
    made = modelyard("key", "create", "ada", *said, cwd=folder)
    assert made.returncode == 0, made.stderr
    with running(folder / "data") as server:
        yield server, json.loads(made.stdout)["token"]
