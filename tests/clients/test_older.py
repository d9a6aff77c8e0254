"""Clients that were generated from an older release work with the server of today.

What came later reaches them only where they do not say which release they know: a strict one fails over it.
"""

import shutil
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.api import Api, a_client
from tests.support.others import run
from tests.support.server import Running

ROOT = Path(__file__).parents[2]
OLDER = Path(__file__).with_name("older")
OLDEST = "0.1.0"
LATER = {"FileCreated", "BatchJobCreated"}  # of 0.2.0


def dated(example: Path, version: str) -> Path:
    """The example's folder with the schema and documents of then, and a program that uses them."""
    place = example.parents[2]
    shutil.copy(ROOT / f"schema/releases/{version}.graphql", place / "schema.graphql")
    shutil.copy(OLDER / "documents.graphql", example.parent)
    return example


async def what_came_later(api: Api) -> str:
    """The cursor behind which there are events of kinds that the oldest release has not."""
    cursor = (await api.get("{ eventCursor }"))["eventCursor"]
    line = b'{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {}}\n'
    file = await api.file(line)
    wanted = {"inputFileId": file, "endpoint": "/v1/chat/completions", "target": "ECHO"}
    await api.change("createBatchJob", wanted)
    return str(cursor)


async def said_by(
    *command: str, server: Running, cwd: Path, version: str | None, fails: bool = False
) -> list[str]:
    async with a_client(server.url) as api:
        after = await what_came_later(api)
    arguments = (server.url, f"older-{uuid4().hex[:8]}", after, *([version] if version else []))
    return run(*command, *arguments, cwd=cwd, fails=fails).splitlines()


def heard(said: list[str]) -> set[str]:
    return {line.removeprefix("heard ") for line in said if line.startswith("heard ")}


@pytest.fixture
def older_python(python: Path) -> Path:
    example = dated(python, OLDEST)
    shutil.copy(OLDER / "main.py", example)
    run(".venv/bin/ariadne-codegen", cwd=example)
    return example


@pytest.fixture
def older_typescript(typescript: Path) -> Path:
    example = dated(typescript, OLDEST)
    shutil.rmtree(example / "src")
    (example / "src").mkdir()
    shutil.copy(OLDER / "main.ts", example / "src")
    run("npm", "run", "--silent", "build", cwd=example)
    return example


async def test_a_python_client_of_the_oldest_release_works_and_hears_of_nothing_later(
    older_python: Path, server: Running
) -> None:
    program = (".venv/bin/python", "main.py")
    said = await said_by(*program, server=server, cwd=older_python, version=OLDEST)
    told = [line for line in said if line.startswith(("version ", "node "))]  # beside warnings
    assert told == [f"version {OLDEST}", "node ModelDeployment READY"]
    assert heard(said) >= {"DeploymentCreated", "RolloutSucceeded"}
    assert len(said[2:]) == sum(line.startswith("heard ") for line in said)
    assert heard(said) & LATER == set()


async def test_a_python_client_that_does_not_say_its_release_works_until_it_hears_of_later_kinds(
    older_python: Path, server: Running
) -> None:
    program = (".venv/bin/python", "main.py")
    said = await said_by(*program, server=server, cwd=older_python, version=None, fails=True)
    assert "node ModelDeployment READY" in said
    assert any("Input tag 'FileCreated' found" in line for line in said)


@pytest.mark.parametrize("version", [OLDEST, None])
async def test_a_typescript_client_of_the_oldest_release_works(
    older_typescript: Path, server: Running, version: str | None
) -> None:
    program = ("node", "dist/src/main.js")
    said = await said_by(*program, server=server, cwd=older_typescript, version=version)
    assert "node ModelDeployment READY" in said
    assert heard(said) & LATER == (set() if version else LATER)
