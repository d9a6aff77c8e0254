"""Rule (vi), broken on purpose: the view of a release is that release."""

from dataclasses import replace

import pytest

from schema.contract.terms import Code
from tests.support.contracts import FIRST, OLD, a_contract, broken, changed, said


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        (
            "old: Int",
            "old: Int late: Int",
            "(vi) Query.late: 0.1.0 lacks it, and the code's view of 0.1.0 has it. "
            "Declare it added in the release that it came with.",
        ),
        (
            "old: Int",
            "",
            "(vi) Query.old: 0.1.0 has it, and the code's view of 0.1.0 lacks it. "
            'Declare it added="0.1.0".',
        ),
        (
            "old: Int",
            "old: Int!",
            "(vi) Query.old: 0.1.0 has `old: Int`, the code's view of it `old: Int!`. "
            "Leave it as it was, and add a new one beside it.",
        ),
        (
            "= Toy | Ball",
            "= Toy",
            '(vi) Shape: 0.1.0 has `union Shape @added(version: "0.1.0") = Toy | Ball`, '
            'the code\'s view of it `union Shape @added(version: "0.1.0") = Toy`. '
            "Leave it as it was, and add a new one beside it.",
        ),
    ],
)
def test_a_view_that_is_not_the_release_is_told_by_coordinate(
    old: str, new: str, wanted: str
) -> None:
    view = {"0.1.0": changed((old, new))}
    assert said(broken("vi", a_contract(FIRST, FIRST, views=view))) == [wanted]


def test_removals_deprecations_and_descriptions_are_no_other_past() -> None:
    past = changed(("old: Int", '"Long." old: Int'), ("{ RED BLUE }", "{ RED BLUE GREEN }"))
    past = past.replace("= Toy | Ball", "= Toy | Ball | Cube")
    past += 'type Cube implements Thing @added(version: "0.1.0") { id: ID! }'
    view = {"0.1.0": changed(OLD)}
    assert broken("vi", a_contract(FIRST, past, views=view)) == []


def test_a_release_without_a_view_is_told_by_what_hinders_it() -> None:
    whole = a_contract(FIRST, FIRST)
    code = Code(
        printed=whole.code.printed,
        declarations=whole.code.declarations,
        views={},
        unviewable={
            "0.1.0": ["Toy.colour: its type Colour is newer. Declare it as added in 0.1.0."]
        },
    )
    assert said(broken("vi", replace(whole, code=code))) == [
        "(vi) Toy.colour: its type Colour is newer. Declare it as added in 0.1.0."
    ]
