"""Adding, previewing, comparing and explaining revisions, through GraphQL."""

from typing import Any

import pytest

from domain.access.access import Role
from schema.relay import global_id
from tests.support.build import a_caller
from tests.support.graph import USER_ERRORS, Graph
from tests.support.house import URI

FILE = """
models:
  - name: filed
    model_path: /models
    service:
      start_command: [python3, s.py]
      port: 8080
      health_check: {path: /, max_retries: 10}
    metadata: {version: 1.0, min_resource: {cpu: 1}}
"""
DEFINITION = """definition { models { name modelPath metadata { version minResource }
  service { startCommand shell port preStartActions { action args }
    healthCheck { path interval maxRetries initialDelay } } } }"""


async def deployment_of(graph: Graph, name: str = "chat") -> str:
    return global_id("ModelDeployment", (await graph.house.a_deployment(name)).id)


async def add(graph: Graph, said: dict[str, Any], shown: str = "number") -> Any:
    payload = await graph.change("addModelRevision", said, f"revision {{ {shown} }}")
    assert payload["userErrors"] == []
    return payload["revision"]


async def preview(graph: Graph, said: dict[str, Any], shown: str) -> Any:
    query = f"""query($input: AddModelRevisionInput!) {{
      previewModelRevision(input: $input) {{ {shown} {USER_ERRORS} }} }}"""
    return (await graph.get(query, input=said))["previewModelRevision"]


async def test_a_revision_shows_what_it_resolved_to_and_why(graph: Graph) -> None:
    deployment = await deployment_of(graph)
    said = {
        "deploymentId": deployment,
        "runtimeVariant": "VLLM",
        "modelDefinition": {"models": [{"service": {"healthCheck": {"path": "/healthz"}}}]},
        "note": "first",
    }
    shown = f"""id number digest note createdBy runtimeVariant mountPath image {DEFINITION}
      definitionDocument deployment {{ id name }} layers {{ layer source sha256 text }}
      provenance {{ pointer layer value shadowed {{ layer value }} }}
      path: explain(pointer: "/models/0/service/health_check/path") {{ layer value shadowed {{ layer }} }}
      nothing: explain(pointer: "/models/7") {{ layer }}"""
    revision = await add(graph, said, shown)
    assert (revision["number"], revision["note"]) == (1, "first")
    assert (revision["runtimeVariant"], revision["mountPath"]) == ("VLLM", "/models")
    assert revision["deployment"] == {"id": deployment, "name": "chat"}
    [model] = revision["definition"]["models"]
    assert model["service"]["healthCheck"] == {
        "path": "/healthz",
        "interval": 10,
        "maxRetries": 10,
        "initialDelay": 300,
    }
    assert "{port}" in model["service"]["startCommand"]
    [rendered] = revision["definitionDocument"]["models"]
    assert "--port 8000" in rendered["service"]["start_command"]
    assert rendered["service"]["health_check"]["expected_status_code"] == 200
    assert revision["path"] == {
        "layer": "REQUEST",
        "value": "/healthz",
        "shadowed": [{"layer": "VARIANT"}],
    }
    assert revision["nothing"] is None
    assert [layer["layer"] for layer in revision["layers"]] == ["VARIANT", "REQUEST"]
    assert {origin["layer"] for origin in revision["provenance"]} == {
        "VARIANT",
        "REQUEST",
        "DEFAULT",
    }


async def test_a_preview_says_the_same_and_writes_nothing(graph: Graph) -> None:
    deployment = await deployment_of(graph)
    said = {"deploymentId": deployment, "runtimeVariant": "ECHO", "resources": {"cpu": "2"}}
    before = await graph.house.facts()
    shown = f"""digest runtimeVariant image mountPath {DEFINITION} definitionDocument resources
      environment {{ name value secret }} layers {{ layer sha256 }} modelFolder {{ name }}
      template {{ name }} provenance {{ pointer layer value }}"""
    seen = await preview(graph, said, f"{shown} warnings {{ code pointer message }}")
    assert seen.pop("userErrors") == []
    assert seen.pop("warnings") == []
    assert await graph.house.facts() == before
    assert seen["resources"] == {"cpu": "2"}
    assert seen == await add(graph, said, shown)


