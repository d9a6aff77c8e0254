"""What a template allows its users to override."""

from typing import Any

import pytest

from domain.definitions.overrides import agreed_variant, pointer_problem, refused
from domain.definitions.variants import Variant
from domain.errors import DefinitionError
from tests.support.definitions import a_model, one_model

SPEC: dict[str, Any] = {"models": [a_model("a"), a_model("b")], "environment": {}}


def outside(overrides: dict[str, Any], *allowed: str) -> list[str]:
    found = refused(SPEC, overrides, allowed)
    assert all(error.code == "OVERRIDE_NOT_ALLOWED" for error in found)
    return [error.pointer for error in found]


def test_an_allowed_pointer_allows_its_subtree() -> None:
    overrides = one_model(port=1, health_check={"path": "/", "interval": 1})
    allowed = ("/models/0/service/port", "/models/0/service/health_check")
    assert outside(overrides, *allowed) == []
    assert outside(overrides, "/models") == []
    assert outside(overrides, "") == []


def test_every_path_outside_is_told() -> None:
    overrides = {"image": "i", **one_model(port=1, shell=None)}
    assert outside(overrides, "/models/0/service/port") == ["/image", "/models/0/service/shell"]
    assert outside(overrides) == ["/image", "/models/0/service"]


def test_a_star_stands_for_any_index_and_for_no_key() -> None:
    overrides = {"models": [{"service": {"port": 1}}, {"service": {"port": 2}}]}
    assert outside(overrides, "/models/*/service/port") == []
    assert outside(overrides, "/models/1/service/port") == ["/models/0/service"]
    assert outside({"environment": {"A": None}}, "/environment/*") == ["/environment/A"]


def test_a_model_that_is_named_is_judged_by_its_place_in_the_spec() -> None:
    second = {"models": [{"name": "b", "service": {"port": 1}}]}
    assert outside(second, "/models/1/service/port") == []
    assert outside(second, "/models/0/service/port") == ["/models/0/service"]


def test_renaming_a_model_is_an_override() -> None:
    assert outside({"models": [{"name": "z"}]}, "/models/*/service") == ["/models/0/name"]
    assert outside({"models": [{"name": "z"}]}, "/models/*/name") == []


def test_clearing_what_holds_an_allowed_value_is_outside() -> None:
    assert outside(one_model(health_check=None), "/models/0/service/health_check/path") == [
        "/models/0/service/health_check"
    ]
    assert outside({"models": None}, "/models/0") == ["/models"]


def test_an_atomic_list_is_allowed_as_a_whole() -> None:
    assert outside(one_model(start_command=["a"]), "/models/0/service/start_command") == []


def test_escaped_keys_are_matched() -> None:
    overrides = {"resources": {"nvidia.com/gpu": "1"}}
    assert outside(overrides, "/resources/nvidia.com~1gpu") == []


def test_empty_overrides_and_keys_that_are_ignored_need_no_permission() -> None:
    assert outside({}) == []
    assert outside({"models": [], "environment": {}}) == []
    assert outside({"x-note": 1, "models": [{"x-y": 1, "service": {}}]}, "/image") == []


def test_an_allowed_pointer_begins_with_a_slash() -> None:
    assert pointer_problem("/models/*/service") is None
    assert pointer_problem("") is None
    assert "slash" in str(pointer_problem("models"))


def test_the_templates_variant_holds() -> None:
    assert agreed_variant(Variant.VLLM, None) is Variant.VLLM
    assert agreed_variant(Variant.VLLM, Variant.VLLM) is Variant.VLLM
    with pytest.raises(DefinitionError) as raised:
        agreed_variant(Variant.VLLM, Variant.NIM)
    assert raised.value.code == "VARIANT_MISMATCH"


@pytest.mark.parametrize("allowed", ["health-check", "health_check"])
@pytest.mark.parametrize("said", ["health-check", "health_check"])
def test_a_field_is_one_however_the_pointer_and_the_overrides_spell_it(
    said: str, allowed: str
) -> None:
    overrides = one_model(**{said: {"max-retries": 1}})
    assert outside(overrides, f"/models/*/service/{allowed}/max_retries") == []
    assert outside(overrides, "/models/0/service/port") == [f"/models/0/service/{said}"]


def test_what_is_wrong_with_an_override_itself_is_told_by_the_merge() -> None:
    assert outside({"models": [{"name": [], "service": 3}], "nope": 1, "x-mine": 1}, "/image") == []


def test_an_override_with_members_that_cant_be_read_is_told_without_them() -> None:
    overrides = one_model(port="8080", shell="x")
    (error,) = refused(SPEC, overrides, ["/image"])
    assert (error.pointer, error.value) == ("/models/0/service", None)
    (error,) = refused(SPEC, one_model(port=8080), ["/image"])
    assert error.value == {"port": 8080}
