"""Autoscaling rules as clients make, see and change them."""

from typing import Any

import pytest

from domain.autoscaling.apply import ACTOR, apply
from domain.autoscaling.decide import Scaling
from schema.relay import global_id
from tests.support.graph import Graph

RULE = """id metric target minReplicas maxReplicas cooldownUp cooldownDown createdBy lastScaledAt"""
CREATE = f"""mutation($input: CreateAutoscalingRuleInput!) {{ createAutoscalingRule(input: $input) {{
  rule {{ {RULE} deployment {{ name }} }} userErrors {{ __typename code message path }} }} }}"""
UPDATE = f"""mutation($input: UpdateAutoscalingRuleInput!) {{ updateAutoscalingRule(input: $input) {{
  rule {{ {RULE} }} userErrors {{ code path }} }} }}"""
DELETE = """mutation($id: ID!) { deleteAutoscalingRule(input: {ruleId: $id}) {
  rule { id } userErrors { code path } } }"""
LISTED = "query($id: ID!) { modelDeployment(id: $id) { autoscalingRules { id metric } } }"


@pytest.fixture
async def deployment(graph: Graph) -> str:
    return global_id("ModelDeployment", (await graph.house.a_deployment()).id)


async def create(graph: Graph, deployment: str, **said: Any) -> Any:
    wanted = {"deploymentId": deployment, "metric": "IN_FLIGHT", "target": 8, "maxReplicas": 4}
    return (await graph.get(CREATE, input={**wanted, **said}))["createAutoscalingRule"]


async def update(graph: Graph, rule: str, **said: Any) -> Any:
    return (await graph.get(UPDATE, input={"ruleId": rule, **said}))["updateAutoscalingRule"]


async def test_a_rule_is_made_with_its_defaults_and_found_again(
    graph: Graph, deployment: str
) -> None:
    made = await create(graph, deployment)
    assert made["userErrors"] == []
    rule = made["rule"]
    assert rule == {
        "id": rule["id"],
        "metric": "IN_FLIGHT",
        "target": 8.0,
        "minReplicas": 1,
        "maxReplicas": 4,
        "cooldownUp": "PT30S",
        "cooldownDown": "PT5M",
        "createdBy": "key:tester",
        "lastScaledAt": None,
        "deployment": {"name": "chat"},
    }
    node = "query($id: ID!) { node(id: $id) { __typename id ... on AutoscalingRule { target } } }"
    assert (await graph.get(node, id=rule["id"]))["node"] == {
        "__typename": "AutoscalingRule",
        "id": rule["id"],
        "target": 8.0,
    }


async def test_a_deployment_lists_its_rules_oldest_first(graph: Graph, deployment: str) -> None:
    assert (await graph.get(LISTED, id=deployment))["modelDeployment"]["autoscalingRules"] == []
    await create(graph, deployment, metric="REQUEST_RATE")
    graph.house.clock.forward(seconds=1)
    await create(graph, deployment)
    shown = (await graph.get(LISTED, id=deployment))["modelDeployment"]["autoscalingRules"]
    assert [rule["metric"] for rule in shown] == ["REQUEST_RATE", "IN_FLIGHT"]


async def test_a_second_rule_on_a_metric_is_a_user_error(graph: Graph, deployment: str) -> None:
    await create(graph, deployment)
    again = await create(graph, deployment)
    (error,) = again["userErrors"]
    assert (again["rule"], error["code"], error["path"]) == (
        None,
        "METRIC_TAKEN",
        ["input", "metric"],
    )


async def test_what_is_wrong_is_told_by_its_place(graph: Graph, deployment: str) -> None:
    for said, place in (
        ({"target": 0}, "target"),
        ({"minReplicas": 5}, "maxReplicas"),
        ({"cooldownUp": "PT25H"}, "cooldownUp"),
        ({"deploymentId": global_id("ModelDeployment", "0" * 32)}, "deploymentId"),
    ):
        (error,) = (await create(graph, deployment, **said))["userErrors"]
        assert error["path"] == ["input", place]


