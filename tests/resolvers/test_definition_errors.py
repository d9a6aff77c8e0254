"""Every code of a resolution, reached through the API, with its layer, pointer, value and path."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from resolvers.root import Schema
from schema.relay import global_id
from tests.support.graph import Graph
from tests.support.house import URI, House

FILE = "model-definition.yaml"
GOOD = "models: [{name: m, service: {port: 1, start_command: x}}]"
AT_FILE = ("modelFolder",)
SERVICE = ("modelDefinition", "models", "0", "service")
ADD = """mutation($input: AddModelRevisionInput!) { addModelRevision(input: $input) {
  revision { id } userErrors { code message path
    ... on DefinitionError { layer pointer value suggestion retryable } } } }"""
PREVIEW = ADD.replace("mutation", "query").replace("addModel", "previewModel")
PREVIEW = PREVIEW.replace("revision { id }", "digest")


@dataclass(frozen=True, kw_only=True)
class Case:
    """`file` is the folder's model-definition.yaml, `said` the rest of the input."""

    code: str
    layer: str | None = "REQUEST"
    pointer: str = ""
    value: Any = None
    path: tuple[str, ...] = ()
    suggestion: str | None = None
    retryable: bool = False
    file: bytes | str | None = None
    said: dict[str, Any] = field(default_factory=dict)
    driver: Any = "process"


def serving(**service: Any) -> dict[str, Any]:
    return {"runtimeVariant": "ECHO", "modelDefinition": {"models": [{"service": service}]}}


def in_file(code: str, file: bytes | str, **more: Any) -> Case:
    return Case(code=code, layer="FOLDER", file=file, path=AT_FILE, **more)


