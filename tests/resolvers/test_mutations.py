"""Every mutation but those of revisions: what it answers, what it refuses, what null and absent mean."""

from typing import Any

import pytest

from domain.access.access import Role
from schema.relay import global_id, parse_id
from tests.support.build import a_caller, a_server_admin
from tests.support.graph import Graph
from tests.support.house import URI

DEPLOYMENT = """deployment { id name tags desiredReplicas status etag strategy {
  __typename ... on RollingStrategy { maxSurge maxUnavailable }
  ... on BlueGreenStrategy { autoPromote promoteDelay }
  ... on CanaryStrategy { steps { weight pause } } } }"""
TEMPLATE = "template { id name version status runtimeVariant spec allowedOverrides description }"


async def a_folder(graph: Graph, name: str = "llama") -> Any:
    payload = await graph.change(
        "createModelFolder", {"name": name, "uri": URI}, "folder { id name uri createdBy }"
    )
    assert payload["userErrors"] == []
    return payload["folder"]


async def a_deployment(graph: Graph, **said: Any) -> Any:
    payload = await graph.change("createModelDeployment", {"name": "chat", **said}, DEPLOYMENT)
    assert payload["userErrors"] == []
    return payload["deployment"]


async def a_template(graph: Graph, **said: Any) -> Any:
    said = {"name": "base", "runtimeVariant": "VLLM", "spec": {"image": "v1"}, **said}
    payload = await graph.change("createDeploymentTemplate", said, TEMPLATE)
    assert payload["userErrors"] == []
    return payload["template"]


async def test_a_server_admin_creates_a_project(graph: Graph) -> None:
    admin = a_server_admin(graph.house.store.default.id)
    payload = await graph.change("createProject", {"name": "lab"}, "project { name }", admin)
    assert payload == {"project": {"name": "lab"}, "userErrors": []}
    error = await graph.refusal("createProject", {"name": "lab"}, admin)
    assert (error["__typename"], error["path"]) == ("NameTaken", ["input", "name"])


async def test_what_a_role_forbids_is_a_top_level_error(graph: Graph) -> None:
    query = (
        'mutation { createProject(input: {name: "lab"}) { project { id } userErrors { code } } }'
    )
    answer = await graph.ask(query)
    assert answer.data == {"createProject": None}
    assert answer.codes == ["FORBIDDEN"]
    assert answer.errors[0]["path"] == ["createProject"]


async def test_one_failed_mutation_leaves_its_siblings(graph: Graph) -> None:
    query = """mutation { no: createProject(input: {name: "lab"}) { project { id } }
      yes: createSecret(input: {name: "TOKEN", value: "x"}) { secret { name } } }"""
    answer = await graph.ask(query)
    assert answer.data == {"no": None, "yes": {"secret": {"name": "TOKEN"}}}


async def test_a_model_folder_is_created_changed_and_deleted(graph: Graph) -> None:
    folder = await a_folder(graph)
    assert folder == {"id": folder["id"], "name": "llama", "uri": URI, "createdBy": "key:tester"}
    said = {"folderId": folder["id"], "name": "other"}
    payload = await graph.change("updateModelFolder", said, "folder { name uri }")
    assert payload["folder"] == {"name": "other", "uri": URI}
    said = {"folderId": folder["id"]}
    payload = await graph.change("deleteModelFolder", said, "folder { id }")
    assert payload["folder"] == {"id": folder["id"]}
    error = await graph.refusal("deleteModelFolder", said)
    assert (error["__typename"], error["code"]) == ("NotFound", "NOT_FOUND")
    assert error["path"] == ["input", "folderId"]
    assert folder["id"] in error["message"]


