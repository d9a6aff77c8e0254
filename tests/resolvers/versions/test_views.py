"""What a view has and lacks, for every kind of element, on schemas of a few lines."""

import pytest
from graphql import (
    DirectiveLocation,
    GraphQLArgument,
    GraphQLDirective,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInt,
    GraphQLSchema,
    build_schema,
    parse_const_value,
    print_schema,
    validate_schema,
)

from schema import versions
from schema.versions import Declaration
from tests.support.dated import MARKS, dated

NEW = '@added(version: "0.2.0")'
KINDS = {
    "a type, and the field that leads to it": (
        f"type Query {{ a: Int b: Thing {NEW} }} type Thing {NEW} {{ size: Int }}",
        "type Query { a: Int }",
    ),
    "a field": (
        f"type Query {{ a: Int b: Int {NEW} }}",
        "type Query { a: Int }",
    ),
    "an argument": (
        f"type Query {{ a(x: Int, y: Int = 3 {NEW}): Int }}",
        "type Query { a(x: Int): Int }",
    ),
    "a value of an enum that is only taken": (
        f"type Query {{ a(c: Colour): Int }} enum Colour {{ RED BLUE {NEW} }}",
        "type Query { a(c: Colour): Int } enum Colour { RED }",
    ),
    "a value of an enum that is shown": (
        'type Query { a: Colour } enum Colour { RED BLUE @added(version: "0.2.0", before: "RED") }',
        "type Query { a: Colour } enum Colour { RED }",
    ),
    "an input field": (
        f"type Query {{ a(i: In): Int }} input In {{ x: Int y: [Int!] {NEW} }}",
        "type Query { a(i: In): Int } input In { x: Int }",
    ),
    "an input type": (
        f"type Query {{ a(x: Int, i: In {NEW}): Int }} input In {NEW} {{ x: Int }}",
        "type Query { a(x: Int): Int }",
    ),
    "a scalar": (
        f"type Query {{ a: Int b: Mass {NEW} }} scalar Mass {NEW}",
        "type Query { a: Int }",
    ),
    "an interface, of types that were there": (
        f"type Query {{ a: Thing b: Named {NEW} }} interface Named {NEW} {{ name: Int }} "
        "type Thing implements Named { name: Int }",
        "type Query { a: Thing } type Thing { name: Int }",
    ),
    "a member of an interface": (
        "type Query { a: Named b: Other "
        f"{NEW} }} interface Named {{ name: Int }} type Thing implements Named {{ name: Int }} "
        'type Other implements Named @added(version: "0.2.0", before: "Thing") { name: Int }',
        "type Query { a: Named } interface Named { name: Int } "
        "type Thing implements Named { name: Int }",
    ),
    "that a type implements an interface": (
        "type Query { a: Named b: Other } interface Named { name: Int } "
        "type Thing implements Named { name: Int } "
        'type Other implements Named @added(version: "0.1.0", before: "Thing", '
        'joins: ["Named 0.2.0"]) { name: Int }',
        "type Query { a: Named b: Other } interface Named { name: Int } "
        "type Thing implements Named { name: Int } type Other { name: Int }",
    ),
    "that an interface implements an interface": (
        "type Query { a: Named b: Low } interface Named { name: Int } "
        'interface Low implements Named @added(version: "0.1.0", joins: ["Named 0.2.0"]) '
        "{ name: Int } type Old implements Named { name: Int } type Thing implements Named & Low "
        '@added(version: "0.1.0", before: "Old", joins: ["Named 0.2.0"]) { name: Int }',
        "type Query { a: Named b: Low } interface Named { name: Int } interface Low { name: Int } "
        "type Old implements Named { name: Int } type Thing implements Low { name: Int }",
    ),
    "a union, of types that were there": (
        f"type Query {{ a: A b: B c: Both {NEW} }} union Both {NEW} = A | B "
        "type A { x: Int } type B { x: Int }",
        "type Query { a: A b: B } type A { x: Int } type B { x: Int }",
    ),
    "a member of a union": (
        "type Query { a: Both } union Both = A | B type A { x: Int } "
        'type B @added(version: "0.2.0", before: "A") { x: Int }',
        "type Query { a: Both } union Both = A type A { x: Int }",
    ),
    "that a type joined a union": (
        "type Query { a: Both b: B } union Both = A | B type A { x: Int } "
        'type B @added(version: "0.1.0", before: "A", joins: ["Both 0.2.0"]) { x: Int y: Int }',
        "type Query { a: Both b: B } union Both = A type A { x: Int } type B { x: Int y: Int }",
    ),
    "mutations and subscriptions": (
        f"type Query {{ a: Int }} type Mutation {NEW} {{ b: Int }} "
        f"type Subscription {NEW} {{ c: Int }}",
        "type Query { a: Int }",
    ),
    "a deprecation": (
        'type Query { a: Int @gone(version: "0.2.0") b(x: Int @gone(version: "0.2.0")): C } '
        'enum C { RED @gone(version: "0.2.0") BLUE }',
        "type Query { a: Int b(x: Int): C } enum C { RED BLUE }",
    ),
}  # fmt: skip


