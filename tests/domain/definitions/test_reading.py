"""Scalars without quotes are read by the field's type."""

import math
from typing import Any

import pytest

from domain.definitions.drafts import read
from domain.definitions.reading import Written, scalar
from tests.support.definitions import folder, one_model


def read_service(**service: Any) -> Any:
    draft = read(folder(**one_model(**service)))
    assert draft.errors == ()
    return draft.tree["models"][0]["service"]


def read_metadata(**metadata: Any) -> Any:
    draft = read(folder(models=[{"metadata": metadata}]))
    assert draft.errors == ()
    return draft.tree["models"][0]["metadata"]


def code(tree: dict[str, Any]) -> tuple[str, str | None]:
    (error,) = read(folder(**tree)).errors
    return error.code, error.suggestion


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("on", "on"),
        ("No", "No"),
        ("8080", 8080),
        ("-3", -3),
        ("+3", 3),
        ("0", 0),
        ("0x1F", 31),
        ("0o17", "0o17"),
        ("010", "010"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("1.0", 1.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        (".", "."),
        (".e5", ".e5"),
        ("-", "-"),
        ("1.", 1.0),
        ("00.5", "00.5"),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("9" * 5000, "9" * 5000),
        ("١", "١"),
    ],
)
def test_a_scalar_that_no_field_types_is_read_as_json_likes_it(text: str, value: object) -> None:
    read_as = scalar(Written(text))
    assert (read_as, type(read_as)) == (value, type(value))


def test_nan_is_read_as_nan() -> None:
    assert math.isnan(scalar(Written(".NaN")))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.0", "1.0"),
        ("8080", 8080),
        ("1e3", "1e3"),
        ("010", "010"),
        ("+1", "+1"),
        ("v2", "v2"),
        ("0x10", "0x10"),
        ("99999999999999999999", "99999999999999999999"),
    ],
)
def test_a_version_keeps_a_numbers_text(text: str, value: object) -> None:
    assert read_metadata(version=Written(text)) == {"version": value}


def test_members_of_a_list_command_keep_a_numbers_text() -> None:
    command = [Written("8080"), Written("1.0"), Written("-m"), Written("1e3"), "quoted"]
    service = read_service(start_command=command)
    assert service["start_command"] == ["8080", "1.0", "-m", "1e3", "quoted"]


def test_timestamps_stay_text() -> None:
    said = read_metadata(
        created=Written("2024-01-01"), last_modified=Written("2024-01-01 10:00:00")
    )
    assert said == {"created": "2024-01-01", "last_modified": "2024-01-01 10:00:00"}


def test_words_that_yaml_once_took_for_booleans_are_text() -> None:
    assert read_metadata(author=Written("no"), title=Written("Off")) == {
        "author": "no",
        "title": "Off",
    }


def test_a_boolean_is_true_or_false_and_yes_suggests_it() -> None:
    assert read_service(health_check={"enable": Written("true")})["health_check"]["enable"] is True
    assert code(one_model(health_check={"enable": Written("yes")})) == ("WRONG_TYPE", "true")
    assert code(one_model(health_check={"enable": Written("off")})) == ("WRONG_TYPE", "false")


def test_a_number_with_leading_zeros_is_no_number() -> None:
    assert code(one_model(port=Written("08080"))) == ("WRONG_TYPE", "8080")


def test_a_number_where_text_is_wanted_suggests_quotes() -> None:
    assert code({"models": [{"name": Written("5")}]}) == ("WRONG_TYPE", '"5"')
    assert code(one_model(start_command=Written("5"))) == ("WRONG_TYPE", '"5"')


def test_a_null_without_quotes_clears() -> None:
    assert read_service(health_check=Written(""), port=Written("~")) == {
        "health_check": None,
        "port": None,
    }


def test_a_null_in_a_list_is_a_wrong_type() -> None:
    assert code({"models": [Written("")]})[0] == "WRONG_TYPE"
    assert code(one_model(start_command=[Written("a"), Written("")]))[0] == "WRONG_TYPE"
    assert code({"models": [{"metadata": {"label": [Written("~")]}}]})[0] == "WRONG_TYPE"


def test_seconds_may_be_written_as_integers() -> None:
    check = read_service(health_check={"interval": Written("3"), "max_wait_time": Written("0.5")})
    assert check["health_check"] == {"interval": 3, "max_wait_time": 0.5}


def test_infinite_seconds_are_a_wrong_type() -> None:
    for text in (".inf", ".nan", "1e999"):
        assert code(one_model(health_check={"interval": Written(text)}))[0] == "WRONG_TYPE"


def test_free_values_are_read_too() -> None:
    said = read_metadata(
        min_resource={"cpu": Written("1"), "mem": Written("1g"), "l": [Written("010")]}
    )
    assert said["min_resource"] == {"cpu": 1, "mem": "1g", "l": ["010"]}