@pytest.mark.parametrize(
    ("said", "code", "path"),
    [
        ({"name": "No!", "uri": URI}, "INVALID_VALUE", ["input", "name"]),
        ({"name": "a", "uri": "file:///nowhere"}, "FOLDER_REFUSED", ["input", "uri"]),
        ({"name": "a", "uri": "x" * 3_000}, "INVALID_VALUE", ["input", "uri"]),
        ({"name": "a", "uri": "a\x00b"}, "INVALID_VALUE", ["input", "uri"]),
    ],
)
async def test_a_model_folder_that_cant_be_is_refused(
    graph: Graph, said: dict[str, Any], code: str, path: list[str]
) -> None:
    error = await graph.refusal("createModelFolder", said)
    assert (error["__typename"], error["code"], error["path"]) == ("InputError", code, path)
    assert await graph.house.facts() == []


async def test_null_where_a_value_has_to_be_is_a_user_error(graph: Graph) -> None:
    folder = await a_folder(graph)
    error = await graph.refusal("updateModelFolder", {"folderId": folder["id"], "uri": None})
    assert (error["code"], error["path"]) == ("INVALID_VALUE", ["input", "uri"])


async def test_an_update_that_says_nothing_changes_nothing(graph: Graph) -> None:
    deployment = await a_deployment(graph)
    payload = await graph.change(
        "updateModelDeployment", {"deploymentId": deployment["id"]}, DEPLOYMENT
    )
    assert payload["deployment"] == deployment


async def test_absent_null_and_value_mean_three_things(graph: Graph) -> None:
    strategy = {"blueGreen": {"autoPromote": False, "promoteDelay": "PT1M30S"}}
    deployment = await a_deployment(graph, desiredReplicas=3, tags=["a"], strategy=strategy)
    assert deployment["strategy"] == {
        "__typename": "BlueGreenStrategy",
        "autoPromote": False,
        "promoteDelay": "PT1M30S",
    }
    said = {"deploymentId": deployment["id"], "desiredReplicas": None, "tags": ["b", "c"]}
    changed = (await graph.change("updateModelDeployment", said, DEPLOYMENT))["deployment"]
    assert (changed["desiredReplicas"], changed["tags"]) == (1, ["b", "c"])
    assert changed["strategy"] == deployment["strategy"]
    assert changed["etag"] != deployment["etag"]
    said = {"deploymentId": deployment["id"], "strategy": None, "tags": None}
    changed = (await graph.change("updateModelDeployment", said, DEPLOYMENT))["deployment"]
    assert changed["tags"] == []
    assert changed["strategy"] == {
        "__typename": "RollingStrategy",
        "maxSurge": "50%",
        "maxUnavailable": 0,
    }


async def test_a_canary_strategy_keeps_its_steps(graph: Graph) -> None:
    steps = [{"weight": 10, "pause": 60}, {"weight": 50}]
    deployment = await a_deployment(graph, strategy={"canary": {"steps": steps}})
    assert deployment["strategy"]["steps"] == [
        {"weight": 10, "pause": "PT1M"},
        {"weight": 50, "pause": None},
    ]


@pytest.mark.parametrize("strategy", [{}, {"rolling": {}, "blueGreen": {}}, {"rolling": None}])
async def test_a_strategy_is_exactly_one(graph: Graph, strategy: dict[str, Any]) -> None:
    query = """mutation($input: CreateModelDeploymentInput!) {
      createModelDeployment(input: $input) { deployment { id } } }"""
    answer = await graph.ask(query, input={"name": "chat", "strategy": strategy})
    assert answer.codes == ["GRAPHQL_VALIDATION_FAILED"]
    assert await graph.house.facts() == []


@pytest.mark.parametrize(
    ("said", "code", "path"),
    [
        ({"name": "-"}, "INVALID_VALUE", ["input", "name"]),
        ({"desiredReplicas": -1}, "INVALID_VALUE", ["input", "desiredReplicas"]),
        ({"tags": ["ok", "no tag"]}, "INVALID_VALUE", ["input", "tags", "1"]),
        ({"strategy": {"canary": {"steps": []}}}, "INVALID_VALUE", ["input", "strategy"]),
    ],
)
async def test_a_deployment_that_cant_be_is_refused(
    graph: Graph, said: dict[str, Any], code: str, path: list[str]
) -> None:
    error = await graph.refusal("createModelDeployment", {"name": "chat", **said})
    assert (error["code"], error["path"]) == (code, path)


