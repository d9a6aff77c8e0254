"""Anything by id, and what one page costs in reads."""

from collections import Counter
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from domain.autoscaling.rule import Metric
from domain.autoscaling.service import NewRule
from domain.deployments.service import NewDeployment
from domain.webhooks.service import NewWebhook
from domain.work import Reads
from resolvers.context import Context
from schema.relay import global_id
from tests.support.build import a_caller
from tests.support.graph import Graph
from tests.support.playing import Player

NODE = "query($id: ID!) { node(id: $id) { __typename id } }"


async def one_of_each(graph: Graph) -> dict[str, str]:
    house = graph.house
    folder = await house.a_folder()
    request = await house.a_request(activate=True)
    revision = await house.deployments.add_revision(house.caller, request)
    player = Player(house)
    live, replica = await player.live(revision.deployment_id), await player.start(revision)
    assert live is not None
    new = NewRule(
        deployment_id=revision.deployment_id, metric=Metric.IN_FLIGHT, target=4, max_replicas=2
    )
    rule = await house.autoscaling.create(house.caller, new)
    secret = await house.secrets.create(house.caller, "S", "x")
    hook = NewWebhook(name="hook", url="https://a.test")
    webhook, _ = await house.webhooks.create(house.caller, hook)
    payload = await graph.change(
        "createDeploymentTemplate",
        {"name": "t", "runtimeVariant": "VLLM", "spec": {}},
        "template { id }",
    )
    return {
        "Project": global_id("Project", house.store.default.id),
        "ModelFolder": global_id("ModelFolder", folder.id),
        "ModelDeployment": global_id("ModelDeployment", revision.deployment_id),
        "ModelRevision": global_id("ModelRevision", revision.id),
        "Secret": global_id("Secret", secret.id),
        "Webhook": global_id("Webhook", webhook.id),
        "DeploymentTemplate": payload["template"]["id"],
        "Rollout": global_id("Rollout", live.id),
        "ReplicaGroup": global_id("ReplicaGroup", replica.group_id),
        "ModelReplica": global_id("ModelReplica", replica.id),
        "AutoscalingRule": global_id("AutoscalingRule", rule.id),
    }


async def test_every_node_is_found_by_its_id(graph: Graph) -> None:
    for name, own in (await one_of_each(graph)).items():
        assert await graph.get(NODE, id=own) == {"node": {"__typename": name, "id": own}}


async def test_every_noun_has_a_query_by_id(graph: Graph) -> None:
    ids = await one_of_each(graph)
    names = ("ModelFolder", "ModelDeployment", "ModelRevision", "DeploymentTemplate")
    for name in (*names, "ModelReplica", "Rollout"):
        field = name[0].lower() + name[1:]
        query = f"query($id: ID!) {{ found: {field}(id: $id) {{ id }} }}"
        assert await graph.get(query, id=ids[name]) == {"found": {"id": ids[name]}}
        assert await graph.get(query, id=ids["Project"]) == {"found": None}
        assert await graph.get(query, id="garbage") == {"found": None}
        assert await graph.get(query, a_caller("f" * 32), id=ids[name]) == {"found": None}


async def test_nodes_come_in_the_order_of_their_ids(graph: Graph) -> None:
    ids = list((await one_of_each(graph)).values())
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    data = await graph.get(query, ids=[ids[2], "garbage", ids[0], ids[2]])
    assert data["nodes"] == [{"id": ids[2]}, None, {"id": ids[0]}, {"id": ids[2]}]
    assert (await graph.ask(query, ids=["x"] * 101)).codes == ["INVALID_VALUE"]


@pytest.mark.parametrize(
    "id", ["", "x", "===", "é", global_id("Nothing", "1"), global_id("Secret", "")]
)
async def test_an_id_of_nothing_is_null(graph: Graph, id: str) -> None:
    assert await graph.get(NODE, id=id) == {"node": None}


async def test_another_projects_nodes_are_null(graph: Graph) -> None:
    ids = await one_of_each(graph)
    stranger = a_caller("f" * 32)
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    data = await graph.get(query, stranger, ids=list(ids.values()))
    assert data["nodes"] == [None] * len(ids)


def counted(reads: Reads, calls: Counter[str]) -> Reads:
    """The same reads, each call by its noun and name."""

    def watch(noun: str, name: str, read: Callable[..., Awaitable[Any]]) -> Any:
        async def watched(*said: Any, **named: Any) -> Any:
            calls[f"{noun}.{name}"] += 1
            return await read(*said, **named)

        return watched

    class Watched:
        def __init__(self, noun: str, lists: Any) -> None:
            self.noun, self.lists = noun, lists

        def __getattr__(self, name: str) -> Any:
            return watch(self.noun, name, getattr(self.lists, name))

    found = SimpleNamespace()
    for noun, lists in vars(reads).items():
        setattr(found, noun, Watched(noun, lists))
    return cast("Reads", found)


TREE = """{ modelDeployments(first: 20) { nodes { name project { name } activeRevision { number
    modelFolder { folder { name } } }
  rollout { status weight healthyReplicas desiredReplicas revision { number }
    deployment { name } fromRevision { number } }
  rollouts(first: 2) { totalCount nodes { status revision { number } } }
  replicaGroups { weight revision { number } replicaCounts { healthy present } deployment { name } }
  replicas(first: 4) { totalCount nodes { status endpoints { model url } revision { number }
    group { exits } deployment { name } } }
  every: replicas(filter: {isExited: {in: [true, false]}}) { nodes { status } }
  revisions(first: 3) { totalCount nodes { number deployment { name } } }
  newest: revisions(first: 1, orderBy: {field: NUMBER, direction: DESC}) { nodes { number } } } }
  secrets { nodes { usedBy { name } } } }"""


@pytest.mark.parametrize("size", [2, 20])
async def test_a_page_costs_the_same_reads_however_many_rows(graph: Graph, size: int) -> None:
    house, player = graph.house, Player(graph.house)
    for name in ("A", "B"):
        await house.secrets.create(house.caller, name, "x")
    for n in range(size):
        deployment = await house.deployments.create(house.caller, NewDeployment(name=f"d{n}"))
        secrets = [{"name": name, "secret": name} for name in ("A", "B")]
        request = await house.a_request(
            deployment_id=deployment.id, activate=True, draft={"environment": secrets}
        )
        first = await house.deployments.add_revision(house.caller, request)
        await player.heal(await player.start(first))
        await player.promote(deployment.id)
        second = await house.deployments.add_revision(house.caller, request)
        await player.exit(await player.start(second))
    calls: Counter[str] = Counter()
    services = graph.services
    reads = counted(house.store.reads, calls)
    context = Context.of(
        type(services)(**{n: getattr(services, n) for n in services.__slots__} | {"reads": reads}),
        house.caller,
    )
    result = await graph.schema.execute(TREE, context_value=context)
    assert result.errors is None
    assert result.data is not None
    assert len(result.data["modelDeployments"]["nodes"]) == size
    assert calls == {
        "deployments.page": 1,
        "projects.by_ids": 1,
        "revisions.heads": 2,
        "revisions.pages": 2,
        "revisions.counts": 1,
        "deployments.by_ids": 1,
        "rollouts.live": 1,
        "rollouts.pages": 1,
        "rollouts.counts": 1,
        "groups.of": 1,
        "groups.by_ids": 1,
        "replicas.present": 1,
        "replicas.pages": 2,
        "replicas.counts": 1,
        "secrets.page": 1,
        "secrets.used_by": 1,
    }
