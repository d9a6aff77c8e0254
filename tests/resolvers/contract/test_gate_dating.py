"""Rules (ii) and (iii), broken on purpose: what is new comes next, what is old stays dated."""

import pytest

from schema.versions import NEXT, Declaration
from tests.support.contracts import FIRST, a_contract, broken, changed, said


def test_what_the_last_release_lacks_is_declared_next() -> None:
    new = ("old: Int", 'old: Int new(much: Int): Int @added(version: "0.1.0")')
    assert said(broken("ii", a_contract(changed(new), FIRST))) == [
        "(ii) Query.new: It is declared 0.1.0, and 0.1.0 lacks it. Declare it added=versions.NEXT."
    ]
    fine = new[0], new[1].replace("0.1.0", NEXT)
    assert broken("ii", a_contract(changed(fine), FIRST)) == []
    released = new[0], new[1].replace("0.1.0", "0.2.0")
    assert broken("ii", a_contract(changed(released), FIRST, coming="0.2.0")) == []


def test_a_new_directive_is_dated_by_the_index_alone() -> None:
    code = FIRST + "directive @loud(much: Int) on FIELD"
    [found] = broken("ii", a_contract(code, FIRST))
    assert found.coordinate == "@loud"
    dated = {name: Declaration(added=NEXT) for name in ("@loud", "@loud(much:)")}
    assert broken("ii", a_contract(code, FIRST, declarations=dated)) == []


@pytest.mark.parametrize(
    ("old", "new", "key", "member", "other"),
    [
        (
            "Query @added",
            "Query implements Named @added",
            "Query implements Named",
            "Query",
            "Named",
        ),
        ("= Toy | Ball", "= Toy | Ball | Cube", "Cube in Shape", "Cube", "Shape"),
    ],
)
def test_a_member_that_joins_is_declared_to_join_next(
    old: str, new: str, key: str, member: str, other: str
) -> None:
    more = """
        interface Named @added(version: "0.1.0") { old: Int }
        type Cube implements Thing @added(version: "0.1.0") { id: ID! }
    """
    code = changed((old, new)) + more
    assert said(broken("ii", a_contract(code, FIRST + more))) == [
        f"(ii) {member}: “{key}” is declared 0.1.0, and 0.1.0 lacks it. "
        f'Declare {member} with joins={{"{other}": versions.NEXT}}.'
    ]
    assert broken("ii", a_contract(code, FIRST + more, joined={key: NEXT})) == []


# (iii) what is old stays dated


def test_what_was_released_stays_of_its_version() -> None:
    moved = changed(
        ('enum Colour @added(version: "0.1.0")', 'enum Colour @added(version: "0.2.0")')
    )
    assert said(broken("iii", a_contract(moved, FIRST, FIRST))) == [
        '(iii) Colour: It is declared 0.2.0; 0.2.0 has it since 0.1.0. Declare it added="0.1.0" again.'
    ]
    assert broken("ii", a_contract(moved, FIRST, FIRST)) == []


def test_a_directive_stays_of_the_release_that_had_it_first() -> None:
    loud = FIRST + "directive @loud on FIELD"
    dated = {"@loud": Declaration(added="0.2.0")}
    assert broken("iii", a_contract(loud, FIRST, loud, loud, declarations=dated)) == []
    [found] = broken("iii", a_contract(loud, FIRST, loud, loud))
    assert (found.coordinate, found.mend) == ("@loud", 'Declare it added="0.2.0" again.')


def test_a_membership_stays_of_the_release_that_had_it_first() -> None:
    early = changed(("= Toy | Ball", "= Toy"))
    key = "Ball in Shape"
    assert broken("iii", a_contract(FIRST, early, FIRST, joined={key: "0.2.0"})) == []
    assert said(broken("iii", a_contract(FIRST, early, FIRST, joined={key: NEXT}))) == [
        "(iii) Ball: “Ball in Shape” is declared NEXT; 0.2.0 has it since 0.2.0. "
        'Declare Ball with joins={"Shape": "0.2.0"} again.'
    ]
