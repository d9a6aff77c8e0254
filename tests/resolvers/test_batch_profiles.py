"""Batch profiles and external endpoints through the API."""

from typing import Any

import pytest

from schema.relay import global_id
from tests.support.graph import Graph

PROFILE = """batchProfile { id name isDefault maxWindow priority maxConcurrency requestTimeout
  retry { attempts first longest } maxRequests maxBytes maxActive createdAt createdBy updatedAt
  project { name } }"""
PROFILES = """query($filter: BatchProfileFilter, $orderBy: BatchProfileOrder) {
  batchProfiles(filter: $filter, orderBy: $orderBy) { nodes { name isDefault } } }"""
ENDPOINT = "externalEndpoint { id name baseUrl models apiKeySecret createdBy project { name } }"
ENDPOINTS = """query($filter: ExternalEndpointFilter, $orderBy: ExternalEndpointOrder) {
  externalEndpoints(filter: $filter, orderBy: $orderBy) { nodes { name } } }"""
NOON = "2026-11-21T12:00:00Z"
RULES = {
    "maxWindow": "PT48H",
    "priority": 3,
    "maxConcurrency": 16,
    "requestTimeout": "PT2M",
    "retry": {"attempts": 3, "first": "PT1S", "longest": "PT9S"},
    "maxRequests": 1_000,
    "maxBytes": 5_000_000_000,
    "maxActive": 2,
}


async def profile(graph: Graph, **said: Any) -> Any:
    made = await graph.change("createBatchProfile", {"name": "nightly", **said}, PROFILE)
    assert made["userErrors"] == []
    return made["batchProfile"]


async def endpoint(graph: Graph, **said: Any) -> Any:
    own = {"name": "spare", "baseUrl": "https://host/v1", "models": ["a", "b"]}
    made = await graph.change("createExternalEndpoint", {**own, **said}, ENDPOINT)
    assert made["userErrors"] == []
    return made["externalEndpoint"]


async def test_a_profile_shows_every_rule(graph: Graph) -> None:
    made = await profile(graph, **RULES, isDefault=True)
    assert made == {
        "id": made["id"],
        "name": "nightly",
        "isDefault": True,
        **RULES,
        "createdAt": NOON,
        "createdBy": "key:tester",
        "updatedAt": NOON,
        "project": {"name": "default"},
    }


async def test_a_profile_rules_nothing_that_it_does_not_say(graph: Graph) -> None:
    made = await profile(graph, retry={"attempts": 2})
    assert {name: made[name] for name in RULES if name != "retry"} == dict.fromkeys(
        name for name in RULES if name != "retry"
    )
    assert made["isDefault"] is False
    assert made["retry"] == {"attempts": 2, "first": "PT0.5S", "longest": "PT30S"}


async def test_a_patch_of_a_profile_keeps_what_it_does_not_say(graph: Graph) -> None:
    made = await profile(graph, **RULES)
    said = {"batchProfileId": made["id"], "priority": 9, "maxActive": None, "retry": None}
    changed = (await graph.change("updateBatchProfile", said, PROFILE))["batchProfile"]
    assert changed == {**made, "priority": 9, "maxActive": None, "retry": None}
    said = {"batchProfileId": made["id"], "name": "daily", "isDefault": True}
    changed = (await graph.change("updateBatchProfile", said, PROFILE))["batchProfile"]
    assert (changed["name"], changed["isDefault"]) == ("daily", True)
    said = {"batchProfileId": made["id"], "isDefault": None}
    changed = (await graph.change("updateBatchProfile", said, PROFILE))["batchProfile"]
    assert changed["isDefault"] is False


async def test_a_new_default_takes_the_place_of_the_one_before(graph: Graph) -> None:
    await profile(graph, isDefault=True)
    await profile(graph, name="other", isDefault=True)
    found = (await graph.get(PROFILES, orderBy={"field": "NAME"}))["batchProfiles"]["nodes"]
    assert found == [
        {"name": "nightly", "isDefault": False},
        {"name": "other", "isDefault": True},
    ]
    wanted = {"name": {"startsWith": "oth"}}
    found = (await graph.get(PROFILES, filter=wanted))["batchProfiles"]["nodes"]
    assert [node["name"] for node in found] == ["other"]


@pytest.mark.parametrize(
    ("said", "code", "path"),
    [
        ({"name": "No!"}, "INVALID_VALUE", "name"),
        ({"name": "taken"}, "NAME_TAKEN", "name"),
        ({"priority": 0}, "INVALID_VALUE", "priority"),
        ({"maxWindow": "PT1S"}, "INVALID_VALUE", "maxWindow"),
        ({"maxConcurrency": 0}, "INVALID_VALUE", "maxConcurrency"),
        ({"requestTimeout": -1}, "INVALID_VALUE", "requestTimeout"),
        ({"retry": {"attempts": 0}}, "INVALID_VALUE", "retry.attempts"),
        ({"maxRequests": 0}, "INVALID_VALUE", "maxRequests"),
        ({"maxBytes": 0}, "INVALID_VALUE", "maxBytes"),
        ({"maxActive": 0}, "INVALID_VALUE", "maxActive"),
    ],
)
async def test_a_rule_that_can_not_be_is_told_at_its_place(
    graph: Graph, said: dict[str, Any], code: str, path: str
) -> None:
    await profile(graph, name="taken")
    own = (await profile(graph))["id"]
    error = await graph.refusal("createBatchProfile", {"name": "fresh", **said})
    assert (error["code"], ".".join(error["path"])) == (code, f"input.{path}")
    error = await graph.refusal("updateBatchProfile", {"batchProfileId": own, **said})
    assert (error["code"], ".".join(error["path"])) == (code, f"input.{path}")


