"""The merge's rules, on trees."""

import pytest

from domain.definitions.definition import document
from domain.definitions.layers import LayerKind
from domain.definitions.merge import overlay, resolve
from tests.support.definitions import (
    a_model,
    errors_of,
    folder,
    generated,
    one_model,
    origins,
    request,
    service_of,
    template,
    the_error,
    variant,
)

WHOLE = variant(models=[a_model()])


def test_defaults_apply_where_no_layer_says_a_thing() -> None:
    resolved = resolve([variant(models=[a_model(health_check={})])])
    assert document(resolved.definition) == {
        "models": [
            {
                "name": "m",
                "model_path": "/models",
                "service": {
                    "pre_start_actions": [],
                    "start_command": None,
                    "shell": "/bin/bash",
                    "port": 8000,
                    "health_check": {
                        "enable": True,
                        "path": "/health",
                        "interval": 10,
                        "max_retries": 10,
                        "max_wait_time": 15,
                        "expected_status_code": 200,
                        "initial_delay": 60,
                    },
                },
                "metadata": None,
            }
        ]
    }


def test_a_lower_layers_values_are_not_reset_by_defaults_of_a_higher() -> None:
    layers = [generated(), folder(**one_model(health_check={"path": "/a"}))]
    check = service_of(resolve(layers))["health_check"]
    assert check["initial_delay"] == 300


def test_a_null_clears_what_lower_layers_said_and_the_default_applies() -> None:
    lower = one_model(health_check={"max_wait_time": 5, "interval": 7})
    upper = one_model(health_check={"max_wait_time": None})
    check = service_of(resolve([WHOLE, folder(**lower), request(**upper)]))["health_check"]
    assert (check["max_wait_time"], check["interval"]) == (15, 7)


def test_null_is_a_value_of_shell_start_command_and_health_check() -> None:
    lower = variant(models=[a_model(shell="/bin/sh", start_command="x", health_check={})])
    upper = request(**one_model(shell=None, start_command=None, health_check=None))
    resolved = resolve([lower, upper])
    service = service_of(resolved)
    for name in ("shell", "start_command", "health_check"):
        assert service[name] is None
        assert origins(resolved)[f"/models/0/service/{name}"].layer is LayerKind.REQUEST


def test_a_null_list_is_cleared_to_the_default() -> None:
    lower = variant(models=[a_model(pre_start_actions=[{"action": "log"}])])
    resolved = resolve([lower, folder(**one_model(pre_start_actions=None))])
    assert service_of(resolved)["pre_start_actions"] == []
    assert origins(resolved)["/models/0/service/pre_start_actions"].layer is LayerKind.DEFAULT


def test_a_cleared_health_check_that_a_higher_layer_sets_again_starts_from_the_defaults() -> None:
    middle = folder(**one_model(health_check=None))
    upper = request(**one_model(health_check={"path": "/again"}))
    check = service_of(resolve([generated(), middle, upper]))["health_check"]
    assert (check["path"], check["initial_delay"]) == ("/again", 60)


def test_a_required_value_that_nobody_gives_is_missing() -> None:
    error = the_error(variant(models=[{"name": "m", "service": {"port": 1}}]))
    assert (error.code, error.pointer) == ("REQUIRED_MISSING", "/models/0/model_path")


def test_a_result_without_models_is_missing_them() -> None:
    for layers in ((), (variant(),), (variant(models=[]),)):
        assert the_error(*layers).pointer == "/models"


def test_a_required_value_that_a_layer_clears_names_that_layer_in_its_spelling() -> None:
    lower = variant(models=[a_model("a"), a_model("b")])
    error = the_error(lower, folder(models=[{"name": "b", "model-path": None}]))
    assert (error.code, error.layer) == ("REQUIRED_CLEARED", LayerKind.FOLDER)
    assert error.pointer == "/models/0/model-path"


def test_a_required_value_under_a_cleared_object_is_cleared_by_that_layer() -> None:
    error = the_error(WHOLE, folder(models=[{"service": None}]), request(**one_model(shell="/s")))
    assert (error.code, error.layer) == ("REQUIRED_CLEARED", LayerKind.FOLDER)
    assert error.pointer == "/models/0/service/port"


