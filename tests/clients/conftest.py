"""One server for all that only want one, and the installed programs of others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import others
from tests.support.server import Running, running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("judged") / "data", "--stop-replicas") as server:
        yield server


@pytest.fixture
def typescript(tmp_path: Path) -> Path:
    return others.a_copy(tmp_path, others.TYPESCRIPT)


@pytest.fixture
def python(tmp_path: Path) -> Path:
    return others.a_copy(tmp_path, others.PYTHON)


@pytest.fixture
def node(tmp_path: Path) -> Path:
    return others.a_copy(tmp_path, others.NODE)