async def test_absent_stays_null_is_the_default_and_a_value_is_the_value(
    graph: Graph, deployment: str
) -> None:
    made = (await create(graph, deployment, minReplicas=0, cooldownUp=5, cooldownDown=10))["rule"]
    changed = await update(graph, made["id"], maxReplicas=9, cooldownUp=None)
    assert changed["userErrors"] == []
    rule = changed["rule"]
    assert (rule["maxReplicas"], rule["cooldownUp"]) == (9, "PT30S")
    assert (rule["minReplicas"], rule["cooldownDown"], rule["target"]) == (0, "PT10S", 8.0)
    refused = await update(graph, made["id"], target=None)
    assert refused["userErrors"] == [{"code": "INVALID_VALUE", "path": ["input", "target"]}]


async def test_a_deleted_rule_is_shown_once_more(graph: Graph, deployment: str) -> None:
    rule = (await create(graph, deployment))["rule"]["id"]
    gone = (await graph.get(DELETE, id=rule))["deleteAutoscalingRule"]
    assert gone == {"rule": {"id": rule}, "userErrors": []}
    again = (await graph.get(DELETE, id=rule))["deleteAutoscalingRule"]
    assert again["userErrors"] == [{"code": "NOT_FOUND", "path": ["input", "ruleId"]}]


async def test_rules_and_what_they_decide_are_told_as_events(graph: Graph, deployment: str) -> None:
    made = (await create(graph, deployment))["rule"]
    await update(graph, made["id"], maxReplicas=9)
    house = graph.house
    (rule,) = [rule for rules in (await house.store.reads.rules.live()).values() for rule in rules]
    async with house.store.start_work(ACTOR, "sweep") as work:
        scaling = Scaling(rule=rule, before=1, after=3, measured=20.0, note="why")
        locked = await work.deployments.lock(rule.deployment_id)
        assert locked is not None
        await apply(work, locked, scaling, house.clock())
    await graph.get(DELETE, id=made["id"])
    query = """query($id: ID!) { events(filter: {subjectId: $id}) { nodes { __typename actor
      ... on AutoscalingRuleEvent { ruleId metric rule { id } }
      ... on AutoscalingRuleUpdated { maxReplicas changed }
      ... on DeploymentScaled { replicasBefore replicasAfter ruleId metric measured target note
        rule { id } } } } }"""
    _, created, updated, scaled, deleted = (await graph.get(query, id=deployment))["events"][
        "nodes"
    ]
    about = {"ruleId": made["id"], "metric": "IN_FLIGHT", "rule": None, "actor": "key:tester"}
    assert created == {"__typename": "AutoscalingRuleCreated", **about}
    assert updated == {
        "__typename": "AutoscalingRuleUpdated",
        "maxReplicas": 9,
        "changed": ["maxReplicas"],
        **about,
    }
    assert scaled == {
        "__typename": "DeploymentScaled",
        "actor": "autoscaler",
        "replicasBefore": 1,
        "replicasAfter": 3,
        "ruleId": made["id"],
        "metric": "IN_FLIGHT",
        "measured": 20.0,
        "target": 8.0,
        "note": "why",
        "rule": None,
    }
    assert deleted == {"__typename": "AutoscalingRuleDeleted", **about}


async def test_a_users_scaling_names_no_rule(graph: Graph) -> None:
    made = await graph.house.a_deployment("other")
    await graph.house.deployments.scale(graph.house.caller, made.id, 3)
    query = "{ events { nodes { ... on DeploymentScaled { replicasAfter ruleId metric rule { id } } } } }"
    assert (await graph.get(query))["events"]["nodes"][-1] == {
        "replicasAfter": 3,
        "ruleId": None,
        "metric": None,
        "rule": None,
    }
