"""How batch jobs may use a template, through the API."""

from typing import Any

import pytest

from tests.support.graph import Graph

SHOWN = "template { id batch { supportedEndpoints replicas readyTimeout } }"
NEW: dict[str, Any] = {"name": "t", "runtimeVariant": "ECHO", "spec": {}}
PLAIN = {"supportedEndpoints": [], "replicas": 1, "readyTimeout": "PT30M"}
USE = {"supportedEndpoints": ["/v1/embeddings"], "replicas": 3, "readyTimeout": "PT5M"}


async def test_a_template_is_for_all_jobs_unless_it_says_otherwise(graph: Graph) -> None:
    made = await graph.change("createDeploymentTemplate", NEW, SHOWN)
    assert made["template"]["batch"] == PLAIN
    said = {**NEW, "batch": {"replicas": 3}}
    made = await graph.change("createDeploymentTemplate", said, SHOWN)
    assert made["template"]["batch"] == {**PLAIN, "replicas": 3}


async def test_a_drafts_use_is_replaced_whole_and_an_active_ones_stays(graph: Graph) -> None:
    said = {**NEW, "batch": USE}
    made = (await graph.change("createDeploymentTemplate", said, SHOWN))["template"]
    assert made["batch"] == USE
    own = {"templateId": made["id"]}
    changed = await graph.change("updateDeploymentTemplate", {**own, "description": "x"}, SHOWN)
    assert changed["template"]["batch"] == USE
    changed = await graph.change(
        "updateDeploymentTemplate", {**own, "batch": {"replicas": 2}}, SHOWN
    )
    assert changed["template"]["batch"] == {**PLAIN, "replicas": 2}
    changed = await graph.change("updateDeploymentTemplate", {**own, "batch": None}, SHOWN)
    assert changed["template"]["batch"] == PLAIN
    await graph.change("updateDeploymentTemplate", {**own, "status": "ACTIVE"})
    error = await graph.refusal("updateDeploymentTemplate", {**own, "batch": USE})
    assert error["code"] == "TEMPLATE_FROZEN"


@pytest.mark.parametrize(
    ("use", "path"),
    [
        ({"supportedEndpoints": ["/v1/embeddings", "/v1/x"]}, "supportedEndpoints.1"),
        ({"supportedEndpoints": ["/v1/rerank", "/v1/rerank"]}, "supportedEndpoints"),
        ({"replicas": 0}, "replicas"),
        ({"readyTimeout": 0}, "readyTimeout"),
    ],
)
async def test_a_use_that_can_not_be_is_told_at_its_place(
    graph: Graph, use: dict[str, Any], path: str
) -> None:
    error = await graph.refusal("createDeploymentTemplate", {**NEW, "batch": use})
    assert error["code"] == "INVALID_VALUE"
    assert ".".join(error["path"]) == f"input.batch.{path}"
