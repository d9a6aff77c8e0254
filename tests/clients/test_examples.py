"""The example clients, as their folders' one command runs them, over a connection that is cut once."""

import asyncio
from pathlib import Path

import pytest

from tests.support.api import a_client
from tests.support.cable import a_cable
from tests.support.others import run
from tests.support.server import modelyard, running

HISTORY = "{ events(first: 100) { nodes { __typename ... on DeploymentEvent { deploymentId } } } }"
LOST = "The connection was lost; going on behind the last cursor."
RESULTS = ["  a: 200", "  b: 200", "  c: 200", "3 of 3 completed."]


@pytest.fixture(params=["python", "typescript"])
def example(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue(request.param)
    return folder


@pytest.fixture
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shown") / "data"


async def test_an_example_serves_a_model_follows_it_and_reads_a_batch(
    example: Path, fresh: Path
) -> None:
    with running(fresh, "--stop-replicas") as server:
        key = an_editors_key(fresh)
        async with a_cable(server.url) as cable, a_client(server.url) as api:
            cable.snaps_at = b"RevisionActivated"
            said = (await asyncio.to_thread(run, "./run", cable.url, key, cwd=example)).splitlines()
            assert cable.cuts == 1
            api.http.headers["Authorization"] = f"Bearer {key}"
            history = (await api.get(HISTORY))["events"]["nodes"]
    assert said.count(LOST) == 1
    assert "The API answers as of 0.2.0." in said
    told = [event["__typename"] for event in history if event.get("deploymentId")]
    heard = [line.strip() for line in said if line.startswith("  ") and line.strip().isalpha()]
    assert heard == told[: len(heard)]
    assert heard[-1] == "DeploymentStatusChanged"
    assert "  batch COMPLETED" in said
    assert [line for line in said if line in RESULTS] == RESULTS


def an_editors_key(data_dir: Path) -> str:
    said = ("key", "create", "ci", "--project", "default:editor", "--data-dir", str(data_dir))
    made = modelyard(*said, cwd=data_dir.parent)
    return next(word for word in made.stdout.split() if word.startswith("my_"))
