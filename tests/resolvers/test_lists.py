"""Connections: pages, cursors, orders, filters."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest

from domain.deployments.service import NewDeployment
from domain.listing import Order
from schema.relay import cursor, global_id
from tests.support.build import a_caller, a_server_admin
from tests.support.graph import Graph

PAGE = """query($first: Int! = 2, $after: String, $filter: ModelDeploymentFilter,
                $orderBy: ModelDeploymentOrder) {
  modelDeployments(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
    edges { cursor node { name } } pageInfo { hasNextPage endCursor } } }"""


async def deployments(graph: Graph, *names: str, **said: Any) -> list[str]:
    """All at one moment, so that every page is cut through a tie."""
    made = [
        await graph.house.deployments.create(graph.house.caller, NewDeployment(name=n, **said))
        for n in names
    ]
    return [global_id("ModelDeployment", each.id) for each in made]


async def names(graph: Graph, **said: Any) -> list[str]:
    found = (await graph.get(PAGE, first=100, **said))["modelDeployments"]["edges"]
    return [edge["node"]["name"] for edge in found]


async def walk(graph: Graph, **said: Any) -> list[str]:
    """Page after page, to the end."""
    found: list[str] = []
    after = None
    while True:
        page = (await graph.get(PAGE, after=after, **said))["modelDeployments"]
        found += [edge["node"]["name"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


@pytest.mark.parametrize(
    "field", [None, "CREATED_AT", "UPDATED_AT", "NAME", "STATUS", "DESIRED_REPLICAS"]
)
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_pages_neither_skip_nor_repeat_a_tie(
    graph: Graph, field: str | None, direction: str
) -> None:
    wanted = ["a", "b", "c", "d", "e"]
    await deployments(graph, *wanted)
    order = None if field is None else {"field": field, "direction": direction}
    found = await walk(graph, orderBy=order)
    assert sorted(found) == wanted
    if field == "NAME":
        assert found == (wanted if direction == "ASC" else wanted[::-1])


async def test_rows_that_come_between_pages_move_nothing(graph: Graph) -> None:
    await deployments(graph, "b", "d")
    order = {"field": "NAME"}
    page = (await graph.get(PAGE, first=1, orderBy=order))["modelDeployments"]
    await deployments(graph, "a", "c")
    after = page["pageInfo"]["endCursor"]
    assert after == page["edges"][0]["cursor"]
    assert await names(graph, after=after, orderBy=order) == ["c", "d"]


async def test_a_page_tells_where_it_begins(graph: Graph) -> None:
    await deployments(graph, "a", "b")
    query = """query ($after: String) { modelDeployments(first: 1, after: $after) {
      edges { cursor } pageInfo { hasPreviousPage startCursor endCursor } } }"""
    one = (await graph.get(query))["modelDeployments"]
    [edge] = one["edges"]
    assert one["pageInfo"] == {
        "hasPreviousPage": False,
        "startCursor": edge["cursor"],
        "endCursor": edge["cursor"],
    }
    two = (await graph.get(query, after=edge["cursor"]))["modelDeployments"]
    assert two["pageInfo"]["hasPreviousPage"]
    none = (await graph.get(query, after=two["pageInfo"]["endCursor"]))["modelDeployments"]
    assert none["pageInfo"]["startCursor"] is None


async def test_the_end_cursor_of_an_empty_page_is_where_it_began(graph: Graph) -> None:
    await deployments(graph, "a")
    page = (await graph.get(PAGE))["modelDeployments"]
    last = (await graph.get(PAGE, after=page["pageInfo"]["endCursor"]))["modelDeployments"]
    assert last == {"edges": [], "pageInfo": {"hasNextPage": False, **last["pageInfo"]}}
    assert last["pageInfo"]["endCursor"] == page["pageInfo"]["endCursor"]


def forged(*parts: object) -> str:
    return urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "after",
    [
        "",
        "garbage",
        "é",
        forged(),
        forged("created_at", "2026-11-21T12:00:00", "0"),
        forged("created_at", "yesterday", "0"),
        forged("created_at", 5, "0"),
        forged("created_at", None, "0"),
        forged("created_at", "2026-11-21T12:00:00+00:00", 7),
        forged("name", "a", "0"),
        forged("-created_at", "2026-11-21T12:00:00+00:00", "0"),
        forged("[" * 50_000),
        "W" * 5_000,
    ],
)
async def test_a_forged_cursor_or_one_of_another_order_is_refused(graph: Graph, after: str) -> None:
    await deployments(graph, "a")
    answer = await graph.ask(PAGE, after=after)
    assert answer.codes == ["CURSOR_INVALID"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("STATUS", "no status"), ("DESIRED_REPLICAS", True), ("DESIRED_REPLICAS", 2**40), ("NAME", 1)],
)
async def test_a_cursors_value_has_the_type_of_its_field(
    graph: Graph, field: str, value: object
) -> None:
    answer = await graph.ask(
        PAGE, orderBy={"field": field}, after=forged(field.lower(), value, "0")
    )
    assert answer.codes == ["CURSOR_INVALID"]


@pytest.mark.parametrize("first", [-1, 101, 2_147_483_647])
async def test_a_page_has_a_limit(graph: Graph, first: int) -> None:
    answer = await graph.ask(PAGE, first=first)
    assert answer.codes == ["INVALID_VALUE"]
    assert "0 to 100" in answer.errors[0]["message"]
    told = answer.errors[0]["extensions"]
    assert (told["argument"], told["limit"], told["found"]) == (["first"], 100, first)
    assert (await graph.ask(PAGE, first=100)).errors == []


async def test_the_count_is_of_all_pages_and_of_the_filter(graph: Graph) -> None:
    await deployments(graph, "aa", "ab", "b")
    query = """{ all: modelDeployments(first: 0) { totalCount edges { cursor } }
      some: modelDeployments(first: 1, filter: {name: {startsWith: "A"}}) { totalCount } }"""
    data = await graph.get(query)
    assert data == {"all": {"totalCount": 3, "edges": []}, "some": {"totalCount": 2}}


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["chat", "code", "embed"]),
    ({"name": {"eq": "chat"}}, ["chat"]),
    ({"name": {"ne": "chat"}}, ["code", "embed"]),
    ({"name": {"in": ["chat", "embed", "x"]}}, ["chat", "embed"]),
    ({"name": {"in": []}}, []),
    ({"name": {"contains": "OD"}}, ["code"]),
    ({"name": {"startsWith": "c", "ne": "code"}}, ["chat"]),
    ({"tags": {"contains": "gpu"}}, ["chat", "code"]),
    ({"desiredReplicas": {"gt": 1, "lte": 3}}, ["code", "embed"]),
    ({"desiredReplicas": {"eq": 1}}, ["chat"]),
    ({"status": {"eq": "PENDING"}}, ["chat", "code", "embed"]),
    ({"status": {"in": ["READY", "DEGRADED"]}}, []),
    ({"createdAt": {"gt": "2026-11-21T12:00:00Z"}}, ["code", "embed"]),
    ({"createdAt": {"gte": "2026-11-21T13:00:00+01:00", "lt": "2026-11-21T12:00:01Z"}}, ["chat"]),
    ({"createdBy": {"eq": "key:tester"}}, ["chat", "code", "embed"]),
    ({"or": [{"name": {"eq": "chat"}}, {"desiredReplicas": {"eq": 3}}]}, ["chat", "embed"]),
    ({"and": [{"name": {"startsWith": "c"}}, {"tags": {"contains": "gpu"}}]}, ["chat", "code"]),
    ({"not": {"name": {"eq": "chat"}}, "tags": {"contains": "gpu"}}, ["code"]),
    ({"not": {"or": [{"name": {"eq": "chat"}}, {"name": {"eq": "code"}}]}}, ["embed"]),
    ({"or": []}, ["chat", "code", "embed"]),
    ({"id": {"eq": "nonsense"}}, []),
    ({"id": {"ne": "nonsense"}}, ["chat", "code", "embed"]),
]


@pytest.mark.parametrize(("filter", "found"), FILTERS, ids=str)
async def test_a_filter_leaves_what_it_names(
    graph: Graph, filter: dict[str, Any], found: list[str]
) -> None:
    await deployments(graph, "chat", tags=("gpu",))
    graph.house.clock.forward(hours=1)
    await deployments(graph, "code", tags=("gpu",), desired_replicas=2)
    await deployments(graph, "embed", desired_replicas=3)
    assert sorted(await names(graph, filter=filter)) == found


async def test_ids_are_filtered_by_as_they_are_shown(graph: Graph) -> None:
    first, second = await deployments(graph, "a", "b")
    assert await names(graph, filter={"id": {"eq": first}}) == ["a"]
    assert await names(graph, filter={"id": {"in": [second, "x"]}}) == ["b"]
    other = first.replace(first, global_id("Project", "1"))
    assert await names(graph, filter={"id": {"in": [other]}}) == []


async def test_a_filter_has_a_limit_in_depth_and_width(graph: Graph) -> None:
    deep: dict[str, Any] = {"name": {"eq": "a"}}
    for _ in range(20):
        deep = {"not": deep}
    assert (await graph.ask(PAGE, filter=deep)).codes == ["INVALID_VALUE"]
    wide = {"name": {"in": ["a"] * 101}}
    assert (await graph.ask(PAGE, filter=wide)).codes == ["INVALID_VALUE"]
    most = {"or": [{"not": {"and": [{"name": {"eq": "a"}}]}}] * 100}
    assert (await graph.ask(PAGE, filter=most)).errors == []
    more = {**most, "tags": {"contains": "gpu"}}
    answer = await graph.ask(PAGE, filter=more)
    assert answer.codes == ["INVALID_VALUE"]
    assert answer.errors[0]["extensions"]["argument"] == ["filter"]


async def test_deleted_deployments_are_found_by_id_alone(graph: Graph) -> None:
    [gone] = await deployments(graph, "a")
    await graph.change("deleteModelDeployment", {"deploymentId": gone})
    assert await names(graph) == []
    data = await graph.get("query($id: ID!) { modelDeployment(id: $id) { status } }", id=gone)
    assert data == {"modelDeployment": {"status": "STOPPED"}}


async def test_every_list_is_of_the_callers_project(graph: Graph) -> None:
    await deployments(graph, "a")
    await graph.house.a_folder()
    await graph.change("createSecret", {"name": "S", "value": "x"})
    await graph.change("createWebhook", {"name": "w", "url": "https://a.test"})
    await graph.change(
        "createDeploymentTemplate", {"name": "t", "runtimeVariant": "VLLM", "spec": {}}
    )
    await graph.house.deployments.add_revision(
        graph.house.caller,
        await graph.house.a_request(deployment_id=(await graph.house.a_deployment("b")).id),
    )
    most = ("modelDeployments", "modelFolders", "secrets", "deploymentTemplates", "modelRevisions")
    lists = (*most, "webhooks")
    query = "{" + " ".join(f"{name} {{ totalCount nodes {{ id }} }}" for name in lists) + "}"
    mine = await graph.get(query)
    assert {name: found["totalCount"] for name, found in mine.items()} == {
        "modelDeployments": 2,
        "modelFolders": 1,
        "secrets": 1,
        "deploymentTemplates": 1,
        "modelRevisions": 1,
        "webhooks": 1,
    }
    theirs = await graph.get(query, a_caller("f" * 32))
    assert theirs == {name: {"totalCount": 0, "nodes": []} for name in lists}


@pytest.mark.parametrize(
    ("list_", "order"),
    [
        ("modelFolders", "NAME"),
        ("secrets", "NAME"),
        ("webhooks", "NAME"),
        ("deploymentTemplates", "VERSION"),
        ("modelRevisions", "NUMBER"),
        ("projects", "NAME"),
    ],
)
async def test_every_list_pages_in_its_orders(graph: Graph, list_: str, order: str) -> None:
    for name in ("a", "b", "c"):
        await graph.house.a_folder(name=name)
        await graph.change("createSecret", {"name": name, "value": "x"})
        await graph.change("createWebhook", {"name": name, "url": "https://a.test"})
        template = {"name": "t", "runtimeVariant": "VLLM", "spec": {}}
        await graph.change("createDeploymentTemplate", template)
        await graph.house.access.create_project(a_server_admin(""), name)
    request = await graph.house.a_request()
    for _ in range(3):
        await graph.house.deployments.add_revision(graph.house.caller, request)
    admin = a_server_admin(graph.house.store.default.id)
    shown = {"VERSION": "version", "NUMBER": "number", "NAME": "name"}[order]
    found: list[Any] = []
    after = None
    for _ in range(4):
        query = f"""query($after: String) {{ page: {list_}(first: 1, after: $after,
          orderBy: {{field: {order}, direction: DESC}}) {{
            nodes {{ {shown} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
        page = (await graph.get(query, admin, after=after))["page"]
        found += [node[shown] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == sorted(found, reverse=True)
    assert len(found) == (4 if list_ == "projects" else 3)


async def test_projects_are_those_that_the_key_opens(graph: Graph) -> None:
    lab = await graph.house.access.create_project(a_server_admin(""), "lab")
    query = "{ projects { totalCount nodes { name } } viewer { actor serverAdmin role project { name } } }"
    mine = await graph.get(query)
    assert mine["projects"] == {"totalCount": 1, "nodes": [{"name": "default"}]}
    assert mine["viewer"] == {
        "actor": "key:tester",
        "serverAdmin": False,
        "role": "ADMIN",
        "project": {"name": "default"},
    }
    every = await graph.get(query, a_server_admin(lab.id))
    assert every["projects"]["totalCount"] == 2
    assert every["viewer"]["project"] == {"name": "lab"}


async def test_a_deployments_revisions_are_paged_filtered_and_counted(graph: Graph) -> None:
    request = await graph.house.a_request()
    for _ in range(3):
        await graph.house.deployments.add_revision(graph.house.caller, request)
    query = """query($after: String) { modelDeployments { nodes {
      revisions(first: 2, after: $after, orderBy: {field: NUMBER, direction: DESC}) {
        totalCount nodes { number } pageInfo { endCursor hasNextPage } }
      some: revisions(filter: {number: {lt: 3}, runtimeVariant: {eq: ECHO}}) { nodes { number } } } } }"""
    [found] = (await graph.get(query))["modelDeployments"]["nodes"]
    assert found["revisions"]["totalCount"] == 3
    assert found["revisions"]["nodes"] == [{"number": 3}, {"number": 2}]
    assert found["some"]["nodes"] == [{"number": 1}, {"number": 2}]
    after = found["revisions"]["pageInfo"]["endCursor"]
    [found] = (await graph.get(query, after=after))["modelDeployments"]["nodes"]
    assert found["revisions"]["nodes"] == [{"number": 1}]


async def test_a_cursor_names_the_order_that_it_is_of(graph: Graph) -> None:
    deployment = await graph.house.a_deployment()
    assert cursor(deployment, Order("name")) != cursor(deployment, Order("name", descending=True))
