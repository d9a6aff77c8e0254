"""What an input makes of the layer REQUEST."""

import pytest

from domain.definitions.merge import resolve
from domain.definitions.request import request_layer
from tests.support.definitions import a_model, one_model, service_of, variant


def test_an_empty_input_says_nothing() -> None:
    assert request_layer().layer.tree == {}


def test_null_is_cleared_and_absent_is_not_said() -> None:
    asked = request_layer(image=None, environment=None, resources=None)
    assert asked.layer.tree == {"image": None, "environment": None, "resources": None}


def test_the_list_of_variables_becomes_a_map() -> None:
    asked = request_layer(environment=[{"name": "A", "secret": "s"}], resources={"cpu": "1"})
    assert asked.layer.tree == {"environment": {"A": {"secret": "s"}}, "resources": {"cpu": "1"}}
    assert request_layer(environment=[]).layer.tree == {"environment": {}}


@pytest.mark.parametrize("command", ["serve", ["serve", "x"], None])
def test_the_startup_command_is_the_first_models(command: str | list[str] | None) -> None:
    assert request_layer(startup_command=command).layer.tree == one_model(start_command=command)


def test_the_startup_command_joins_what_the_definition_says() -> None:
    definition = {"models": [{"name": "a", "service": {"port": 1}}, {"name": "b"}]}
    asked = request_layer(model_definition=definition, startup_command=("a", "b"))
    assert asked.layer.tree["models"] == [
        {"name": "a", "service": {"port": 1, "start_command": ["a", "b"]}},
        {"name": "b"},
    ]
    resolved = resolve(
        [variant(models=[a_model()]), request_layer(startup_command=("a", "b")).layer]
    )
    assert service_of(resolved)["start_command"] == ["a", "b"]


def test_a_command_given_twice_is_refused() -> None:
    said = one_model(start_command=None)
    (error,) = request_layer(model_definition=said, startup_command="b").errors
    assert (error.code, error.pointer) == ("SAME_TARGET", "/models/0/service/start_command")
