"""Which file is read, and what its absence means."""

import pytest

from domain.definitions.sources import DEFAULT_NAMES, absent, candidates
from domain.definitions.variants import Variant
from domain.errors import DefinitionError


def test_custom_always_reads_a_file() -> None:
    for override in (True, False):
        assert candidates(Variant.CUSTOM, None, override=override) == DEFAULT_NAMES
        assert candidates(Variant.CUSTOM, "a.toml", override=override) == ("a.toml",)


def test_the_default_names_are_tried_in_their_order() -> None:
    assert candidates(Variant.VLLM, None, override=True) == (
        "model-definition.yaml",
        "model-definition.yml",
        "model-definition.toml",
    )


def test_a_path_with_the_override_off_is_no_silence() -> None:
    with pytest.raises(DefinitionError) as raised:
        candidates(Variant.VLLM, "a.yaml", override=False)
    assert raised.value.code == "DEFINITION_FILE_NOT_USED"
    assert "a.yaml" in raised.value.message


def test_with_the_override_on_a_folder_without_a_file_says_nothing() -> None:
    absent(Variant.VLLM, None)


def test_a_named_file_that_is_missing_is_not_found() -> None:
    with pytest.raises(DefinitionError) as raised:
        absent(Variant.VLLM, "a.yaml")
    assert raised.value.code == "DEFINITION_NOT_FOUND"
    assert "a.yaml" in raised.value.message
