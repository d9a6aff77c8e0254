"""Rule (iv), broken on purpose: what goes was deprecated for long, and said what to use instead."""

import pytest

from schema.versions import NEXT, Declaration
from tests.support.contracts import FIRST, OLD, a_contract, broken, changed, deprecating, said

GONE = changed(("old: Int", ""))


def test_what_was_never_deprecated_may_not_go() -> None:
    assert said(broken("iv", a_contract(GONE, FIRST))) == [
        "(iv) Query.old: It is gone, and in 0.1.0 it was not deprecated. "
        "Bring it back, deprecated=versions.NEXT: 2 minor releases later it may go."
    ]


def test_what_is_deprecated_goes_two_minor_releases_later() -> None:
    told = changed(OLD)
    assert said(broken("iv", a_contract(GONE, FIRST, told))) == [
        "(iv) Query.old: It is gone, and in 0.2.0 it was deprecated since 0.2.0 only. "
        "Bring it back: 2 minor releases later it may go."
    ]
    assert broken("iv", a_contract(GONE, FIRST, told, told)) == []
    patches = ("0.1.0", "0.2.0", "0.2.1", "0.2.2")
    assert broken("iv", a_contract(GONE, FIRST, told, told, told, versions=patches)) != []
    assert broken("iv", a_contract(GONE, FIRST, told, told, coming="0.3.1")) != []
    assert broken("iv", a_contract(GONE, FIRST, told, told, coming="0.4.0")) == []
    assert broken("iv", a_contract(GONE, FIRST, told, told, coming="1.0.0")) == []


def test_what_names_its_removal_stays_until_then() -> None:
    told = changed(deprecating("old: Int", "0.2.0", more=', removal: "0.5.0"'))
    found = broken("iv", a_contract(GONE, FIRST, told, told, coming="0.4.0"))
    assert [each.mend for each in found] == ["Bring it back: 0.5.0 it may go."]
    assert broken("iv", a_contract(GONE, FIRST, told, told, told, coming="0.5.0")) == []


def test_a_deprecation_that_was_taken_back_counts_no_longer() -> None:
    told = changed(OLD)
    assert broken("iv", a_contract(FIRST, FIRST, told)) == []
    assert broken("iv", a_contract(GONE, FIRST, told, told, FIRST)) != []


def test_a_type_goes_with_the_last_that_leads_to_it() -> None:
    told = changed(deprecating("made(input: ToyInput): Int", "0.2.0"))
    gone = changed(("made(input: ToyInput): Int", ""))
    without = gone.replace("input ToyInput", "input Other")
    alone = gone[: gone.index("input ToyInput")] + gone[gone.index("scalar") :]
    assert broken("iv", a_contract(alone, FIRST, told, told)) == []
    left = changed(("made(input: ToyInput): Int", "made: Int"))
    left = left[: left.index("input ToyInput")] + left[left.index("scalar") :]
    found = broken("iv", a_contract(left, FIRST, FIRST))
    assert [each.coordinate for each in found] == ["Toy.made(input:)", "ToyInput"]
    assert found[1].mend == (
        "Bring it back, and deprecate what leads to it: 2 minor releases later both may go."
    )
    assert [each.coordinate for each in broken("iv", a_contract(without, FIRST, FIRST))] == [
        "Toy.made",
        "ToyInput",
    ]


def test_a_mark_of_the_schema_is_nothing_that_clients_miss() -> None:
    marked = FIRST + "directive @mine on OBJECT  directive @theirs on FIELD"
    found = broken("iv", a_contract(FIRST, marked))
    assert [each.coordinate for each in found] == ["@theirs"]


def test_a_deprecation_names_what_to_use_instead() -> None:
    def found(use: str) -> list[str]:
        return said(broken("iv", a_contract(changed(deprecating("old: Int", NEXT, use)), FIRST)))

    assert found("Query.toy") == []
    assert found("Query.gone") == [
        "(iv) Query.old: It is deprecated for Query.gone, which is not there. "
        "Name a coordinate with use=."
    ]
    silent = {"Query.old": Declaration(added="0.1.0", deprecated=NEXT)}
    assert said(broken("iv", a_contract(FIRST, FIRST, declarations=silent))) == [
        "(iv) Query.old: It is deprecated, and does not say what replaces it. "
        "Name a coordinate with use=."
    ]


def test_a_deprecation_does_not_lead_to_another() -> None:
    code = changed(
        deprecating("old: Int", NEXT, "Query.shape"), deprecating("shape: Shape", NEXT, "Query.toy")
    )
    assert said(broken("iv", a_contract(code, FIRST))) == [
        "(iv) Query.old: It is deprecated for Query.shape, which is deprecated itself. "
        "Name Query.toy with use=."
    ]


def test_a_new_deprecation_is_of_the_version_that_comes() -> None:
    code = changed(OLD)
    assert said(broken("iv", a_contract(code, FIRST, FIRST))) == [
        "(iv) Query.old: It is declared deprecated 0.2.0; 0.2.0 does not deprecate it. "
        "Declare it deprecated=versions.NEXT."
    ]
    again = changed(deprecating("old: Int", NEXT))
    assert said(broken("iv", a_contract(again, FIRST, code))) == [
        "(iv) Query.old: It is declared deprecated NEXT; 0.2.0 deprecates it since 0.2.0. "
        'Declare it deprecated="0.2.0".'
    ]


@pytest.mark.parametrize("required", ["name: String!): Toy", "name: String!  size: Int = 1 }"])
def test_nothing_required_is_deprecated(required: str) -> None:
    element = "name: String!"
    code = changed((required, required.replace(*deprecating(element, NEXT))))
    [found] = broken("iv", a_contract(code, FIRST))
    assert found.problem == "It is deprecated, and required: nobody can leave it out."
    assert found.mend == "Make it optional."


def test_a_removal_is_promised_for_two_minor_releases_later() -> None:
    def found(removal: str) -> list[str]:
        told = deprecating("old: Int", "0.2.0", more=f', removal: "{removal}"')
        return said(broken("iv", a_contract(changed(told), FIRST, coming="0.2.0")))

    assert found("0.4.0") == found("1.0.0") == []
    assert found("0.3.0") == [
        "(iv) Query.old: It is deprecated 0.2.0, and 0.3.0 may remove it already. "
        "Say a removal that is 2 minor releases later, or none."
    ]
