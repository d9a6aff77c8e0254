"""Small schemas with versions, from SDL.

schema, index = dated('type Query { a: Int  b: Int @added(version: "0.2.0") }')

What says no version is of the version of what it belongs to; a type without one is of 0.1.0.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    GraphQLSchema,
    build_schema,
    get_directive_values,
    is_introspection_type,
    is_specified_scalar_type,
)

from schema.versions import Declaration, membership, order

PLACES = """SCALAR | OBJECT | FIELD_DEFINITION | ARGUMENT_DEFINITION | INTERFACE | UNION | ENUM
  | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION"""
MARKS = f"""
directive @added(version: String!, before: String, joins: [String!], withheld: Boolean) on {PLACES}
directive @gone(version: String!) on {PLACES}
"""
FIRST = "0.1.0"


def dated(sdl: str) -> tuple[GraphQLSchema, Mapping[str, Declaration]]:
    """`joins` are written as "Interface 0.2.0"."""
    schema = build_schema(MARKS + sdl)
    added, gone = schema.get_directive("added"), schema.get_directive("gone")
    assert added is not None
    assert gone is not None
    found: dict[str, Declaration] = {}
    for coordinate, element, above in elements(schema):
        node = element.ast_node
        said: dict[str, Any] = get_directive_values(added, node) or {}
        ended: dict[str, Any] = get_directive_values(gone, node) or {}
        upper = found[above].added if above else FIRST
        found[coordinate] = Declaration(
            added=max(upper, said.get("version", FIRST), key=order),
            deprecated=ended.get("version"),
            before=said.get("before"),
            joins=dict(each.split(" ") for each in said.get("joins") or ()),
            withheld=bool(said.get("withheld")),
        )
        if ended:
            element.deprecation_reason = f"Since {ended['version']}."
    return schema, found | memberships(schema, found)


def elements(schema: GraphQLSchema) -> Iterator[tuple[str, Any, str]]:
    for name, type_ in schema.type_map.items():
        if is_introspection_type(type_) or is_specified_scalar_type(type_):
            continue
        yield name, type_, ""
        members = getattr(type_, "fields", None) or getattr(type_, "values", None) or {}
        for own, member in members.items():
            yield f"{name}.{own}", member, name
            for called, argument in getattr(member, "args", {}).items():
                yield f"{name}.{own}({called}:)", argument, f"{name}.{own}"


def memberships(schema: GraphQLSchema, found: Mapping[str, Declaration]) -> dict[str, Declaration]:
    return {
        membership(name, schema.type_map[abstract]): Declaration(added=version)
        for name, declaration in found.items()
        for abstract, version in declaration.joins.items()
    }
