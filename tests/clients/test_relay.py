"""relay-compiler takes the schema: connections, refetching by Node, edges put into lists, subscriptions."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from graphql import OperationDefinitionNode, parse

from tests.support.api import a_client
from tests.support.others import run
from tests.support.server import Running


def compiled(node: Path) -> dict[str, str]:
    """The text of each operation that Relay makes of the fragments, by its name."""
    assert "Compilation completed" in compilation(node)
    texts: list[str] = list(json.loads((node / "queries.json").read_text()).values())
    return {_name(text): text for text in texts}


async def test_what_relay_makes_of_the_schema_runs(node: Path, server: Running) -> None:
    texts = compiled(node)
    async with a_client(server.url) as api:
        name = f"relay-{uuid4().hex[:8]}"
        create = {"input": {"name": name}, "connections": []}
        made = await api.get(texts["deploymentsCreateMutation"], **create)
        made_id = made["createModelDeployment"]["deployment"]["id"]
        for number in (1, 2):
            await api.revision(made_id, note=f"number {number}")
        again: dict[str, Any] = await api.get(texts["deploymentsOneQuery"], id=made_id, first=1)
        assert again["node"]["__typename"] == "ModelDeployment"
        newest = again["node"]["revisions"]
        behind = newest["pageInfo"]["endCursor"]
        older = await api.get(texts["deploymentsOneQuery"], id=made_id, first=1, after=behind)
        pages = [newest, older["node"]["revisions"]]
        assert sorted(page["edges"][0]["node"]["number"] for page in pages) == [1, 2]
        wanted = {"name": {"eq": name}}
        listed = await api.get(texts["deploymentsListQuery"], first=10, filter=wanted)
        assert [edge["node"]["id"] for edge in listed["modelDeployments"]["edges"]] == [made_id]
        told = await api.get(texts["deploymentsHistoryQuery"], first=100)
        assert told["events"]["edges"]


def test_relay_refuses_what_the_schema_has_not(node: Path) -> None:
    source = node / "relay/deployments.js"
    source.write_text(source.read_text().replace("totalCount", "howMany"))
    assert "no field `howMany`" in compilation(node, fails=True)


def compilation(node: Path, *, fails: bool = False) -> str:
    (node / "generated").mkdir()
    (node / "queries.json").write_text("{}")
    return run("node_modules/.bin/relay-compiler", "relay.config.json", cwd=node, fails=fails)


def _name(text: str) -> str:
    operations = [d for d in parse(text).definitions if isinstance(d, OperationDefinitionNode)]
    assert operations[0].name is not None
    return operations[0].name.value
