"""The list of variables that an input gives."""

from typing import Any

import pytest

from domain.definitions.environment import entries
from domain.definitions.layers import LayerKind


def refused(*said: dict[str, Any]) -> list[tuple[str, str]]:
    _, found = entries(said)
    assert all(error.layer is LayerKind.REQUEST for error in found)
    return [(error.code, error.pointer) for error in found]


def test_a_list_of_variables_is_a_map_by_name() -> None:
    said: list[dict[str, Any]] = [
        {"name": "A", "value": "1"},
        {"name": "_b2", "secret": "token"},
        {"name": "C", "value": None},
        {"name": "D", "value": ""},
    ]
    assert entries(said)[0] == {
        "A": {"value": "1"},
        "_b2": {"secret": "token"},
        "C": None,
        "D": {"value": ""},
    }


def test_a_variable_has_exactly_one_of_value_and_secret() -> None:
    assert refused({"name": "A"}) == [("WRONG_TYPE", "/environment/0")]
    both = {"name": "A", "value": "1", "secret": "s"}
    assert refused({"name": "B", "value": "1"}, both) == [("WRONG_TYPE", "/environment/1")]
    assert refused({"name": "A", "value": None, "secret": "s"}) == [
        ("WRONG_TYPE", "/environment/0")
    ]


def test_a_secret_has_a_name() -> None:
    assert refused({"name": "A", "secret": None}) == [("WRONG_TYPE", "/environment/0/secret")]
    assert refused({"name": "A", "secret": ""}) == [("OUT_OF_RANGE", "/environment/0/secret")]


def test_a_name_stands_once() -> None:
    found = refused({"name": "A", "value": "1"}, {"name": "A", "value": None})
    assert found == [("DUPLICATE_NAME", "/environment/1/name")]


@pytest.mark.parametrize(
    "name", ["", "1A", "A-B", "A.B", "A B", "É", "A=B", "A\n", "\ud800", None, 5, ["A"]]
)
def test_a_name_is_one_that_every_shell_takes(name: Any) -> None:
    assert refused({"name": name, "value": "1"}) == [("OUT_OF_RANGE", "/environment/0/name")]


@pytest.mark.parametrize("value", [1, True, ["a"], "a\0b", "\ud800"])
def test_a_value_is_text(value: Any) -> None:
    assert refused({"name": "A", "value": value}) == [("WRONG_TYPE", "/environment/0/value")]


def test_every_error_of_the_list_is_reported() -> None:
    assert (
        len(refused({"name": "A"}, {"name": "1", "value": "x"}, {"name": "A", "value": "1"})) == 3
    )