async def test_a_number_that_no_double_holds_is_none(graph: Graph) -> None:
    mutation = """mutation($most: SafeInt) { createBatchProfile(input: {name: "a", maxBytes: $most}) {
      userErrors { code } } }"""
    for most in (2**53, 1.5, "7", True):
        assert (await graph.ask(mutation, most=most)).codes == ["GRAPHQL_VALIDATION_FAILED"]


async def test_a_deleted_profile_is_gone(graph: Graph) -> None:
    made = await profile(graph)
    deleted = await graph.change("deleteBatchProfile", {"batchProfileId": made["id"]}, PROFILE)
    assert deleted["batchProfile"] == made
    query = "query($id: ID!) { batchProfile(id: $id) { id } }"
    assert (await graph.get(query, id=made["id"])) == {"batchProfile": None}
    for verb in ("delete", "update"):
        error = await graph.refusal(f"{verb}BatchProfile", {"batchProfileId": made["id"]})
        assert error["code"] == "NOT_FOUND"
        assert error["path"] == ["input", "batchProfileId"]


async def test_an_endpoint_is_registered_changed_and_deleted(graph: Graph) -> None:
    await graph.house.secrets.create(graph.house.caller, "token", "v")
    made = await endpoint(graph, apiKeySecret="token")
    assert made == {
        "id": made["id"],
        "name": "spare",
        "baseUrl": "https://host/v1",
        "models": ["a", "b"],
        "apiKeySecret": "token",
        "createdBy": "key:tester",
        "project": {"name": "default"},
    }
    said = {"externalEndpointId": made["id"], "models": ["c"], "apiKeySecret": None}
    changed = (await graph.change("updateExternalEndpoint", said, ENDPOINT))["externalEndpoint"]
    assert changed == {**made, "models": ["c"], "apiKeySecret": None}
    said = {"externalEndpointId": made["id"], "models": None, "baseUrl": "http://other/v1"}
    changed = (await graph.change("updateExternalEndpoint", said, ENDPOINT))["externalEndpoint"]
    assert (changed["models"], changed["baseUrl"]) == ([], "http://other/v1")
    deleted = await graph.change("deleteExternalEndpoint", {"externalEndpointId": made["id"]})
    assert deleted["userErrors"] == []
    query = "query($id: ID!) { externalEndpoint(id: $id) { id } }"
    assert (await graph.get(query, id=made["id"])) == {"externalEndpoint": None}


@pytest.mark.parametrize(
    ("said", "code", "path"),
    [
        ({"name": "No!"}, "INVALID_VALUE", "name"),
        ({"name": "taken"}, "NAME_TAKEN", "name"),
        ({"baseUrl": "ftp://host"}, "INVALID_VALUE", "baseUrl"),
        ({"models": ["a", ""]}, "INVALID_VALUE", "models.1"),
        ({"apiKeySecret": "nothing"}, "NOT_FOUND", "apiKeySecret"),
    ],
)
async def test_what_an_endpoint_can_not_be_is_told_at_its_place(
    graph: Graph, said: dict[str, Any], code: str, path: str
) -> None:
    await endpoint(graph, name="taken")
    own = (await endpoint(graph))["id"]
    fresh = {"name": "fresh", "baseUrl": "https://host/v1", "models": ["a"]}
    for mutation, whole in (
        ("createExternalEndpoint", {**fresh, **said}),
        ("updateExternalEndpoint", {"externalEndpointId": own, **said}),
    ):
        error = await graph.refusal(mutation, whole)
        assert (error["code"], ".".join(error["path"])) == (code, f"input.{path}")


async def test_endpoints_are_filtered_and_ordered(graph: Graph) -> None:
    for name in ("b", "a"):
        await endpoint(graph, name=name, baseUrl=f"https://{name}/v1")

    async def names(**said: Any) -> list[str]:
        found = (await graph.get(ENDPOINTS, **said))["externalEndpoints"]["nodes"]
        return [node["name"] for node in found]

    assert await names(orderBy={"field": "NAME"}) == ["a", "b"]
    assert await names(filter={"baseUrl": {"contains": "//a/"}}) == ["a"]
    assert await names(filter={"name": {"ne": "a"}}) == ["b"]


async def test_an_endpoint_that_is_not_there_is_said(graph: Graph) -> None:
    for missing in ("garbage", global_id("ExternalEndpoint", "f" * 32)):
        for verb in ("update", "delete"):
            error = await graph.refusal(f"{verb}ExternalEndpoint", {"externalEndpointId": missing})
            assert error["code"] == "NOT_FOUND"
            assert error["path"] == ["input", "externalEndpointId"]
