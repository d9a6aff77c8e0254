"""A layer against the definition's types: every finding, where it is, and what was meant."""

import math
from typing import Any

import pytest

from domain.definitions.definition import LONGEST_COMMAND, Definition, Root
from domain.definitions.drafts import read
from domain.definitions.fields import Kind, shapes
from domain.definitions.layers import Layer, LayerKind
from domain.errors import DefinitionError
from tests.support.definitions import folder, one_model, request

CHECK = "/models/0/service/health_check"


def found(layer: Layer) -> list[tuple[str, str]]:
    return [(error.code, error.pointer) for error in read(layer).errors]


def only(layer: Layer) -> DefinitionError:
    (error,) = read(layer).errors
    return error


def test_a_draft_says_what_its_author_wrote_and_no_more() -> None:
    tree = one_model(port=1, health_check={}, shell=None)
    assert read(folder(**tree)).tree == tree
    assert read(folder()).tree == {}


@pytest.mark.parametrize("key", ["start_command", "start-command"])
def test_keys_are_snake_case_or_kebab_case(key: str) -> None:
    draft = read(folder(models=[{"service": {key: "x"}}]))
    assert draft.tree == one_model(start_command="x")
    assert draft.errors == ()


def test_a_key_of_mixed_spelling_is_unknown() -> None:
    error = only(folder(**one_model(**{"pre-start_actions": []})))
    assert (error.code, error.suggestion) == ("UNKNOWN_FIELD", "pre_start_actions")


def test_both_spellings_of_one_key_are_an_error() -> None:
    error = only(folder(**one_model(**{"start_command": "a", "start-command": "b"})))
    assert error.code == "DEFINITION_DUPLICATE_KEY"
    assert error.pointer == "/models/0/service/start-command"
    assert "start_command and start-command are one key" in error.message
    assert only(folder(models=[{"info": {}, "metadata": {}}])).code == "DEFINITION_DUPLICATE_KEY"


def test_files_may_say_info_created_at_and_modified_at() -> None:
    said = {"created_at": "x", "modified-at": "y"}
    draft = read(folder(models=[{"info": said}]))
    assert draft.tree == {"models": [{"metadata": {"created": "x", "last_modified": "y"}}]}


def test_keys_that_begin_with_x_are_ignored_wherever_they_stand() -> None:
    said = folder(**{"x-a": 1, "models": [{"x-b": [{}], "service": {"x-c": None, "port": 1}}]})
    assert (read(said).tree, read(said).errors) == (one_model(port=1), ())


def test_a_file_may_say_nothing_but_models() -> None:
    assert found(folder(image="i", environment={}, resources={}, models=[])) == [
        ("UNKNOWN_FIELD", "/image"),
        ("UNKNOWN_FIELD", "/environment"),
        ("UNKNOWN_FIELD", "/resources"),
    ]
    assert found(request(image="i", environment={}, resources={}, models=[])) == []


@pytest.mark.parametrize(
    ("tree", "pointer", "suggestion"),
    [
        (one_model(prt=1), "/models/0/service/prt", "port"),
        (one_model(**{"helth-check": {}}), "/models/0/service/helth-check", "health-check"),
        ({"models": [{"port": 1}]}, "/models/0/port", "/models/0/service/port"),
        ({"models": [{}, {"port": 1}]}, "/models/1/port", "/models/1/service/port"),
        (one_model(path="/"), "/models/0/service/path", f"{CHECK}/path"),
        (one_model(health_check={"port": 1}), f"{CHECK}/port", "/models/0/service/port"),
        (one_model(metadata={}), "/models/0/service/metadata", "/models/0/metadata"),
        (one_model(model_path="/m"), "/models/0/service/model_path", "/models/0/model_path"),
        ({"service": {}}, "/service", "/models/0/service"),
        ({"model": []}, "/model", "models"),
        ({"zzz": []}, "/zzz", None),
        ({"models": [{"framework": []}]}, "/models/0/framework", "/models/0/metadata/framework"),
    ],
)
def test_an_unknown_key_names_the_nearest_known_one(
    tree: dict[str, Any], pointer: str, suggestion: str | None
) -> None:
    error = only(folder(**tree))
    assert (error.code, error.pointer, error.suggestion) == ("UNKNOWN_FIELD", pointer, suggestion)
    assert error.layer is LayerKind.FOLDER
    if suggestion:
        assert f"did you mean {suggestion}?" in error.message