async def test_a_stored_revision_warns_as_its_preview_did(graph: Graph) -> None:
    said = {
        "deploymentId": await deployment_of(graph),
        "runtimeVariant": "ECHO",
        "startupCommand": "serve /models/weights --port {port}",
        "resources": {"memory": "1Gi"},
        "modelDefinition": {"models": [{"metadata": {"minResource": {"mem": "8g"}}}]},
    }
    shown = "warnings { code pointer message }"
    previewed = (await preview(graph, said, shown))["warnings"]
    assert [(each["code"], each["pointer"]) for each in previewed] == [
        ("LITERAL_MOUNT_PATH", "/models/0/service/start_command"),
        ("MIN_RESOURCE", "/models/0/metadata/min_resource/mem"),
    ]
    revision = await add(graph, said, f"id {shown}")
    assert revision["warnings"] == previewed
    query = f"query($id: ID!) {{ modelRevision(id: $id) {{ {shown} }} }}"
    assert (await graph.get(query, id=revision["id"]))["modelRevision"]["warnings"] == previewed


async def test_literals_say_what_variables_say(graph: Graph) -> None:
    """Absent, null and a value, and JSON that is written in the document itself."""
    deployment = await deployment_of(graph)
    said = {
        "deploymentId": deployment,
        "runtimeVariant": "VLLM",
        "image": None,
        "environment": [{"name": "A", "value": None}, {"name": "B", "value": "1"}],
        "resources": {"cpu": 2, "memory": None},
        "modelDefinition": {
            "models": [{"service": {"shell": None, "healthCheck": {"interval": 5}, "port": 1}}]
        },
    }
    shown = "digest definitionDocument environment { name value } resources"
    literal = """image: null, environment: [{name: "A", value: null}, {name: "B", value: "1"}],
      resources: {cpu: 2, memory: null}, modelDefinition: {models: [{service: {
      shell: null, healthCheck: {interval: 5.0}, port: 1}}]}"""
    query = f"""{{ previewModelRevision(input: {{deploymentId: "{deployment}", runtimeVariant: VLLM,
      {literal}}}) {{ {shown} {USER_ERRORS} }} }}"""
    by_variables = await preview(graph, said, shown)
    assert by_variables["userErrors"] == []
    assert (await graph.get(query))["previewModelRevision"] == by_variables
    assert by_variables["environment"] == [{"name": "B", "value": "1"}]
    assert by_variables["resources"] == {"cpu": "2"}


@pytest.mark.parametrize(
    ("literal", "path"),
    [
        ("resources: {cpu: 1e999}", ["resources", "cpu"]),
        (
            "modelDefinition: {models: [{metadata: {minResource: {a: 1e999}}}]}",
            ["modelDefinition", "models", "0", "metadata", "minResource", "a"],
        ),
        (
            "modelDefinition: {models: [{service: {healthCheck: {interval: 1e999}}}]}",
            ["modelDefinition", "models", "0", "service", "healthCheck", "interval"],
        ),
    ],
)
async def test_a_literal_that_json_does_not_hold_is_refused(
    graph: Graph, literal: str, path: list[str]
) -> None:
    deployment = await deployment_of(graph)
    query = f"""{{ previewModelRevision(input: {{deploymentId: "{deployment}", runtimeVariant: ECHO,
      {literal}}}) {{ {USER_ERRORS} }} }}"""
    [error] = (await graph.get(query))["previewModelRevision"]["userErrors"]
    assert (error["code"], error["path"]) == ("WRONG_TYPE", ["input", *path])