CASES = [
    Case(
        code="DEFINITION_NOT_FOUND", layer="FOLDER", path=AT_FILE, said={"runtimeVariant": "CUSTOM"}
    ),
    Case(
        code="DEFINITION_FILE_NOT_USED",
        layer="FOLDER",
        value="a.yaml",
        path=("modelFolder", "definitionPath"),
        file=GOOD,
        said={"runtimeVariant": "ECHO", "modelFolder": {"definitionPath": "a.yaml"}},
    ),
    Case(
        code="DEFINITION_UNREADABLE",
        layer="FOLDER",
        value="../up.yaml",
        path=("modelFolder", "definitionPath"),
        file=GOOD,
        said={"modelFolder": {"definitionPath": "../up.yaml"}},
    ),
    in_file("DEFINITION_UNREADABLE", b"models: [{name: \xe9}]"),
    in_file("DEFINITION_UNREADABLE", "broken", value=FILE, retryable=True),
    in_file("DEFINITION_TOO_LARGE", b"#" * (2**20 + 1), value=FILE),
    in_file("DEFINITION_SYNTAX", "models: ["),
    in_file("DEFINITION_TAG_REFUSED", "models: !!python/name:os.system []"),
    in_file("DEFINITION_DUPLICATE_KEY", "models: []\nmodels: []"),
    in_file(
        "DEFINITION_DUPLICATE_KEY",
        "models: [{name: m, service: {port: 1, start-command: x, start_command: y}}]",
        pointer="/models/0/service/start_command",
    ),
    in_file("DEFINITION_NOT_A_MAPPING", "- a"),
    in_file(
        "UNKNOWN_FIELD",
        "models: [{name: m, service: {port: 1, start_command: x, helth_check: {}}}]",
        pointer="/models/0/service/helth_check",
        value={},
        suggestion="health_check",
    ),
    in_file(
        "UNKNOWN_FIELD",
        "models: [{name: m, port: 1, service: {port: 2, start_command: x}}]",
        pointer="/models/0/port",
        value=1,
        suggestion="/models/0/service/port",
    ),
    in_file(
        "WRONG_TYPE",
        "models: [{name: m, service: {port: '8080', start_command: x}}]",
        pointer="/models/0/service/port",
        value="8080",
        suggestion="8080",
    ),
    Case(
        code="OUT_OF_RANGE",
        pointer="/models/0/service/port",
        value=65536,
        path=(*SERVICE, "port"),
        said=serving(port=65536),
    ),
    Case(
        code="OUT_OF_RANGE",
        pointer="/models/0/service/start_command",
        value="",
        path=("startupCommand",),
        said={"runtimeVariant": "ECHO", "startupCommand": ""},
    ),
    Case(
        code="WRONG_TYPE",
        pointer="/models/0/service/start_command/1",
        value="'\\x00'",
        path=("startupCommand", "1"),
        said={"runtimeVariant": "ECHO", "startupCommand": ["a", "\0"]},
    ),
    Case(
        code="WRONG_TYPE",
        pointer="/models/0/service/pre_start_actions/0/args",
        value=3,
        path=(*SERVICE, "preStartActions", "0", "args"),
        said=serving(preStartActions=[{"action": "LOG", "args": 3}]),
    ),
    Case(
        code="REQUIRED_MISSING",
        layer="DEFAULT",
        pointer="/models/0/service/port",
        file="models: [{name: m, service: {start_command: x}}]",
    ),
    Case(
        code="REQUIRED_MISSING",
        layer="DEFAULT",
        pointer="/models/0/service/start_command",
        said={"runtimeVariant": "CMD"},
    ),
    Case(
        code="REQUIRED_MISSING",
        layer=None,
        path=("runtimeVariant",),
        said={"runtimeVariant": None},
    ),
    Case(
        code="REQUIRED_MISSING",
        pointer="/models/0/service/pre_start_actions/0/action",
        path=(*SERVICE, "preStartActions", "0", "action"),
        said=serving(preStartActions=[{"args": {}}]),
    ),
    Case(
        code="REQUIRED_CLEARED",
        pointer="/models/0/service/port",
        path=(*SERVICE, "port"),
        said=serving(port=None),
    ),
    Case(
        code="SAME_TARGET",
        pointer="/models/1",
        value="echo-model",
        path=("modelDefinition", "models", "1"),
        said={
            "runtimeVariant": "ECHO",
            "modelDefinition": {"models": [{"name": "x"}, {"name": "echo-model"}]},
        },
    ),
    Case(
        code="SAME_TARGET",
        pointer="/models/0/service/start_command",
        value="b",
        path=("startupCommand",),
        said={**serving(startCommand="a"), "startupCommand": "b"},
    ),
    Case(
        code="DUPLICATE_NAME",
        pointer="/models/2/name",
        value="two",
        path=("modelDefinition", "models", "2", "name"),
        file="models: [{name: one, service: {port: 1, start_command: x}}, "
        "{name: three, model_path: /m, service: {port: 1, start_command: x}}]",
        said={
            "modelDefinition": {
                "models": [
                    {"name": "two"},
                    {"name": "three"},
                    {"name": "two", "modelPath": "/m"},
                ]
            }
        },
    ),
    Case(
        code="DUPLICATE_NAME",
        pointer="/environment/1/name",
        value="A",
        path=("environment", "1", "name"),
        said={
            "runtimeVariant": "ECHO",
            "environment": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}],
        },
    ),
    Case(
        code="WRONG_TYPE",
        pointer="/environment/1",
        value="{}",
        path=("environment", "1"),
        said={
            "runtimeVariant": "ECHO",
            "environment": [{"name": "A", "value": "1"}, {"name": "B"}],
        },
    ),
    Case(
        code="OUT_OF_RANGE",
        pointer="/resources/memory",
        value="256m",
        suggestion="256Mi",
        path=("resources", "memory"),
        said={"runtimeVariant": "ECHO", "resources": {"memory": "256m"}},
    ),
    Case(
        code="UNKNOWN_FIELD",
        pointer="/resources/gpu",
        value="1",
        suggestion="nvidia.com/gpu",
        path=("resources", "gpu"),
        said={"runtimeVariant": "ECHO", "resources": {"gpu": 1}},
    ),
    Case(
        code="WRONG_TYPE",
        layer="TEMPLATE",
        pointer="/resources",
        value=3,
        path=("template", "overrides", "resources"),
        said={"template": {"overrides": {"resources": 3}}},
    ),
    Case(
        code="OVERRIDE_NOT_ALLOWED",
        layer="TEMPLATE",
        pointer="/models/0/name",
        value="mine",
        path=("template", "overrides", "models", "0", "name"),
        said={"template": {"overrides": {"models": [{"name": "mine"}]}}},
    ),
    Case(
        code="VARIANT_MISMATCH",
        layer="TEMPLATE",
        value="vllm",
        suggestion="echo",
        path=("template",),
        said={"template": {}, "runtimeVariant": "VLLM"},
    ),
    Case(
        code="PLACEHOLDER_IN_QUOTES",
        pointer="/models/0/service/start_command",
        value="serve '{name}'",
        path=("startupCommand",),
        said={
            "runtimeVariant": "ECHO",
            "startupCommand": "serve '{name}'",
            "modelDefinition": {"models": [{"name": "it's"}]},
        },
    ),
    Case(
        code="NEEDS_IMAGE",
        layer="VARIANT",
        pointer="/models/0/service/start_command",
        said={"runtimeVariant": "NIM"},
    ),
    Case(
        code="NEEDS_IMAGE",
        pointer="/models/0/service/start_command",
        path=("startupCommand",),
        said={"runtimeVariant": "ECHO", "startupCommand": None},
    ),
    Case(
        code="NEEDS_IMAGE",
        layer="DEFAULT",
        pointer="/image",
        said={"runtimeVariant": "ECHO"},
        driver="kubernetes",
    ),
    Case(
        code="SECRET_NOT_FOUND",
        pointer="/environment/T",
        value="gone",
        path=("environment", "1"),
        said={
            "runtimeVariant": "ECHO",
            "environment": [{"name": "A", "value": "1"}, {"name": "T", "secret": "gone"}],
        },
    ),
]


