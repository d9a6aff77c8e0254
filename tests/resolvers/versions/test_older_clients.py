"""A client of 0.1.0 on the real API, while things happen that it does not know."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import GraphQLInterfaceType

from domain.deployments.reason import Reason
from domain.webhooks.service import NewWebhook
from resolvers.context import Context
from resolvers.events import known
from resolvers.limits import Limits
from resolvers.operations import Operations
from resolvers.root import Schema, build_schema
from resolvers.views import Views
from schema.event_types import TYPES as EVENTS
from schema.events import CHANGING, EventType
from schema.relay import TYPES, global_id
from schema.versions import NEXT, Declaration
from tests.support.graph import Graph
from tests.support.playing import Player

OLD = "0.1.0"
LISTED = """query($after: String, $first: Int) { events(first: $first, after: $after) {
  nodes { __typename cursor } pageInfo { hasNextPage endCursor } } }"""
FOLLOWED = "subscription($after: String) { events(after: $after) { __typename cursor } }"
OF_DEPLOYMENT = """subscription($id: ID!, $after: String) {
  deploymentEvents(deploymentId: $id, after: $after) { __typename cursor } }"""


@dataclass
class Client:
    graph: Graph
    operations: Operations
    version: str = OLD

    def context(self) -> Context:
        return Context.of(self.graph.services, self.graph.house.caller, self.version)

    async def get(self, query: str, **said: Any) -> Any:
        found = self.operations.find(query, None, self.version)
        assert found.errors == ()
        answer = await found.execute(said, self.context())
        assert "errors" not in answer, answer
        return answer["data"]

    async def follow(self, query: str, **said: Any) -> AsyncGenerator[Any, None]:
        found = self.operations.find(query, None, self.version)
        assert found.errors == ()
        async with aclosing(found.stream(said, self.context())) as payloads:
            async for payload in payloads:
                assert "errors" not in payload, payload
                yield next(iter(payload["data"].values()))

    async def listed(self, after: str | None = None, first: int = 100) -> Any:
        return (await self.get(LISTED, after=after, first=first))["events"]


@pytest.fixture
def client(graph: Graph) -> Client:
    views = Views(graph.schema.core, graph.schema.declarations)
    return Client(graph, Operations(views, Limits()))


async def a_webhook(graph: Graph, name: str) -> str:
    """What 0.1.0 knows nothing of."""
    new = NewWebhook(name=name, url="https://a.test")
    webhook, _ = await graph.house.webhooks.create(graph.house.caller, new)
    return global_id("Webhook", webhook.id)


async def test_newer_events_are_not_listed_and_pages_go_on_past_them(
    graph: Graph, client: Client
) -> None:
    for number in range(3):
        await graph.house.a_folder(name=f"f{number}")
        await a_webhook(graph, f"w{number}")
    page = await client.listed(first=2)
    assert [each["__typename"] for each in page["nodes"]] == ["FolderCreated"] * 2
    assert page["pageInfo"]["hasNextPage"] is True
    page = await client.listed(after=page["pageInfo"]["endCursor"], first=2)
    assert [each["__typename"] for each in page["nodes"]] == ["FolderCreated"]
    assert page["pageInfo"]["hasNextPage"] is False
    newest = Client(graph, client.operations, "0.2.0")
    assert len((await newest.listed())["nodes"]) == 6


async def test_newer_events_pass_a_subscription_by_and_it_resumes_with_nothing_missed(
    graph: Graph, client: Client
) -> None:
    head = (await client.get("{ eventCursor }"))["eventCursor"]
    seen: list[Any] = []
    for number in range(4):  # each round resumes behind the last event that came
        after = seen[-1]["cursor"] if seen else head
        async with aclosing(client.follow(FOLLOWED, after=after)) as events:
            coming = asyncio.ensure_future(anext(events))
            await a_webhook(graph, f"before-{number}")
            await graph.house.a_folder(name=f"f{number}")
            seen.append(await coming)
            await a_webhook(graph, f"after-{number}")
            await graph.house.a_folder(name=f"g{number}")
            seen.append(await anext(events))
    everything = await Client(graph, client.operations, "0.2.0").listed(after=head)
    known = [each for each in everything["nodes"] if each["__typename"] == "FolderCreated"]
    assert [each["cursor"] for each in seen] == [each["cursor"] for each in known]
    assert len(seen) == 8
    assert len(everything["nodes"]) == 16


async def test_a_newer_events_cursor_is_one_to_resume_behind(graph: Graph, client: Client) -> None:
    await a_webhook(graph, "w")
    newest = Client(graph, client.operations, "0.2.0")
    [event] = (await newest.listed())["nodes"]
    await graph.house.a_folder()
    page = await client.listed(after=event["cursor"])
    assert [each["__typename"] for each in page["nodes"]] == ["FolderCreated"]


async def test_a_filter_of_known_types_and_ids_works_as_ever(graph: Graph, client: Client) -> None:
    webhook = await a_webhook(graph, "w")
    await graph.house.a_folder()
    query = "query($f: EventFilter) { events(filter: $f) { nodes { __typename } } }"
    for said, expected in (
        ({"types": ["FOLDER_CREATED"]}, ["FolderCreated"]),
        ({"types": []}, []),
        ({"subjectId": webhook}, []),
        ({}, ["FolderCreated"]),
        (None, ["FolderCreated"]),
    ):
        found = (await client.get(query, f=said))["events"]["nodes"]
        assert [each["__typename"] for each in found] == expected


async def test_a_deployments_events_end_with_it_under_an_older_view(
    graph: Graph, client: Client
) -> None:
    head = (await client.get("{ eventCursor }"))["eventCursor"]
    deployment = await graph.house.a_deployment()
    await graph.house.deployments.delete(graph.house.caller, deployment.id)
    own = global_id("ModelDeployment", deployment.id)
    found = [each async for each in client.follow(OF_DEPLOYMENT, id=own, after=head)]
    assert [each["__typename"] for each in found][-1] == "DeploymentDeleted"


async def test_a_node_of_a_newer_type_is_null(graph: Graph, client: Client) -> None:
    webhook = await a_webhook(graph, "w")
    folder = global_id("ModelFolder", (await graph.house.a_folder()).id)
    one = "query($id: ID!) { node(id: $id) { __typename id } }"
    many = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename } }"
    for _ in range(3):
        assert await client.get(one, id=webhook) == {"node": None}
        assert (await client.get(one, id=folder))["node"]["__typename"] == "ModelFolder"
        found = await client.get(many, ids=[webhook, folder, webhook])
        assert found == {"nodes": [None, {"__typename": "ModelFolder"}, None]}
    newest = Client(graph, client.operations, "0.2.0")
    assert (await newest.get(one, id=webhook))["node"]["__typename"] == "Webhook"


def a_schema_in_which(membership: str) -> Schema:
    """The real schema, as if that were still to come."""
    schema = build_schema()
    schema.declarations = {**schema.declarations, membership: Declaration(added=NEXT)}
    return schema


async def test_a_node_of_a_type_that_became_one_later_is_null(graph: Graph) -> None:
    schema = a_schema_in_which("ModelFolder implements Node")
    client = Client(graph, Operations(Views(schema.core, schema.declarations), Limits()))
    folder = global_id("ModelFolder", (await graph.house.a_folder()).id)
    one = "query($id: ID!) { node(id: $id) { __typename } }"
    many = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename } }"
    assert await client.get(one, id=folder) == {"node": None}
    assert await client.get(many, ids=[folder]) == {"nodes": [None]}
    newest = Client(graph, client.operations, NEXT)
    assert await newest.get(one, id=folder) == {"node": {"__typename": "ModelFolder"}}


def test_a_fact_that_became_an_event_later_is_read_by_nobody_before() -> None:
    schema = a_schema_in_which("FolderCreated implements Event")
    asked: Any = SimpleNamespace(schema=schema, context=SimpleNamespace(version=OLD))
    events = known(asked)
    assert events is not None
    assert "FolderCreated" not in events
    assert "FolderDeleted" in events


async def test_an_event_names_no_changed_field_that_the_view_lacks(
    graph: Graph, client: Client
) -> None:
    head = (await client.get("{ eventCursor }"))["eventCursor"]
    deployment = await graph.house.a_deployment()
    await graph.house.deployments.update(
        graph.house.caller, deployment.id, {"max_in_flight": 3, "tags": ("a",)}
    )
    changed = "... on DeploymentUpdated { changed }"
    listed = f"query($after: String) {{ events(after: $after) {{ nodes {{ {changed} }} }} }}"
    followed = f"subscription($after: String) {{ events(after: $after) {{ {changed} }} }}"
    of_one = (
        "subscription($id: ID!, $after: String) "
        f"{{ deploymentEvents(deploymentId: $id, after: $after) {{ {changed} }} }}"
    )
    own = global_id("ModelDeployment", deployment.id)
    for version, expected in ((OLD, {"tags"}), ("0.2.0", {"maxInFlight", "tags"})):
        asked = Client(graph, client.operations, version)
        assert set((await asked.get(listed, after=head))["events"]["nodes"][-1]["changed"]) == (
            expected
        )
        for query, said in ((followed, {}), (of_one, {"id": own})):
            async with aclosing(asked.follow(query, after=head, **said)) as events:
                assert await anext(events) == {}
                assert set((await anext(events))["changed"]) == expected


def test_whose_fields_changed_is_known_of_every_event_that_names_them(graph: Graph) -> None:
    fields = {name: cls.__annotations__ for name, cls in EVENTS.items()}
    assert {name for name, own in fields.items() if "changed" in own} == set(CHANGING)
    assert set(CHANGING.values()) <= graph.schema.declarations.keys()


async def test_a_newer_reason_is_shown_as_one_that_the_client_knows(
    graph: Graph, client: Client
) -> None:
    player = Player(graph.house)
    _, (revision,) = await player.deployed(1)
    await player.start(revision, reason=Reason.IMAGE_UNAVAILABLE)
    query = "{ modelDeployments { nodes { replicas { nodes { statusReason } } } } }"
    for version, expected in ((OLD, "START_FAILED"), ("0.2.0", "IMAGE_UNAVAILABLE")):
        for _ in range(3):
            data = await Client(graph, client.operations, version).get(query)
            [deployment] = data["modelDeployments"]["nodes"]
            assert deployment["replicas"]["nodes"] == [{"statusReason": expected}]


async def test_the_version_that_answers_says_so(graph: Graph, client: Client) -> None:
    assert await client.get("{ apiVersion }") == {"apiVersion": OLD}


def test_resolvers_know_every_member_of_what_they_withhold(graph: Graph) -> None:
    """`node` decides by the type's name, lists of events by the event's: both know all of them."""
    core = graph.schema.core

    def members(name: str) -> set[str]:
        interface = core.type_map[name]
        assert isinstance(interface, GraphQLInterfaceType)
        return {each.name for each in core.get_possible_types(interface)}

    assert members("Node") == set(TYPES)
    assert members("Event") == {each.value for each in EventType}
    withheld = {name for name, each in graph.schema.declarations.items() if each.withheld}
    assert withheld == {"Event", "Node"}