def test_clearing_all_models_is_refused_unless_they_are_set_again() -> None:
    assert the_error(WHOLE, folder(models=None)).code == "REQUIRED_CLEARED"
    resolved = resolve([WHOLE, folder(models=None), request(models=[a_model("new", port=7)])])
    assert resolved.definition.models[0].name == "new"
    port = origins(resolved)["/models/0/service/port"]
    assert (port.layer, port.value) == (LayerKind.REQUEST, 7)


def test_a_required_value_cleared_and_set_again_is_fine() -> None:
    layers = [WHOLE, folder(**one_model(port=None)), request(**one_model(port=7))]
    assert service_of(resolve(layers))["port"] == 7


def test_a_model_merges_into_the_one_of_its_name_wherever_that_stands() -> None:
    lower = variant(models=[a_model("a", port=1), a_model("b", port=2), a_model("c", port=3)])
    upper = request(models=[{"name": "c", "service": {"port": 30}}])
    models = resolve([lower, upper]).definition.models
    assert [m.service and m.service.port for m in models] == [1, 2, 30]


def test_a_model_of_a_new_name_renames_the_one_at_its_position() -> None:
    lower = variant(models=[a_model("a", port=1), a_model("b", port=2)])
    models = resolve([lower, request(models=[{}, {"name": "z"}])]).definition.models
    assert [(m.name, m.service and m.service.port) for m in models] == [("a", 1), ("z", 2)]


def test_a_model_beyond_the_lower_ones_is_appended() -> None:
    models = resolve([WHOLE, request(models=[{}, a_model("n", port=9)])]).definition.models
    assert [m.name for m in models] == ["m", "n"]


def test_an_empty_list_of_models_says_nothing() -> None:
    assert resolve([WHOLE, request(models=[])]).definition.models[0].name == "m"


def test_two_entries_for_one_model_are_refused() -> None:
    lower = variant(models=[a_model("a"), a_model("b")])
    error = the_error(lower, request(models=[{}, {"name": "a"}]))
    assert (error.code, error.pointer, error.value) == ("SAME_TARGET", "/models/1", "a")
    assert error.layer is LayerKind.REQUEST


def test_two_models_of_one_name_are_refused() -> None:
    error = the_error(
        variant(models=[a_model("a"), a_model("b")]), request(models=[{"name": "z"}, {"name": "z"}])
    )
    assert (error.code, error.pointer, error.value) == ("DUPLICATE_NAME", "/models/1/name", "z")
    assert the_error(folder(models=[a_model("a"), a_model("a")])).code == "DUPLICATE_NAME"


@pytest.mark.parametrize(
    ("lower", "upper"), [("a string", ["a", "list"]), (["a", "list"], "a string")]
)
def test_string_and_list_commands_replace_each_other(lower: object, upper: object) -> None:
    resolved = resolve([generated(lower), request(**one_model(start_command=upper))])
    assert service_of(resolved)["start_command"] == upper


def test_null_removes_a_key_of_a_free_map() -> None:
    lower = variant(
        models=[{**a_model(), "metadata": {"min_resource": {"cpu": 1, "mem": 2}}}],
        environment={"A": {"value": "1"}, "B": {"secret": "s"}},
        resources={"cpu": "1", "memory": "1Gi"},
    )
    upper = request(
        models=[{"metadata": {"min_resource": {"cpu": None}}}],
        environment={"A": None, "C": {"value": "3"}},
        resources={"cpu": None},
    )
    resolved = resolve([lower, upper])
    assert resolved.environment == {"B": {"secret": "s"}, "C": {"value": "3"}}
    assert resolved.resources == {"memory": "1Gi"}
    metadata = resolved.definition.models[0].metadata
    assert metadata is not None
    assert metadata.min_resource == {"mem": 2}


def test_a_variable_is_replaced_whole() -> None:
    lower = template(environment={"A": {"value": "1"}})
    resolved = resolve([WHOLE, lower, request(environment={"A": {"secret": "s"}})])
    assert resolved.environment == {"A": {"secret": "s"}}


