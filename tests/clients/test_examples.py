"""The example clients, as their folders' one command runs them, over a connection that is cut."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.api import a_client
from tests.support.cable import Cable, a_cable
from tests.support.others import run
from tests.support.server import Running, modelyard, running

HISTORY = "{ events(first: 100) { nodes { __typename ... on DeploymentEvent { deploymentId } } } }"
LOST = "The connection was lost; going on behind the last cursor."
RESULTS = ["  a: 200", "  b: 200", "  c: 200", "3 of 3 completed."]
LATE = b"ReplicaBecameHealthy"  # it comes when what was before has been heard
ENDS = """import { DeploymentEventsDocument } from "../generated/graphql.js";
import { Modelyard } from "./client.js";

const [url = "", deploymentId = "", after = ""] = process.argv.slice(2);
const asked = { deploymentId, after };
const events = new Modelyard(url).follow(DeploymentEventsDocument, asked, (said) => said.deploymentEvents);
for await (const event of events) console.log(event.__typename);
console.log("the end");
process.exit();
"""


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
    with closed(fresh) as (server, key):
        async with a_cable(server.url) as cable, a_client(server.url) as api:
            cable.snaps_at, cable.refuses = LATE, 2
            said = (await asyncio.to_thread(run, "./run", cable.url, key, cwd=example)).splitlines()
            assert (cable.cuts, cable.refused) == (1, 2)
            api.http.headers["Authorization"] = f"Bearer {key}"
            history = (await api.get(HISTORY))["events"]["nodes"]
    assert said.count(LOST) == 1 + cable.refused
    assert said.index("  RevisionActivated") < said.index(LOST)
    assert "The API answers as of 0.2.0." in said
    assert not any("error" in line for line in said)
    told = [event["__typename"] for event in history if event.get("deploymentId")]
    heard = [line.strip() for line in said if line.startswith("  ") and line.strip().isalpha()]
    assert heard == told[: len(heard)]
    assert heard[-1] == "DeploymentStatusChanged"
    assert "  batch COMPLETED" in said
    assert [line for line in said if line in RESULTS] == RESULTS


async def test_an_example_whose_key_is_revoked_says_so_and_tries_no_longer(
    example: Path, fresh: Path
) -> None:
    with closed(fresh) as (server, key):
        async with a_cable(server.url) as cable:
            cable.snaps_at, cable.refuses = LATE, 1_000
            program = asyncio.create_task(
                asyncio.to_thread(run, "./run", cable.url, key, cwd=example, fails=True)
            )
            await cut(cable, program)
            await asyncio.to_thread(
                modelyard, "key", "revoke", "ci", "--data-dir", str(fresh), cwd=fresh.parent
            )
            cable.refuses = 0
            said = await program
    assert "4403" in said
    assert said.splitlines().count(LOST) == 1 + cable.refused


async def test_following_ends_where_nothing_more_can_come(
    typescript: Path, server: Running
) -> None:
    (typescript / "src/main.ts").write_text(ENDS)
    async with a_client(server.url) as api:
        after = (await api.get("{ eventCursor }"))["eventCursor"]
        deployment = await api.deployment("ends", replicas=0)
        await api.change("deleteModelDeployment", {"deploymentId": deployment})
    said = await asyncio.to_thread(run, "./run", server.url, deployment, after, cwd=typescript)
    told = said.splitlines()
    assert told[0] == "DeploymentCreated"
    assert told[-2:] == ["DeploymentDeleted", "the end"]


@contextmanager
def closed(data_dir: Path) -> Iterator[tuple[Running, str]]:
    """A server that has a key, and the key."""
    with running(data_dir, "--stop-replicas") as server:
        said = ("key", "create", "ci", "--project", "default:editor", "--data-dir", str(data_dir))
        made = modelyard(*said, cwd=data_dir.parent)
        yield server, next(word for word in made.stdout.split() if word.startswith("my_"))


async def cut(cable: Cable, program: "asyncio.Task[str]") -> None:
    """Waits until it is, or until the program has ended."""
    snapped = asyncio.create_task(cable.snapped.wait())
    await asyncio.wait({program, snapped}, return_when=asyncio.FIRST_COMPLETED)
    assert snapped.done(), await program
