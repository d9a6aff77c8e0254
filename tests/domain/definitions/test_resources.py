"""Resources and their quantities."""

from decimal import Decimal

import pytest

from domain.definitions.layers import LayerKind
from domain.definitions.resources import amount, problems, text
from domain.errors import DefinitionError


def found(key: str, value: object) -> list[DefinitionError]:
    return list(problems(LayerKind.REQUEST, key, value, ("resources", key)))


@pytest.mark.parametrize(
    ("quantity", "number"),
    [
        ("1", "1"),
        ("0.5", "0.5"),
        (".5", "0.5"),
        ("1.", "1"),
        ("500m", "0.5"),
        ("2k", "2000"),
        ("1Ki", "1024"),
        ("1.5Gi", "1610612736"),
        ("3G", "3000000000"),
        ("1e3", "1000"),
        ("1E-2", "0.01"),
        ("2E", "2000000000000000000"),
        ("1Ei", "1152921504606846976"),
        ("-1", "-1"),
    ],
)
def test_a_quantity_is_a_number(quantity: str, number: str) -> None:
    assert amount(quantity) == Decimal(number)


@pytest.mark.parametrize(
    "quantity",
    ["", "Gi", "1g", "1 Gi", "1GB", "1gi", "1KiB", "0x10", "1e", "1e3Gi", "one", "٣", "1e999"],
)
def test_what_kubernetes_does_not_take_is_no_quantity(quantity: str) -> None:
    assert amount(quantity) is None
    (error,) = found("cpu", quantity)
    assert (error.code, error.pointer) == ("WRONG_TYPE", "/resources/cpu")


@pytest.mark.parametrize(
    ("key", "value"),
    [("cpu", "500m"), ("memory", "256Mi"), ("nvidia.com/gpu", "2"), ("cpu", None), ("memory", "0")],
)
def test_valid_resources_have_no_problems(key: str, value: object) -> None:
    assert found(key, value) == []


def test_memory_in_thousandths_of_a_byte_is_refused() -> None:
    (error,) = found("memory", "256m")
    assert (error.code, error.suggestion) == ("OUT_OF_RANGE", "256Mi")
    assert "did you mean 256Mi?" in error.message


@pytest.mark.parametrize(
    ("said", "meant"), [("1g", "1Gi"), ("512MB", "512Mi"), ("1.5tb", "1.5Ti"), ("lots", None)]
)
def test_memory_in_other_units_suggests_those_of_kubernetes(said: str, meant: str | None) -> None:
    (error,) = found("memory", said)
    assert (error.code, error.suggestion) == ("WRONG_TYPE", meant)


@pytest.mark.parametrize(("key", "value"), [("cpu", "-1"), ("nvidia.com/gpu", "0.5")])
def test_amounts_that_nothing_can_have_are_out_of_range(key: str, value: str) -> None:
    (error,) = found(key, value)
    assert error.code == "OUT_OF_RANGE"


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("mem", "memory"),
        ("gpu", "nvidia.com/gpu"),
        ("Memory", None),
        ("/gpu", None),
        ("a/b/c", None),
        ("", None),
    ],
)
def test_other_keys_are_unknown(key: str, meant: str | None) -> None:
    (error,) = found(key, "1")
    assert (error.code, error.suggestion) == ("UNKNOWN_FIELD", meant)


def test_a_quantity_may_be_written_as_a_number() -> None:
    assert [text(2), text(0.5), text("1Gi"), text(None), text(True)] == [
        "2",
        "0.5",
        "1Gi",
        None,
        True,
    ]
    (error,) = found("cpu", True)
    assert error.code == "WRONG_TYPE"