async def test_a_preview_of_what_cant_be_is_null_with_the_errors(graph: Graph) -> None:
    deployment = await deployment_of(graph)
    service = {"port": 99_999, "healthCheck": {"path": "no-slash"}}
    said = {
        "deploymentId": deployment,
        "runtimeVariant": "VLLM",
        "modelDefinition": {"models": [{"service": service}]},
    }
    shown = """digest definitionDocument userErrors {
      ... on DefinitionError { layer pointer value suggestion retryable } }"""
    seen = await preview(graph, said, shown)
    assert (seen["digest"], seen["definitionDocument"]) == (None, None)
    assert [
        (e["__typename"], e["code"], e["layer"], e["pointer"], e["value"], e["path"])
        for e in seen["userErrors"]
    ] == [
        (
            "DefinitionError",
            "OUT_OF_RANGE",
            "REQUEST",
            "/models/0/service/port",
            99_999,
            ["input", "modelDefinition", "models", "0", "service", "port"],
        ),
        (
            "DefinitionError",
            "OUT_OF_RANGE",
            "REQUEST",
            "/models/0/service/health_check/path",
            "no-slash",
            ["input", "modelDefinition", "models", "0", "service", "healthCheck", "path"],
        ),
    ]
    assert not seen["userErrors"][0]["retryable"]


async def test_absent_null_and_value_reach_the_merge(graph: Graph) -> None:
    folder = await graph.house.a_folder(FILE)
    said = {
        "deploymentId": await deployment_of(graph),
        "runtimeVariant": "CUSTOM",
        "modelFolder": {"folderId": global_id("ModelFolder", folder.id)},
        "modelDefinition": {
            "models": [
                {
                    "service": {"shell": None, "healthCheck": None, "port": 9000},
                    "metadata": {"minResource": {"my_key": 1, "cpu": None}},
                }
            ]
        },
    }
    revision = await add(
        graph,
        said,
        f"{DEFINITION} modelFolder {{ name uri mountPath definitionFile folder {{ id }} }}",
    )
    [model] = revision["definition"]["models"]
    assert model["service"] == {
        "startCommand": ["python3", "s.py"],
        "shell": None,
        "port": 9000,
        "preStartActions": [],
        "healthCheck": None,
    }
    assert model["metadata"] == {"version": "1.0", "minResource": {"my_key": 1}}
    assert revision["modelFolder"] == {
        "name": "llama",
        "uri": URI,
        "mountPath": "/models",
        "definitionFile": "model-definition.yaml",
        "folder": {"id": global_id("ModelFolder", folder.id)},
    }


async def test_every_part_of_the_input_is_taken(graph: Graph) -> None:
    await graph.change("createSecret", {"name": "TOKEN", "value": "x"})
    await graph.change(
        "createDeploymentTemplate",
        {
            "name": "base",
            "runtimeVariant": "ECHO",
            "status": "ACTIVE",
            "spec": {"environment": {"A": {"value": "1"}, "B": {"value": "2"}}},
            "allowedOverrides": ["/environment"],
        },
    )
    said = {
        "deploymentId": await deployment_of(graph),
        "template": {
            "name": "base",
            "version": 1,
            "overrides": {"environment": {"A": {"value": "3"}}},
        },
        "image": "registry/echo:1",
        "startupCommand": ["modelyard", "echo", "--port", "{port}"],
        "environment": [{"name": "B", "value": None}, {"name": "T", "secret": "TOKEN"}],
        "resources": {"memory": "1Gi"},
        "modelDefinition": {
            "models": [
                {"service": {"preStartActions": [{"action": "MKDIR", "args": {"path": "/tmp/x"}}]}}
            ]
        },
        "activate": True,
    }
    shown = f"""image template {{ name version template {{ version }} }} resources {DEFINITION}
      environment {{ name value secret }} deployment {{ status activeRevision {{ number }}
        rollout {{ revision {{ number }} }} }}"""
    same = f"""digest image mountPath resources definitionDocument {DEFINITION}
      template {{ name version }} environment {{ name value secret }}
      layers {{ layer source sha256 text }} warnings {{ code pointer message }}
      provenance {{ pointer layer value shadowed {{ layer value }} }}"""
    previewed = await preview(graph, said, same)
    assert previewed.pop("userErrors") == []
    assert await add(graph, {**said, "activate": False}, same) == previewed
    revision = await add(graph, said, shown)
    assert revision["image"] == "registry/echo:1"
    assert revision["template"] == {"name": "base", "version": 1, "template": {"version": 1}}
    assert revision["environment"] == [
        {"name": "A", "value": "3", "secret": None},
        {"name": "T", "value": None, "secret": "TOKEN"},
    ]
    assert revision["resources"] == {"memory": "1Gi"}
    service = revision["definition"]["models"][0]["service"]
    assert service["startCommand"] == ["modelyard", "echo", "--port", "{port}"]
    assert service["preStartActions"] == [{"action": "MKDIR", "args": {"path": "/tmp/x"}}]
    assert revision["deployment"] == {
        "status": "DEPLOYING",
        "activeRevision": None,
        "rollout": {"revision": {"number": 2}},
    }
    data = await graph.get("{ secrets { nodes { usedBy { name } } } }")
    assert data["secrets"]["nodes"] == [{"usedBy": [{"name": "chat"}]}]