@pytest.mark.parametrize(
    ("tree", "pointer"),
    [
        (one_model(port="8080"), "/models/0/service/port"),
        (one_model(port=8080.0), "/models/0/service/port"),
        (one_model(port=True), "/models/0/service/port"),
        (one_model(shell=1), "/models/0/service/shell"),
        (one_model(start_command=5), "/models/0/service/start_command"),
        (one_model(start_command=["a", 5]), "/models/0/service/start_command/1"),
        (one_model(start_command=["a", None]), "/models/0/service/start_command/1"),
        (one_model(start_command={}), "/models/0/service/start_command"),
        (one_model(pre_start_actions={}), "/models/0/service/pre_start_actions"),
        (one_model(pre_start_actions=[None]), "/models/0/service/pre_start_actions/0"),
        (one_model(health_check=[]), CHECK),
        (one_model(health_check={"enable": "yes"}), f"{CHECK}/enable"),
        (one_model(health_check={"enable": 1}), f"{CHECK}/enable"),
        (one_model(health_check={"interval": "10"}), f"{CHECK}/interval"),
        (one_model(health_check={"interval": False}), f"{CHECK}/interval"),
        (one_model(health_check={"interval": math.nan}), f"{CHECK}/interval"),
        (one_model(health_check={"interval": math.inf}), f"{CHECK}/interval"),
        (one_model(health_check={"max_retries": 1.5}), f"{CHECK}/max_retries"),
        ({"models": {}}, "/models"),
        ({"models": [None]}, "/models/0"),
        ({"models": ["m"]}, "/models/0"),
        ({"models": [{"name": 1}]}, "/models/0/name"),
        ({"models": [{"name": "a\0b"}]}, "/models/0/name"),
        ({"models": [{"name": "\ud800"}]}, "/models/0/name"),
        ({"models": [{"metadata": {"version": 1.5}}]}, "/models/0/metadata/version"),
        ({"models": [{"metadata": {"version": 2**63}}]}, "/models/0/metadata/version"),
        ({"models": [{"metadata": {"framework": "a"}}]}, "/models/0/metadata/framework"),
        ({"models": [{"metadata": {"framework": [None]}}]}, "/models/0/metadata/framework/0"),
        ({"models": [{"metadata": {"min_resource": []}}]}, "/models/0/metadata/min_resource"),
        (
            {"models": [{"metadata": {"min_resource": {"a": [math.nan]}}}]},
            "/models/0/metadata/min_resource/a/0",
        ),
        (
            {"models": [{"metadata": {"min_resource": {"a": b"x"}}}]},
            "/models/0/metadata/min_resource/a",
        ),
        ({"x-a": {"b": math.inf}}, "/x-a/b"),
    ],
)
def test_a_value_of_a_wrong_type_is_told(tree: dict[str, Any], pointer: str) -> None:
    error = only(folder(**tree))
    assert (error.code, error.pointer) == ("WRONG_TYPE", pointer)
    assert f"FOLDER {pointer}: " in error.message


@pytest.mark.parametrize(
    ("tree", "pointer", "value"),
    [
        (one_model(port=0), "/models/0/service/port", 0),
        (one_model(port=65536), "/models/0/service/port", 65536),
        (one_model(port=10**400), "/models/0/service/port", None),
        (one_model(shell=""), "/models/0/service/shell", ""),
        (one_model(start_command=""), "/models/0/service/start_command", ""),
        (one_model(start_command=[]), "/models/0/service/start_command", []),
        (one_model(health_check={"path": "x"}), f"{CHECK}/path", "x"),
        (one_model(health_check={"interval": 0}), f"{CHECK}/interval", 0),
        (one_model(health_check={"interval": -1.5}), f"{CHECK}/interval", -1.5),
        (one_model(health_check={"max_retries": -1}), f"{CHECK}/max_retries", -1),
        (one_model(health_check={"max_wait_time": 0}), f"{CHECK}/max_wait_time", 0),
        (one_model(health_check={"initial_delay": -1}), f"{CHECK}/initial_delay", -1),
        (
            one_model(health_check={"expected_status_code": 600}),
            f"{CHECK}/expected_status_code",
            600,
        ),
        (
            one_model(health_check={"expected_status_code": 99}),
            f"{CHECK}/expected_status_code",
            99,
        ),
        ({"models": [{"name": ""}]}, "/models/0/name", ""),
        ({"models": [{"model_path": ""}]}, "/models/0/model_path", ""),
    ],
)
def test_a_value_out_of_its_range_is_told(
    tree: dict[str, Any], pointer: str, value: object
) -> None:
    error = only(folder(**tree))
    assert (error.code, error.pointer) == ("OUT_OF_RANGE", pointer)
    if value is not None:
        assert error.value == value