async def test_a_taken_name_says_so(graph: Graph) -> None:
    await a_deployment(graph)
    error = await graph.refusal("createModelDeployment", {"name": "chat"})
    assert (error["__typename"], error["code"]) == ("NameTaken", "NAME_TAKEN")
    assert error["path"] == ["input", "name"]
    assert "deployment named 'chat'" in error["message"]


async def test_an_old_etag_is_answered_with_the_new_one(graph: Graph) -> None:
    deployment = await a_deployment(graph)
    said = {"deploymentId": deployment["id"], "expectedEtag": "old"}
    shown = "userErrors { ... on EtagMismatch { current } }"
    for mutation in ("updateModelDeployment", "deleteModelDeployment"):
        payload = await graph.change(mutation, said, shown)
        [error] = payload["userErrors"]
        assert error["current"] == deployment["etag"]
        assert error["path"] == ["input", "expectedEtag"]
    said["expectedEtag"] = deployment["etag"]
    payload = await graph.change("deleteModelDeployment", said, "deployment { status deletedAt }")
    assert payload["deployment"] == {"status": "STOPPED", "deletedAt": "2026-11-21T12:00:00Z"}


async def test_a_repeated_create_gets_the_first_answer(graph: Graph) -> None:
    said = {"name": "chat", "idempotencyKey": "k"}
    first = await graph.change("createModelDeployment", said, "deployment { id }")
    again = await graph.change("createModelDeployment", said, "deployment { id }")
    assert again == first
    error = await graph.refusal("createModelDeployment", {"name": "other", "idempotencyKey": "k"})
    assert (error["__typename"], error["path"]) == (
        "IdempotencyKeyReused",
        ["input", "idempotencyKey"],
    )


async def test_a_template_gets_versions_and_goes_its_way(graph: Graph) -> None:
    template = await a_template(graph, allowedOverrides=["/models/*/service/port"])
    assert template == {
        "id": template["id"],
        "name": "base",
        "version": 1,
        "status": "DRAFT",
        "runtimeVariant": "VLLM",
        "spec": {"image": "v1"},
        "allowedOverrides": ["/models/*/service/port"],
        "description": "",
    }
    said = {"templateId": template["id"], "status": "ACTIVE", "runtimeVariant": "SGLANG"}
    payload = await graph.change("updateDeploymentTemplate", said, TEMPLATE)
    assert payload["template"] == template | {"status": "ACTIVE", "runtimeVariant": "SGLANG"}
    said = {"templateId": template["id"], "spec": {}}
    assert (await graph.refusal("updateDeploymentTemplate", said))["code"] == "TEMPLATE_FROZEN"
    said = {"templateId": template["id"], "status": "DRAFT"}
    error = await graph.refusal("updateDeploymentTemplate", said)
    assert (error["code"], error["path"]) == ("TRANSITION_REFUSED", ["input", "status"])
    assert (await a_template(graph))["version"] == 2
    payload = await graph.change("deleteDeploymentTemplate", {"templateId": template["id"]})
    assert payload["userErrors"] == []


async def test_a_templates_errors_keep_the_spelling_of_its_data(graph: Graph) -> None:
    spec = {"models": [{"model_path": "/m", "service": {"start_comand": "x"}}]}
    said = {"name": "base", "runtimeVariant": "VLLM", "spec": spec}
    payload = await graph.change(
        "createDeploymentTemplate",
        said,
        "userErrors { ... on DefinitionError { layer pointer suggestion retryable } }",
    )
    [error] = payload["userErrors"]
    assert error["code"] == "UNKNOWN_FIELD"
    assert error["layer"] == "TEMPLATE"
    assert error["pointer"] == "/models/0/service/start_comand"
    assert error["path"] == ["input", "spec", "models", "0", "service", "start_comand"]
    assert error["suggestion"] == "start_command"