async def an_input(graph: Graph, case: Case) -> dict[str, Any]:
    house = graph.house
    said = {"runtimeVariant": "CUSTOM", **case.said}
    if case.file is not None:
        folder = await house.a_folder()
        content = case.file.encode() if isinstance(case.file, str) else case.file
        house.files.folders[URI] = {FILE: content}
        house.files.broken |= {URI} if case.file == "broken" else set()
        chosen = {"folderId": global_id("ModelFolder", folder.id)}
        said["modelFolder"] = {**chosen, **said.get("modelFolder", {})}
    if "template" in said:
        template = {"name": "t", "runtimeVariant": "ECHO", "status": "ACTIVE", "spec": {}}
        allowed = {"allowedOverrides": ["/models/*/service", "/resources"]}
        await graph.change("createDeploymentTemplate", {**template, **allowed})
        said["template"] = {"name": "t", **said["template"]}
        said["runtimeVariant"] = case.said.get("runtimeVariant")
    deployment = await house.a_deployment()
    return {"deploymentId": global_id("ModelDeployment", deployment.id), **said}


@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{case.code}" for n, case in enumerate(CASES)])
async def test_every_code_says_where_it_is_and_how_to_mend_it(schema: Schema, case: Case) -> None:
    graph = Graph(schema, House(driver=case.driver))
    said = await an_input(graph, case)
    before = await graph.house.facts()
    added = (await graph.get(ADD, input=said))["addModelRevision"]
    previewed = (await graph.get(PREVIEW, input=said))["previewModelRevision"]
    assert added["userErrors"] == previewed["userErrors"]
    assert (added["revision"], previewed["digest"]) == (None, None)
    assert await graph.house.facts() == before
    [error] = added["userErrors"]
    assert error.pop("message")
    assert error == {
        "code": case.code,
        "path": ["input", *case.path],
        "layer": case.layer,
        "pointer": case.pointer,
        "value": case.value,
        "suggestion": case.suggestion,
        "retryable": case.retryable,
    }


def test_the_table_has_every_code() -> None:
    promised = """DEFINITION_NOT_FOUND DEFINITION_UNREADABLE DEFINITION_TOO_LARGE DEFINITION_SYNTAX
      DEFINITION_TAG_REFUSED DEFINITION_DUPLICATE_KEY DEFINITION_NOT_A_MAPPING UNKNOWN_FIELD
      WRONG_TYPE OUT_OF_RANGE REQUIRED_MISSING REQUIRED_CLEARED SAME_TARGET DUPLICATE_NAME
      OVERRIDE_NOT_ALLOWED VARIANT_MISMATCH PLACEHOLDER_IN_QUOTES NEEDS_IMAGE SECRET_NOT_FOUND
      DEFINITION_FILE_NOT_USED"""
    assert {case.code for case in CASES} == set(promised.split())