@pytest.mark.parametrize(
    ("said", "code", "path"),
    [
        ({}, "REQUIRED_MISSING", ["input", "runtimeVariant"]),
        (
            {"runtimeVariant": "ECHO", "modelFolder": {"folderId": "x"}},
            "NOT_FOUND",
            ["input", "modelFolder", "folderId"],
        ),
        (
            {"runtimeVariant": "ECHO", "modelFolder": {"folderId": global_id("ModelFolder", "1")}},
            "NOT_FOUND",
            ["input", "modelFolder", "folderId"],
        ),
        ({"template": {"name": "none"}}, "NOT_FOUND", ["input", "template", "name"]),
        (
            {"template": {"name": "none", "overrides": []}},
            "INVALID_VALUE",
            ["input", "template", "overrides"],
        ),
        ({"runtimeVariant": "ECHO", "resources": [1]}, "INVALID_VALUE", ["input", "resources"]),
        (
            {"runtimeVariant": "ECHO", "resources": {"memory_x": "256m"}},
            None,
            ["input", "resources", "memory_x"],
        ),
        ({"runtimeVariant": "ECHO", "note": "x" * 5_000}, "INVALID_VALUE", ["input", "note"]),
        (
            {"runtimeVariant": "ECHO", "expectedEtag": "x"},
            "ETAG_MISMATCH",
            ["input", "expectedEtag"],
        ),
        (
            {"runtimeVariant": "ECHO", "environment": [{"name": "A", "value": "1"}, {"name": "B"}]},
            "WRONG_TYPE",
            ["input", "environment", "1"],
        ),
        (
            {"runtimeVariant": "ECHO", "environment": [{"name": "A", "secret": "NONE"}]},
            "SECRET_NOT_FOUND",
            None,
        ),
        ({"runtimeVariant": "CUSTOM"}, "DEFINITION_NOT_FOUND", ["input", "modelFolder"]),
    ],
)
async def test_an_error_says_where_in_the_input_it_is(
    graph: Graph, said: dict[str, Any], code: str | None, path: list[str] | None
) -> None:
    deployment = await deployment_of(graph)
    before = await graph.house.facts()
    error = await graph.refusal("addModelRevision", {"deploymentId": deployment, **said})
    assert code in (None, error["code"])
    assert path in (None, error["path"])
    assert await graph.house.facts() == before


