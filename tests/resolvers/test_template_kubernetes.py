"""How a template's pods are scheduled, through the API."""

from typing import Any

import pytest

from schema.relay import global_id
from tests.support.graph import USER_ERRORS, Graph

USE = """kubernetes { nodeSelector { key value }
  tolerations { key operator value effect tolerationSeconds }
  runtimeClass serviceAccount imagePullSecrets runAsNonRoot runAsUser queue priorityClass }"""
SHOWN = f"template {{ id {USE} }}"
NEW: dict[str, Any] = {"name": "t", "runtimeVariant": "ECHO", "spec": {}, "status": "ACTIVE"}
PLAIN: dict[str, Any] = {
    "nodeSelector": [],
    "tolerations": [],
    "runtimeClass": None,
    "serviceAccount": None,
    "imagePullSecrets": [],
    "runAsNonRoot": None,
    "runAsUser": None,
    "queue": None,
    "priorityClass": None,
}
SAID = {
    "nodeSelector": [{"key": "gpu", "value": "a100"}],
    "tolerations": [
        {"operator": "EXISTS"},
        {"key": "gpu", "value": "x", "effect": "NO_EXECUTE", "tolerationSeconds": 5},
    ],
    "runtimeClass": "nvidia",
    "serviceAccount": "engines",
    "imagePullSecrets": ["registry"],
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "queue": "team-a",
    "priorityClass": "high",
}
FOUND = {
    **SAID,
    "tolerations": [
        {
            "key": None,
            "operator": "EXISTS",
            "value": None,
            "effect": None,
            "tolerationSeconds": None,
        },
        {
            "key": "gpu",
            "operator": "EQUAL",
            "value": "x",
            "effect": "NO_EXECUTE",
            "tolerationSeconds": 5,
        },
    ],
}


async def test_what_a_template_says_is_its_revisions(graph: Graph) -> None:
    made = await graph.change("createDeploymentTemplate", {**NEW, "kubernetes": SAID}, SHOWN)
    assert made["template"]["kubernetes"] == FOUND
    deployment = global_id("ModelDeployment", (await graph.house.a_deployment("chat")).id)
    said = {"deploymentId": deployment, "template": {"name": "t"}}
    query = f"""query($input: AddModelRevisionInput!) {{
      previewModelRevision(input: $input) {{ digest {USE} {USER_ERRORS} }} }}"""
    preview = (await graph.get(query, input=said))["previewModelRevision"]
    assert (preview["kubernetes"], preview["userErrors"]) == (FOUND, [])
    added = await graph.change("addModelRevision", said, f"revision {{ id digest {USE} }}")
    assert added["revision"]["kubernetes"] == FOUND
    assert added["revision"]["digest"] == preview["digest"]
    query = f"query($id: ID!) {{ modelRevision(id: $id) {{ {USE} }} }}"
    kept = await graph.get(query, id=added["revision"]["id"])
    assert kept["modelRevision"]["kubernetes"] == FOUND


async def test_a_drafts_use_is_replaced_whole_and_an_active_ones_stays(graph: Graph) -> None:
    said = {**NEW, "status": "DRAFT", "kubernetes": SAID}
    made = (await graph.change("createDeploymentTemplate", said, SHOWN))["template"]
    own = {"templateId": made["id"]}
    changed = await graph.change("updateDeploymentTemplate", {**own, "description": "x"}, SHOWN)
    assert changed["template"]["kubernetes"] == FOUND
    for use, found in (({"queue": "b"}, {**PLAIN, "queue": "b"}), (None, PLAIN)):
        changed = await graph.change("updateDeploymentTemplate", {**own, "kubernetes": use}, SHOWN)
        assert changed["template"]["kubernetes"] == found
    await graph.change("updateDeploymentTemplate", {**own, "status": "ACTIVE"})
    error = await graph.refusal("updateDeploymentTemplate", {**own, "kubernetes": SAID})
    assert error["code"] == "TEMPLATE_FROZEN"


@pytest.mark.parametrize(
    ("use", "path"),
    [
        ({"nodeSelector": [{"key": "a", "value": ""}] * 2}, "nodeSelector.1.key"),
        ({"tolerations": [{"operator": "EXISTS"}, {}]}, "tolerations.1.operator"),
        (
            {"tolerations": [{"key": "a", "tolerationSeconds": 1}]},
            "tolerations.0.tolerationSeconds",
        ),
        ({"imagePullSecrets": ["A"]}, "imagePullSecrets.0"),
        ({"runAsUser": 0, "runAsNonRoot": True}, "runAsUser"),
    ],
)
async def test_a_use_that_can_not_be_is_told_at_its_place(
    graph: Graph, use: dict[str, Any], path: str
) -> None:
    error = await graph.refusal("createDeploymentTemplate", {**NEW, "kubernetes": use})
    assert error["code"] == "INVALID_VALUE"
    assert ".".join(error["path"]) == f"input.kubernetes.{path}"


async def test_a_template_says_nothing_unless_it_is_told(graph: Graph) -> None:
    made = await graph.change("createDeploymentTemplate", NEW, SHOWN)
    assert made["template"]["kubernetes"] == PLAIN
