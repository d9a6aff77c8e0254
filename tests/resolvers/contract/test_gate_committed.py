"""Rule (i), broken on purpose: `schema.graphql` is what the code prints."""

from dataclasses import replace

import pytest

from schema.contract.gate import violations
from schema.contract.terms import Contract
from tests.support.contracts import FIRST, MARKS, a_contract, broken, said


def test_what_was_released_and_is_so_still_is_fine() -> None:
    assert violations(a_contract(FIRST, FIRST)) == ()
    assert violations(a_contract(FIRST)) == ()


def with_file(text: str) -> Contract:
    return replace(a_contract(FIRST, FIRST), committed=text)


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("old: Int", "", "(i) Query.old: The code has it, schema.graphql lacks it."),
        (
            "old: Int",
            "old: Int new: Int",
            "(i) Query.new: schema.graphql has it, the code lacks it.",
        ),
        (
            "old: Int",
            "old: Int!",
            "(i) Query.old: schema.graphql says `old: Int!`, the code `old: Int`.",
        ),
        (
            "type Ball implements Thing",
            "type Ball",
            "(i) Ball: schema.graphql says `type Ball @added",
        ),
        (
            "scalar Weight",
            "scalar  Weight",
            "(i) Weight: schema.graphql is written otherwise from line ",
        ),
        ("scalar Weight", "scalar @@", "(i) ToyInput: schema.graphql is no SDL, in line "),
    ],
)
def test_a_file_that_is_not_what_the_code_prints_is_told_by_coordinate(
    old: str, new: str, wanted: str
) -> None:
    [found] = said(broken("i", with_file((MARKS + FIRST).replace(old, new, 1))))
    assert found.startswith(wanted)
    assert found.endswith("Print it again: modelyard schema print > schema.graphql")