async def test_a_repeated_add_gets_the_first_revision(graph: Graph) -> None:
    said = {
        "deploymentId": await deployment_of(graph),
        "runtimeVariant": "ECHO",
        "idempotencyKey": "k",
    }
    first = await add(graph, said, "id number")
    assert await add(graph, said, "id number") == first
    error = await graph.refusal("addModelRevision", {**said, "note": "other"})
    assert error["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_two_revisions_are_compared_by_pointer(graph: Graph) -> None:
    deployment = await deployment_of(graph)
    said: dict[str, Any] = {"deploymentId": deployment, "runtimeVariant": "ECHO"}
    first = await add(graph, said, "id")
    said["modelDefinition"] = {"models": [{"service": {"port": 9000}}]}
    second = await add(graph, said, "id")
    query = """query($a: ID!, $b: ID!) { compareModelRevisions(a: $a, b: $b) { a { number } b { number }
      differences { pointer before { layer value } after { layer value } } } }"""
    data = await graph.get(query, a=first["id"], b=second["id"])
    assert data["compareModelRevisions"] == {
        "a": {"number": 1},
        "b": {"number": 2},
        "differences": [
            {
                "pointer": "/models/0/service/port",
                "before": {"layer": "VARIANT", "value": 8000},
                "after": {"layer": "REQUEST", "value": 9000},
            }
        ],
    }
    gone = await graph.get(query, a=first["id"], b=deployment)
    assert gone == {"compareModelRevisions": None}
    stranger = a_caller("f" * 32)
    assert await graph.get(query, stranger, a=first["id"], b=second["id"]) == gone


async def test_drift_shows_what_the_folders_file_says_now(graph: Graph) -> None:
    folder = await graph.house.a_folder(FILE)
    said = {
        "deploymentId": await deployment_of(graph),
        "runtimeVariant": "CUSTOM",
        "modelFolder": {"folderId": global_id("ModelFolder", folder.id)},
    }
    revision = await add(graph, said, "id folderDrift { status }")
    assert revision["folderDrift"] == {"status": "UNCHANGED"}
    changed = FILE.replace("8080", "8081").encode()
    graph.house.files.folders[URI] = {"model-definition.yaml": changed}
    query = """query($id: ID!) { modelRevision(id: $id) { folderDrift { status sha256Then sha256Now problem
      differences { pointer before { value } after { value } } } } }"""
    drift = (await graph.get(query, id=revision["id"]))["modelRevision"]["folderDrift"]
    assert drift["status"] == "CHANGED"
    assert drift["sha256Then"] != drift["sha256Now"]
    assert drift["differences"] == [
        {
            "pointer": "/models/0/service/port",
            "before": {"value": 8080},
            "after": {"value": 8081},
        }
    ]


async def test_a_viewer_previews_and_adds_nothing(graph: Graph) -> None:
    viewer = a_caller(graph.house.store.default.id, Role.VIEWER)
    said = {"deploymentId": await deployment_of(graph), "runtimeVariant": "ECHO"}
    query = """query($input: AddModelRevisionInput!) { previewModelRevision(input: $input) {
      digest userErrors { code } } }"""
    data = await graph.get(query, viewer, input=said)
    assert data["previewModelRevision"]["digest"] is not None
    stranger = await graph.get(query, a_caller("f" * 32), input=said)
    assert stranger["previewModelRevision"] == {
        "digest": None,
        "userErrors": [{"code": "NOT_FOUND"}],
    }


async def test_the_runtime_variants_say_what_they_generate(graph: Graph) -> None:
    query = "{ runtimeVariants { variant modelName port healthPath startCommand description } }"
    found = {each.pop("variant"): each for each in (await graph.get(query))["runtimeVariants"]}
    assert list(found) == [
        "VLLM",
        "SGLANG",
        "NIM",
        "HUGGINGFACE_TGI",
        "MODULAR_MAX",
        "LLAMA_CPP",
        "CMD",
        "ECHO",
        "CUSTOM",
    ]
    assert (found["SGLANG"]["port"], found["NIM"]["startCommand"]) == (9001, None)
    assert found["VLLM"]["modelName"] == "vllm-model"