def shown(schema: GraphQLSchema) -> str:
    return print_schema(schema)


@pytest.mark.parametrize(("sdl", "older"), KINDS.values(), ids=KINDS)
def test_a_view_lacks_what_is_newer(sdl: str, older: str) -> None:
    schema, index = dated(sdl)
    viewed = versions.view(schema, index, "0.1.0")
    assert shown(viewed) == shown(build_schema(MARKS + older))
    assert validate_schema(viewed) == []
    assert shown(versions.view(schema, index, "0.2.0")) == shown(schema)


def test_a_view_lacks_newer_directives_and_their_newer_arguments() -> None:
    schema, index = dated("type Query { a: Int }")
    arguments = {"x": GraphQLArgument(GraphQLInt), "y": GraphQLArgument(GraphQLInt)}
    own = [
        GraphQLDirective(name, [DirectiveLocation.FIELD], dict(arguments))
        for name in ("old", "recent")
    ]
    schema = GraphQLSchema(schema.query_type, directives=[*schema.directives, *own])
    recent = Declaration(added="0.2.0")
    index = {**index, "@old(y:)": recent, "@recent": recent}
    viewed = versions.view(schema, index, "0.1.0")
    assert {each.name for each in schema.directives} - {
        each.name for each in viewed.directives
    } == {"recent"}
    [old] = [each for each in viewed.directives if each.name == "old"]
    assert list(old.args) == ["x"]
    assert {"skip", "include", "deprecated"} <= {each.name for each in viewed.directives}


def test_where_nothing_is_newer_the_view_is_the_schema() -> None:
    schema, index = dated('type Query { a: Int b: Int @added(version: "0.2.0") }')
    assert versions.view(schema, index, "0.2.0") is schema
    assert versions.view(schema, index, versions.NEXT) is schema


def test_what_is_not_released_is_newer_than_every_release() -> None:
    schema, index = dated('type Query { a: Int b: Int @added(version: "NEXT") }')
    assert "b: Int" not in shown(versions.view(schema, index, "99.0.0"))
    assert "b: Int" in shown(versions.view(schema, index, versions.NEXT))


def test_a_deprecation_that_a_view_knows_stays() -> None:
    schema, index = dated(
        'type Query { a: Int @gone(version: "0.1.0") b: Int @gone(version: "NEXT") }'
    )
    fields = versions.view(schema, index, "0.1.0").query_type.fields  # type: ignore[union-attr]  # it has one
    assert fields["a"].deprecation_reason == "Since 0.1.0."
    assert fields["b"].deprecation_reason is None


def test_an_enum_shows_the_newest_value_of_those_before_that_the_view_has() -> None:
    schema, index = dated("""
        type Query { a: Colour }
        enum Colour { RED
          ORANGE @added(version: "0.2.0", before: "RED")
          PEACH @added(version: "0.3.0", before: "ORANGE") }""")
    for version, expected in (("0.1.0", "RED"), ("0.2.0", "ORANGE"), ("0.3.0", "PEACH")):
        colour = versions.view(schema, index, version).type_map["Colour"]
        assert isinstance(colour, GraphQLEnumType)
        assert colour.coerce_output_value("PEACH") == expected
    first = versions.view(schema, index, "0.1.0").type_map["Colour"]
    assert isinstance(first, GraphQLEnumType)
    assert first.coerce_input_value("RED") == "RED"
    for taken in (first.coerce_input_value, first.parse_value):
        with pytest.raises(GraphQLError, match="'PEACH' does not exist in 'Colour' enum"):
            taken("PEACH")
    for literal in (first.coerce_input_literal, first.parse_literal):
        with pytest.raises(GraphQLError, match="'PEACH' does not exist"):
            literal(parse_const_value("PEACH"))


def test_the_schema_that_is_viewed_stays_as_it_is() -> None:
    sdl = KINDS["a deprecation"][0] + f" type Mutation {NEW} {{ b: Int }}"
    schema, index = dated(sdl)
    before = shown(schema)
    versions.view(schema, index, "0.1.0")
    assert shown(schema) == before