@pytest.mark.parametrize("spec", [1, "text", [], True])
async def test_a_spec_is_an_object(graph: Graph, spec: object) -> None:
    said = {"name": "base", "runtimeVariant": "VLLM", "spec": spec}
    error = await graph.refusal("createDeploymentTemplate", said)
    assert (error["code"], error["path"]) == ("INVALID_VALUE", ["input", "spec"])
    template = await a_template(graph)
    error = await graph.refusal(
        "updateDeploymentTemplate", {"templateId": template["id"], "spec": spec}
    )
    assert error["path"] == ["input", "spec"]


async def test_a_secret_is_listed_without_its_value(graph: Graph) -> None:
    payload = await graph.change(
        "createSecret", {"name": "HF_TOKEN", "value": "s3cret"}, "secret { id name createdAt }"
    )
    secret = payload["secret"]
    data = await graph.get("{ secrets { nodes { name createdAt usedBy { id } } totalCount } }")
    [listed] = data["secrets"]["nodes"]
    assert listed == {"name": "HF_TOKEN", "createdAt": "2026-11-21T12:00:00Z", "usedBy": []}
    assert data["secrets"]["totalCount"] == 1
    payload = await graph.change("deleteSecret", {"secretId": secret["id"]}, "secret { name }")
    assert payload["secret"] == {"name": "HF_TOKEN"}
    error = await graph.refusal("deleteSecret", {"secretId": secret["id"]})
    assert (error["code"], error["path"]) == ("NOT_FOUND", ["input", "secretId"])


IDS = [
    ("updateModelFolder", "folderId", {}),
    ("deleteModelFolder", "folderId", {}),
    ("updateDeploymentTemplate", "templateId", {}),
    ("deleteDeploymentTemplate", "templateId", {}),
    ("updateModelDeployment", "deploymentId", {}),
    ("deleteModelDeployment", "deploymentId", {}),
    ("deleteSecret", "secretId", {}),
    ("addModelRevision", "deploymentId", {"runtimeVariant": "ECHO"}),
]


@pytest.mark.parametrize(("mutation", "name", "rest"), IDS)
@pytest.mark.parametrize("id", ["", "garbage", "é", global_id("Project", "0" * 32)])
async def test_an_id_of_something_else_is_not_found_at_its_path(
    graph: Graph, mutation: str, name: str, rest: dict[str, Any], id: str
) -> None:
    error = await graph.refusal(mutation, {name: id, **rest})
    assert (error["code"], error["path"]) == ("NOT_FOUND", ["input", name])


async def test_another_projects_things_are_not_found(graph: Graph) -> None:
    stranger = a_caller("f" * 32)
    folder, deployment = await a_folder(graph), await a_deployment(graph)
    template = await a_template(graph)
    before = await graph.house.facts()
    ids = {
        "folderId": folder["id"],
        "deploymentId": deployment["id"],
        "templateId": template["id"],
    }
    for mutation, name, rest in IDS:
        if name in ids:
            said = {name: ids[name], **rest}
            error = await graph.refusal(mutation, said, stranger)
            assert (error["code"], error["path"]) == ("NOT_FOUND", ["input", name])
    assert await graph.house.facts() == before


@pytest.mark.parametrize(("mutation", "name", "rest"), IDS)
async def test_a_viewer_changes_nothing(
    graph: Graph, mutation: str, name: str, rest: dict[str, Any]
) -> None:
    secret = await graph.change("createSecret", {"name": "S", "value": "x"}, "secret { id }")
    ids = {
        "folderId": (await a_folder(graph))["id"],
        "deploymentId": (await a_deployment(graph))["id"],
        "templateId": (await a_template(graph))["id"],
        "secretId": secret["secret"]["id"],
    }
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    answer = await graph.ask(
        f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ userErrors {{ code }} }} }}",
        a_caller(graph.house.store.default.id, Role.VIEWER),
        input={name: ids[name], **rest},
    )
    assert answer.codes == ["FORBIDDEN"]


async def test_ids_are_opaque_and_name_their_type(graph: Graph) -> None:
    deployment = await a_deployment(graph)
    found = parse_id(deployment["id"])
    assert found is not None
    assert found[0] == "ModelDeployment"
    assert len(found[1]) == 32