def test_null_environment_and_resources_clear_them() -> None:
    lower = template(environment={"A": {"value": "1"}}, resources={"cpu": "1"}, image="i")
    resolved = resolve([WHOLE, lower, request(environment=None, resources=None, image=None)])
    assert (resolved.environment, resolved.resources, resolved.image) == ({}, {}, None)


def test_an_action_of_an_atomic_list_gets_its_defaults_and_needs_its_action() -> None:
    actions = one_model(pre_start_actions=[{"action": "log", "args": None}])
    resolved = resolve([WHOLE, folder(**actions)])
    assert service_of(resolved)["pre_start_actions"] == [{"action": "log", "args": {}}]
    error = the_error(WHOLE, folder(models=[{"service": {"pre-start-actions": [{"args": {}}]}}]))
    assert (error.code, error.layer) == ("REQUIRED_MISSING", LayerKind.FOLDER)
    assert error.pointer == "/models/0/service/pre-start-actions/0/action"
    cleared = folder(**one_model(pre_start_actions=[{"action": None}]))
    assert the_error(WHOLE, cleared).code == "REQUIRED_CLEARED"


def test_every_error_of_every_layer_is_reported_at_once() -> None:
    found = errors_of(
        variant(models=[{"name": "m"}]),
        folder(**one_model(port="8080", pat="/")),
        request(resources={"memory": "256m"}, environment={"A": {"value": 1}}),
    )
    assert [(e.code, e.layer) for e in found] == [
        ("WRONG_TYPE", LayerKind.FOLDER),
        ("UNKNOWN_FIELD", LayerKind.FOLDER),
        ("OUT_OF_RANGE", LayerKind.REQUEST),
        ("WRONG_TYPE", LayerKind.REQUEST),
        ("REQUIRED_MISSING", LayerKind.DEFAULT),
    ]


def test_a_wrong_value_is_not_reported_as_missing_too() -> None:
    assert the_error(variant(models=[a_model(port="x")])).code == "WRONG_TYPE"
    assert the_error(WHOLE, folder(models=[{}, 5])).code == "WRONG_TYPE"
    assert the_error(folder(models="x")).code == "WRONG_TYPE"


def test_a_variant_without_a_command_needs_one_from_some_layer() -> None:
    error = the_error(WHOLE, needs_command=True)
    assert (error.code, error.pointer) == ("REQUIRED_MISSING", "/models/0/service/start_command")
    said = request(**one_model(start_command=None))
    assert service_of(resolve([WHOLE, said], needs_command=True))["start_command"] is None


def test_a_string_command_without_a_shell_has_to_split() -> None:
    layers = [WHOLE, folder(**one_model(shell=None)), request(**one_model(start_command="a 'b"))]
    error = the_error(*layers)
    assert (error.code, error.layer) == ("OUT_OF_RANGE", LayerKind.REQUEST)


def test_a_placeholder_in_quotes_is_refused_where_its_value_needs_quotes() -> None:
    model = {"model_path": "/my dir", "service": {"start-command": 'serve "{model_path}"'}}
    error = the_error(WHOLE, folder(models=[model]))
    assert (error.code, error.layer) == ("PLACEHOLDER_IN_QUOTES", LayerKind.FOLDER)
    assert error.pointer == "/models/0/service/start-command"
    assert "drop the quotes" in error.message
    harmless = {"model_path": "/dir", "service": {"start_command": 'serve "{model_path}"'}}
    kept = service_of(resolve([WHOLE, folder(models=[harmless])]))
    assert kept["start_command"] == 'serve "{model_path}"'


def test_overlay_keeps_a_null_as_a_null() -> None:
    tree = overlay({"image": "i", "models": [a_model()]}, request(image=None))
    assert tree == {"image": None, "models": [a_model()]}


def test_names_that_cant_be_read_are_not_one_name() -> None:
    unreadable = {"name": "a\0"}
    found = errors_of(folder(models=[unreadable]), request(models=[unreadable, unreadable]))
    assert {error.code for error in found} == {"WRONG_TYPE", "REQUIRED_MISSING"}
    assert all(error.value in (None, repr("a\0")) for error in found)