def test_an_unknown_action_names_the_nearest() -> None:
    error = only(folder(**one_model(pre_start_actions=[{"action": "writefile"}])))
    assert (error.code, error.suggestion) == ("OUT_OF_RANGE", "write_file")


def test_a_number_in_quotes_suggests_the_number() -> None:
    assert only(folder(**one_model(port="8080"))).suggestion == "8080"


def test_an_integer_serves_where_seconds_are_wanted() -> None:
    draft = read(folder(**one_model(health_check={"interval": 3, "initial_delay": 2.5})))
    assert draft.tree == one_model(health_check={"interval": 3, "initial_delay": 2.5})
    assert draft.errors == ()


def test_a_whole_number_of_seconds_is_shown_without_a_fraction() -> None:
    draft = read(folder(**one_model(health_check={"interval": 3.0})))
    assert repr(draft.tree["models"][0]["service"]["health_check"]["interval"]) == "3"


def test_values_nested_without_end_are_refused() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    error = only(folder(models=[{"metadata": {"min_resource": {"a": deep}}}]))
    assert error.code == "WRONG_TYPE"
    assert "nested deeper" in error.message


def test_a_large_value_is_shortened_in_the_message() -> None:
    error = only(folder(**one_model(port="x" * 10_000)))
    assert len(error.message) < 200
    assert error.value == "x" * 10_000


def test_pointers_are_in_the_layers_own_spelling() -> None:
    said = folder(models=[{"info": {"min-resource": []}, "service": {"health-check": {"path": 1}}}])
    assert found(said) == [
        ("WRONG_TYPE", "/models/0/info/min-resource"),
        ("WRONG_TYPE", "/models/0/service/health-check/path"),
    ]


def test_a_tree_that_is_no_mapping_is_told() -> None:
    odd: Any = ["models"]
    assert found(Layer(kind=LayerKind.TEMPLATE, tree=odd)) == [("WRONG_TYPE", "")]


def test_keys_that_are_no_text_are_told() -> None:
    odd: Any = {1: 2}
    assert found(Layer(kind=LayerKind.TEMPLATE, tree=odd)) == [("WRONG_TYPE", "")]
    resources: Any = {1: "2"}
    assert found(request(resources=resources)) == [("WRONG_TYPE", "/resources")]
    assert found(request(environment=5)) == [("WRONG_TYPE", "/environment")]


def test_rules_of_environment_and_resources_hold_in_a_tree() -> None:
    said = request(
        environment={"A": {"value": "1", "secret": "s"}, "B": None, "C": {"secret": "s"}},
        resources={"memory": "256m", "cpu": 2, "nvidia.com/gpu": None},
    )
    assert found(said) == [("WRONG_TYPE", "/environment/A"), ("OUT_OF_RANGE", "/resources/memory")]
    assert read(said).tree["resources"]["cpu"] == "2"


def test_the_shapes_come_from_the_definitions_types_alone() -> None:
    assert shapes(Root).keys() >= Definition.model_fields.keys()
    assert shapes(Definition)["models"].kind is Kind.MODELS
    nulls = [
        name
        for name, shape in shapes(shapes(shapes(Definition)["models"].part)["service"].part).items()
        if shape.null_stays
    ]
    assert nulls == ["start_command", "shell", "health_check"]


def test_a_command_is_no_longer_than_a_system_takes() -> None:
    longest = "x" * LONGEST_COMMAND
    assert read(folder(**one_model(start_command=longest))).errors == ()
    error = only(folder(**one_model(start_command=longest + "x")))
    assert error.code == "OUT_OF_RANGE"
    assert "more than 131072 characters" in error.message
    assert len(error.message) < 250
