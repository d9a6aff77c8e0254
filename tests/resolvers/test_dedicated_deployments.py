"""What the API says of deployments and batches."""

from typing import Any

import pytest

from domain.batches.dedicated import Dedicated
from tests.support.builders import NOON, a_deployment
from tests.support.graph import Graph

CREATE = """mutation($input: CreateModelDeploymentInput!) { createModelDeployment(input: $input) {
  deployment { id maxInFlight isDedicated } userErrors { code path } } }"""
UPDATE = """mutation($input: UpdateModelDeploymentInput!) { updateModelDeployment(input: $input) {
  deployment { id maxInFlight } userErrors { code path message } } }"""
LIST = """query($filter: ModelDeploymentFilter) { modelDeployments(first: 10, filter: $filter) {
  edges { node { id name isDedicated } } } }"""


async def created(graph: Graph, **said: Any) -> dict[str, Any]:
    found = await graph.get(CREATE, input={"name": "chat", **said})
    answer: dict[str, Any] = found["createModelDeployment"]
    return answer


async def test_what_batches_may_have_of_a_replica_is_said_and_changed(graph: Graph) -> None:
    made = (await created(graph, maxInFlight=32))["deployment"]
    assert (made["maxInFlight"], made["isDedicated"]) == (32, False)
    for said, kept in ((64, 64), (None, 256)):
        changed = await graph.get(UPDATE, input={"deploymentId": made["id"], "maxInFlight": said})
        assert changed["updateModelDeployment"]["deployment"]["maxInFlight"] == kept
    assert (await created(graph, name="other"))["deployment"]["maxInFlight"] == 256


@pytest.mark.parametrize("said", [1, 0, -5, 100_001])
async def test_there_is_room_for_a_client_and_a_batch_at_least(graph: Graph, said: int) -> None:
    (error,) = (await created(graph, maxInFlight=said))["userErrors"]
    assert error == {"code": "INVALID_VALUE", "path": ["input", "maxInFlight"]}


async def test_lists_have_what_was_made_for_batches_where_they_are_asked_for_it(
    graph: Graph,
) -> None:
    house = graph.house
    own = a_deployment(house.store.default, name="batch-1", is_dedicated=True)
    row = Dedicated(
        id=own.id,
        project_id=own.project_id,
        digest="d",
        batch_id="b1",
        keep_until=None,
        created_at=NOON,
    )
    async with house.store.start_work("batches", "batch:1") as work:
        await work.deployments.add(own)
        await work.dedicated.add(row)
    await created(graph)

    async def names(**filter: Any) -> list[str]:
        found = await graph.get(LIST, filter=filter)
        return [edge["node"]["name"] for edge in found["modelDeployments"]["edges"]]

    assert await names() == ["chat"]
    assert await names(isDedicated={"eq": True}) == ["batch-1"]
    assert await names(isDedicated={"eq": False}) == ["chat"]
    (edge,) = (await graph.get(LIST, filter={"isDedicated": {"eq": True}}))["modelDeployments"][
        "edges"
    ]
    said = {"deploymentId": edge["node"]["id"], "maxInFlight": 8}
    refused = (await graph.get(UPDATE, input=said))["updateModelDeployment"]["userErrors"]
    assert refused[0]["code"] == "MADE_FOR_BATCH"
    assert "batch_b1" in refused[0]["message"]
