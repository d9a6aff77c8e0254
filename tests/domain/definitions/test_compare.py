"""What differs between two results, and between two readings of one file."""

from typing import Any

import pytest

from domain.definitions.compare import Difference, compare, drift
from domain.definitions.layers import LayerKind
from domain.definitions.merge import resolve
from domain.definitions.reading import Written
from domain.errors import Refused
from tests.support.definitions import a_model, folder, generated, one_model, request


def differences(before: list[Any], after: list[Any]) -> dict[str, Difference]:
    found = compare(resolve(before).provenance, resolve(after).provenance)
    return {difference.pointer: difference for difference in found}


def test_a_result_does_not_differ_from_itself() -> None:
    assert differences([generated()], [generated()]) == {}


def test_a_difference_has_both_origins() -> None:
    found = differences([generated()], [generated(), request(**one_model(port=9))])
    ((pointer, difference),) = found.items()
    assert pointer == "/models/0/service/port"
    assert difference.before is not None
    assert difference.after is not None
    assert (difference.before.value, difference.before.layer) == (8000, LayerKind.VARIANT)
    assert (difference.after.value, difference.after.layer) == (9, LayerKind.REQUEST)


def test_the_same_value_from_another_layer_is_no_difference() -> None:
    assert differences([generated()], [generated(), request(**one_model(port=8000))]) == {}


def test_what_stands_on_one_side_only_is_told() -> None:
    found = differences([generated()], [generated(), folder(**one_model(health_check=None))])
    assert found["/models/0/service/health_check"].before is None
    assert found["/models/0/service/health_check/path"].after is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (True, 1, False),
        (1, 1.0, True),
        ([True], [1], False),
        ({"a": True}, {"a": 1}, False),
        ({"a": 1}, {"b": 1}, False),
        ([1], [1, 2], False),
        ({"a": [1]}, {"a": [1]}, True),
    ],
)
def test_values_are_equal_as_in_json(one: Any, other: Any, same: bool) -> None:
    def said(value: Any) -> list[Any]:
        model = {**a_model(), "metadata": {"min_resource": {"k": value}}}
        return [folder(models=[model])]

    found = [at for at in differences(said(one), said(other)) if "/min_resource/k" in at]
    assert (found == []) is same


def test_a_file_that_was_only_respelt_has_not_drifted() -> None:
    before = folder(models=[{"service": {"start-command": Written("x"), "port": Written("80")}}])
    after = folder(models=[{"service": {"port": 80, "start_command": "x"}}])
    assert drift(before, after) == ()


def test_a_changed_file_has_drifted_by_pointer() -> None:
    before = folder(models=[{**a_model("a", port=1), "metadata": {"min_resource": {"cpu": 1}}}])
    after = folder(models=[{**a_model("a", port=2), "metadata": {"min_resource": {}}}, {}])
    found = {d.pointer: (d.before, d.after) for d in drift(before, after)}
    assert list(found) == [
        "/models/0/service/port",
        "/models/0/metadata/min_resource/cpu",
        "/models/0/metadata/min_resource",
    ]
    assert drift(folder(), folder(**one_model(health_check={})))[0].pointer == (
        "/models/0/service/health_check"
    )


def test_a_file_with_errors_has_no_drift_but_its_errors() -> None:
    with pytest.raises(Refused):
        drift(folder(), folder(zzz=1))
