"""The nine runtime variants."""

from typing import Any

import pytest

from domain.definitions.definition import document
from domain.definitions.layers import Layer, LayerKind
from domain.definitions.merge import resolve
from domain.definitions.variants import Variant
from domain.definitions.variants.engine import Context
from domain.definitions.variants.registry import VARIANTS, generate
from tests.support.definitions import a_model, folder, one_model, request, the_error

CONTEXT = Context(mount_path="/mnt/m")
COMMANDS = {
    Variant.VLLM: "vllm serve {model_path} --host {host} --port {port} --served-model-name {name}",
    Variant.SGLANG: "python -m sglang.launch_server --model-path {model_path}"
    " --host {host} --port {port} --served-model-name {name}",
    Variant.NIM: None,
    Variant.HUGGINGFACE_TGI: "text-generation-launcher --model-id {model_path}"
    " --hostname {host} --port {port}",
    Variant.MODULAR_MAX: "MAX_SERVE_HOST={host} max serve --model {model_path} --port {port}",
    Variant.LLAMA_CPP: "llama-server -m {model_path} --host {host} --port {port} --alias {name}",
    Variant.ECHO: "modelyard echo --host {host} --port {port} --name {name}",
}


def layer(variant: Variant) -> Layer:
    return Layer(kind=LayerKind.VARIANT, tree=generate(variant, CONTEXT))


def model(variant: Variant) -> dict[str, Any]:
    (only,) = document(resolve([layer(variant)]).definition)["models"]
    assert isinstance(only, dict)
    return only


def test_every_variant_is_there() -> None:
    assert VARIANTS.keys() == set(Variant)
    assert all(runtime.variant is variant for variant, runtime in VARIANTS.items())
    assert all(runtime.description.endswith(".") for runtime in VARIANTS.values())


@pytest.mark.parametrize(
    ("variant", "name", "port", "path", "delay"),
    [
        (Variant.VLLM, "vllm-model", 8000, "/health", 300),
        (Variant.SGLANG, "sglang-model", 9001, "/health", 300),
        (Variant.NIM, "nim-model", 8000, "/v1/health/ready", 300),
        (Variant.HUGGINGFACE_TGI, "tgi-model", 3000, "/info", 300),
        (Variant.MODULAR_MAX, "max-model", 8000, "/health", 300),
        (Variant.LLAMA_CPP, "llama-cpp-model", 8080, "/health", 60),
        (Variant.ECHO, "echo-model", 8000, "/health", 0),
    ],
)
def test_a_variant_generates_a_whole_definition(
    variant: Variant, name: str, port: int, path: str, delay: int
) -> None:
    made = model(variant)
    service = made["service"]
    check = service["health_check"]
    assert (made["name"], made["model_path"], service["port"]) == (name, "/mnt/m", port)
    assert service["start_command"] == COMMANDS[variant]
    assert (check["path"], check["initial_delay"]) == (path, delay)
    assert (check["interval"], check["max_retries"]) == (10, 10)
    runtime = VARIANTS[variant]
    assert (runtime.model_name, runtime.port, runtime.health_path) == (name, port, path)
    assert runtime.start_command == COMMANDS[variant]


def test_cmd_has_no_check_and_needs_a_command() -> None:
    runtime = VARIANTS[Variant.CMD]
    assert runtime.needs_command
    error = the_error(layer(Variant.CMD), needs_command=runtime.needs_command)
    assert (error.code, error.pointer) == ("REQUIRED_MISSING", "/models/0/service/start_command")
    given = request(**one_model(start_command="serve"))
    (made,) = document(resolve([layer(Variant.CMD), given], needs_command=True).definition)[
        "models"
    ]
    assert (made["name"], made["service"]["port"]) == ("image-model", 8000)
    assert made["service"]["health_check"] is None


def test_custom_sets_the_model_path_and_nothing_else() -> None:
    assert generate(Variant.CUSTOM, CONTEXT) == {"models": [{"model_path": "/mnt/m"}]}
    said = {key: value for key, value in a_model("c").items() if key != "model_path"}
    (made,) = resolve([layer(Variant.CUSTOM), folder(models=[said])]).definition.models
    assert (made.name, made.model_path) == ("c", "/mnt/m")


def test_the_same_context_generates_the_same_draft() -> None:
    for variant in Variant:
        assert generate(variant, CONTEXT) == generate(variant, CONTEXT)
