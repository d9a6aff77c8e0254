"""The table of worked cases, a row a test, with a distinct value in every layer."""

import subprocess
from typing import Any

import pytest

from domain.definitions import render
from domain.definitions.definition import document
from domain.definitions.layers import Layer, LayerKind
from domain.definitions.merge import resolve
from domain.definitions.sources import absent, candidates
from domain.definitions.variants import Variant
from domain.definitions.variants.engine import Context
from domain.definitions.variants.registry import generate
from domain.errors import DefinitionError
from tests.support.definitions import (
    a_model,
    folder,
    generated,
    one_model,
    origins,
    request,
    service_of,
    the_error,
    variant,
)

G = generated()
CHECK = "/models/0/service/health_check"


def custom() -> Layer:
    tree = generate(Variant.CUSTOM, Context(mount_path="/models"))
    return Layer(kind=LayerKind.VARIANT, tree=tree)


def test_a_file_with_the_override_on_changes_what_it_says_and_nothing_else() -> None:
    file = one_model(start_command="v", health_check={"interval": 30, "initial_delay": 600})
    resolved = resolve([G, folder(**file)])
    service = service_of(resolved)
    assert service["start_command"] == "v"
    assert service["port"] == 8000
    check = service["health_check"]
    assert (check["interval"], check["initial_delay"]) == (30, 600)
    assert (check["path"], check["max_retries"]) == ("/health", 10)
    told = origins(resolved)
    assert told[f"{CHECK}/interval"].layer is LayerKind.FOLDER
    assert told[f"{CHECK}/max_retries"].layer is LayerKind.VARIANT


def test_with_the_override_off_the_file_is_not_opened_and_the_result_is_g() -> None:
    assert candidates(Variant.VLLM, None, override=False) == ()
    service = service_of(resolve([G]))
    assert service["start_command"] == "gen"
    assert service["health_check"]["initial_delay"] == 300


def test_a_request_that_changes_the_path_keeps_the_generated_delay() -> None:
    service = service_of(resolve([G, request(**one_model(health_check={"path": "/healthz"}))]))
    assert service["health_check"]["path"] == "/healthz"
    assert service["health_check"]["initial_delay"] == 300


def test_file_and_request_each_change_their_own() -> None:
    file = one_model(start_command="v", health_check={"max_retries": 20})
    asked = one_model(start_command="u", port=9000)
    resolved = resolve([G, folder(**file), request(**asked)])
    service = service_of(resolved)
    check = service["health_check"]
    assert (service["start_command"], service["port"]) == ("u", 9000)
    assert (check["path"], check["max_retries"], check["initial_delay"]) == ("/health", 20, 300)
    command = origins(resolved)["/models/0/service/start_command"]
    shadowed = [(hidden.layer, hidden.value) for hidden in command.shadowed]
    assert shadowed == [(LayerKind.FOLDER, "v"), (LayerKind.VARIANT, "gen")]


def test_a_custom_definition_is_the_files_with_the_requests_changes() -> None:
    check = {"path": "/", "max_retries": 10}
    command = ["python3", "s.py"]
    model = {
        "name": "m",
        "service": {"start_command": command, "port": 8080, "health_check": check},
    }
    asked = one_model(port=9999, health_check={"path": "/healthz", "max_retries": 3})
    service = service_of(resolve([custom(), folder(models=[model]), request(**asked)]))
    assert service["port"] == 9999
    assert service["health_check"]["path"] == "/healthz"
    assert service["health_check"]["max_retries"] == 3
    assert service["start_command"] == command


def test_a_list_command_of_two_replaces_one_of_four() -> None:
    four, two = ["python3", "-m", "http.server", "8080"], ["vllm", "serve"]
    resolved = resolve([generated(four), request(**one_model(start_command=two))])
    assert service_of(resolved)["start_command"] == two


def test_an_empty_list_of_actions_replaces_two() -> None:
    actions = [{"action": "mkdir", "args": {"path": "/a"}}, {"action": "log"}]
    lower = variant(models=[a_model(pre_start_actions=actions)])
    assert len(service_of(resolve([lower]))["pre_start_actions"]) == 2
    resolved = resolve([lower, request(**one_model(pre_start_actions=[]))])
    assert service_of(resolved)["pre_start_actions"] == []


def test_a_request_that_says_the_port_only_keeps_the_shell() -> None:
    lower = variant(models=[a_model(shell="/bin/sh")])
    service = service_of(resolve([lower, request(**one_model(port=9001))]))
    assert (service["shell"], service["port"]) == ("/bin/sh", 9001)


def test_changing_model_b_by_name_leaves_a_untouched() -> None:
    lower = variant(models=[a_model("a", port=8001), a_model("b", port=8002)])
    asked = request(models=[{"name": "b", "service": {"port": 8003}}])
    models = document(resolve([lower, asked]).definition)["models"]
    assert [(m["name"], m["service"]["port"]) for m in models] == [("a", 8001), ("b", 8003)]


def test_a_list_of_frameworks_is_replaced() -> None:
    lower = variant(models=[{**a_model(), "metadata": {"framework": ["a", "b"]}}])
    asked = request(models=[{"metadata": {"framework": ["c"]}}])
    model = document(resolve([lower, asked]).definition)["models"][0]
    assert model["metadata"]["framework"] == ["c"]


def test_min_resource_merges_key_by_key() -> None:
    lower = variant(models=[{**a_model(), "metadata": {"min_resource": {"cpu": 1, "mem": "1g"}}}])
    asked = request(models=[{"metadata": {"min_resource": {"cpu": 4}}}])
    model = document(resolve([lower, asked]).definition)["models"][0]
    assert model["metadata"]["min_resource"] == {"cpu": 4, "mem": "1g"}


def test_a_null_health_check_in_the_file_is_no_health_check() -> None:
    resolved = resolve([G, folder(**one_model(health_check=None))])
    assert service_of(resolved)["health_check"] is None
    assert origins(resolved)[CHECK].layer is LayerKind.FOLDER


def test_a_misspelt_key_in_the_file_is_an_unknown_field() -> None:
    error = the_error(G, folder(**one_model(helth_check={})))
    assert (error.code, error.layer) == ("UNKNOWN_FIELD", LayerKind.FOLDER)
    assert error.pointer == "/models/0/service/helth_check"
    assert error.suggestion == "health_check"
    for part in ("FOLDER", "/models/0/service/helth_check", "did you mean health_check?"):
        assert part in error.message


def test_custom_without_a_file_is_definition_not_found() -> None:
    assert candidates(Variant.CUSTOM, None, override=False)[0] == "model-definition.yaml"
    with pytest.raises(DefinitionError) as refused:
        absent(Variant.CUSTOM, None)
    assert refused.value.code == "DEFINITION_NOT_FOUND"


def test_a_model_path_with_a_blank_and_a_quote_runs() -> None:
    asked: dict[str, Any] = {"models": [{"model_path": "/my dir/it's"}]}
    resolved = resolve([generated("vllm serve {model_path}"), request(**asked)])
    rendered = render.rendered(resolved.definition).models[0].service
    assert rendered is not None
    assert rendered.start_command == """vllm serve '/my dir/it'"'"'s'"""
    assert resolved.definition.models[0].service is not None
    assert resolved.definition.models[0].service.start_command == "vllm serve {model_path}"
    arguments = f"vllm() {{ printf '%s|' \"$@\"; }}; {rendered.start_command}"
    ran = subprocess.run(["/bin/sh", "-c", arguments], capture_output=True, text=True, check=True)
    assert ran.stdout == "serve|/my dir/it's|"
