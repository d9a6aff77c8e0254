"""Declarations that make no schema as of a version are errors that name the coordinate."""

import pytest

from schema import versions
from tests.support.dated import dated

NEW = '@added(version: "0.2.0")'
PROBLEMS = {
    "a field of a newer type": (
        f"type Query {{ a: Thing }} type Thing {NEW} {{ x: Int }}",
        "Query.a: its type Thing is newer.",
    ),
    "an argument of a newer type": (
        f"type Query {{ a(x: In): Int }} input In {NEW} {{ x: Int }}",
        "Query.a(x:): its type In is newer.",
    ),
    "an input field of a newer type": (
        f"type Query {{ a(x: In): Int }} input In {{ x: Int y: Mass }} scalar Mass {NEW}",
        "In.y: its type Mass is newer.",
    ),
    "a required argument that is newer than its field": (
        f"type Query {{ a(x: Int! {NEW}): Int }}",
        "Query.a(x:): it is required, and older views lack it.",
    ),
    "a required input field that is newer than its type": (
        f"type Query {{ a(x: In): Int }} input In {{ x: Int y: Int! {NEW} }}",
        "In.y: it is required, and older views lack it.",
    ),
    "a newer value without one before it": (
        f"type Query {{ a: [Colour!]! }} enum Colour {{ RED BLUE {NEW} }}",
        "Colour.BLUE: older views have no value in its place.",
    ),
    "a value before that is no older": (
        'type Query { a: C } enum C { RED BLUE @added(version: "0.2.0", before: "PINK") '
        'PINK @added(version: "0.2.0") }',
        "C.BLUE: older views have no value in its place.",
    ),
    "values before each other": (
        'type Query { a: C } enum C { RED BLUE @added(version: "0.2.0", before: "PINK") '
        'PINK @added(version: "0.2.0", before: "BLUE") }',
        "C.PINK: older views have no value in its place.",
    ),
    "a value before that there is not": (
        'type Query { a: C } enum C { RED BLUE @added(version: "0.2.0", before: "GREY") }',
        "C.BLUE: older views have no value in its place.",
    ),
    "a newer member of a union without one before it": (
        f"type Query {{ a: U }} union U = A | B type A {{ x: Int }} type B {NEW} {{ x: Int }}",
        "B: older views have no member of U in its place.",
    ),
    "a newer member of an interface without one before it": (
        f"type Query {{ a: I }} interface I {{ x: Int }} type A implements I {{ x: Int }} "
        f"type B implements I {NEW} {{ x: Int }}",
        "B: older views have no member of I in its place.",
    ),
    "a type that joins, without one before it": (
        "type Query { a: U b: B } union U = A | B type A { x: Int } "
        'type B @added(version: "0.1.0", joins: ["U 0.2.0"]) { x: Int }',
        "B: older views have no member of U in its place.",
    ),
    "a member before that has what this one has not": (
        "type Query { a: U } union U = A | B type A { x: Int y: Int } "
        'type B @added(version: "0.2.0", before: "A") { x: Int }',
        "B.y: older views see A in its place, which has this field.",
    ),
    "a member before that has it of another type": (
        "type Query { a: U } union U = A | B type A { x: Int } "
        'type B @added(version: "0.2.0", before: "A") { x: String }',
        "B.x: older views see A in its place, which has this field.",
    ),
    "a default that is newer": (
        f"type Query {{ a(x: [C!] = [RED, BLUE]): Int }} enum C {{ RED BLUE {NEW} }}",
        "Query.a(x:): its default has C.BLUE, which is newer.",
    ),
    "an input field's default that is newer": (
        f"type Query {{ a(x: In): Int }} input In {{ c: C = BLUE }} enum C {{ RED BLUE {NEW} }}",
        "In.c: its default has C.BLUE, which is newer.",
    ),
    "a default with a newer input field": (
        f"type Query {{ a(x: In = {{c: 1, d: 2}}): Int }} input In {{ c: Int d: Int {NEW} }}",
        "Query.a(x:): its default has In.d, which is newer.",
    ),
    "a type that becomes empty": (
        f"type Query {{ a: T }} type T {{ x: Int {NEW} }}",
        "Type T must define one or more fields.",
    ),
    "an enum that becomes empty": (
        f"type Query {{ a(c: C): Int }} enum C {{ RED {NEW} }}",
        "Enum type C must define one or more values.",
    ),
    "an input that becomes empty": (
        f"type Query {{ a(c: C): Int }} input C {{ x: Int {NEW} }}",
        "Input Object type C must define one or more fields.",
    ),
    "an interface whose field a member has later": (
        f"type Query {{ a: I b: A }} interface I {{ x: Int }} "
        f"type A implements I {{ x: Int {NEW} y: Int }}",
        "Interface field I.x expected but A does not provide it.",
    ),
    "a query type that is newer": (
        f"type Query {NEW} {{ a: Int }}",
        "Query root type must be provided.",
    ),
    "a type that something newer alone leads to": (
        f"type Query {{ a: Int b: T {NEW} }} type T {{ x: Int }}",
        "T: it is of 0.1.0, but nothing of the view leads to it.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("sdl", "problem"), PROBLEMS.values(), ids=PROBLEMS)
def test_what_makes_no_view_is_an_error(sdl: str, problem: str) -> None:
    schema, index = dated(sdl)
    with pytest.raises(versions.Unviewable) as raised:
        versions.view(schema, index, "0.1.0")
    assert any(each.startswith(problem) for each in raised.value.problems), raised.value.problems
    assert str(raised.value).startswith("As of 0.1.0: ")
    assert versions.view(schema, index, "0.2.0") is schema


def test_every_problem_is_told_at_once() -> None:
    schema, index = dated(f"type Query {{ a: T b: T }} type T {NEW} {{ x: Int }}")
    with pytest.raises(versions.Unviewable) as raised:
        versions.view(schema, index, "0.1.0")
    assert len(raised.value.problems) == 2


def test_a_newer_member_of_what_is_withheld_needs_nothing_before_it() -> None:
    schema, index = dated(
        'type Query { a: I } interface I @added(version: "0.1.0", withheld: true) { x: Int } '
        f"type A implements I {{ x: Int }} type B implements I {NEW} {{ x: Int }}"
    )
    assert "B" not in versions.view(schema, index, "0.1.0").type_map
