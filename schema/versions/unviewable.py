"""What keeps a schema from having a view: each problem names its coordinate, and what mends it."""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    EnumValueNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    ListValueNode,
    ObjectValueNode,
    get_named_type,
    is_introspection_type,
    is_required_argument,
    is_required_input_field,
    is_specified_directive,
)
from graphql.utilities import get_default_value_ast

from schema.versions.index import Declaration
from schema.versions.reach import reached
from schema.versions.sight import Sight


def declared(schema: GraphQLSchema, sight: Sight) -> Iterator[str]:
    """What the declarations alone show."""
    shown: dict[str, GraphQLNamedType] = {}
    for name, type_ in schema.type_map.items():
        if not sight.has(name) or is_introspection_type(type_):
            continue
        yield from _members(type_, sight)
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            fields = (f for own, f in type_.fields.items() if sight.has(f"{name}.{own}"))
            shown |= {named.name: named for named in (get_named_type(f.type) for f in fields)}
    for directive in schema.directives:
        if not is_specified_directive(directive) and sight.has(f"@{directive.name}"):
            yield from _arguments(f"@{directive.name}", directive.args, sight)
    for type_ in shown.values():
        if sight.has(type_.name):
            yield from _shown(type_, schema, sight)


def unreachable(
    whole: GraphQLSchema, viewed: GraphQLSchema, index: Mapping[str, Declaration]
) -> Iterator[str]:
    """Types of a view that something newer alone leads to."""
    for name in sorted((reached(whole) & viewed.type_map.keys()) - reached(viewed)):
        if name in index:
            yield (
                f"{name}: it is of {index[name].added}, but nothing of the view leads to it. "
                "Date it as what does."
            )


def _members(type_: GraphQLNamedType, sight: Sight) -> Iterator[str]:
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        for name, field in type_.fields.items():
            coordinate = f"{type_.name}.{name}"
            if sight.has(coordinate):
                yield from _typed(coordinate, field, sight)
                yield from _arguments(coordinate, field.args, sight)
    elif isinstance(type_, GraphQLInputObjectType):
        for name, taken in type_.fields.items():
            is_required = is_required_input_field(taken)
            yield from _taken(f"{type_.name}.{name}", taken, sight, is_required=is_required)


def _arguments(above: str, arguments: Mapping[str, Any], sight: Sight) -> Iterator[str]:
    for name, argument in arguments.items():
        is_required = is_required_argument(argument)
        yield from _taken(f"{above}({name}:)", argument, sight, is_required=is_required)


def _taken(coordinate: str, element: Any, sight: Sight, *, is_required: bool) -> Iterator[str]:
    """Of what a client gives; the view's clients give nothing newer."""
    if sight.has(coordinate):
        yield from _typed(coordinate, element, sight)
        yield from _default(coordinate, element, sight)
    elif is_required:
        yield f"{coordinate}: it is required, and older views lack it. Make it nullable."


def _typed(coordinate: str, element: Any, sight: Sight) -> Iterator[str]:
    named = get_named_type(element.type).name
    if not sight.has(named):
        since = sight.index[named].added
        yield f"{coordinate}: its type {named} is newer. Declare it as added in {since}, too."


def _default(coordinate: str, element: Any, sight: Sight) -> Iterator[str]:
    """A default is what a view's client gives by giving nothing."""
    literal = get_default_value_ast(element)
    for newer in () if literal is None else _newer(literal, element.type, sight):
        yield f"{coordinate}: its default has {newer}, which is newer. Let the resolver choose it."


def _newer(literal: Any, type_: Any, sight: Sight) -> Iterator[str]:
    named = get_named_type(type_)
    if isinstance(literal, ListValueNode):
        for item in literal.values:
            yield from _newer(item, named, sight)
    elif isinstance(literal, EnumValueNode) and not sight.has(f"{named.name}.{literal.value}"):
        yield f"{named.name}.{literal.value}"
    elif isinstance(literal, ObjectValueNode) and isinstance(named, GraphQLInputObjectType):
        for given in literal.fields:
            if not sight.has(f"{named.name}.{given.name.value}"):
                yield f"{named.name}.{given.name.value}"
            yield from _newer(given.value, named.fields[given.name.value].type, sight)


def _shown(type_: GraphQLNamedType, schema: GraphQLSchema, sight: Sight) -> Iterator[str]:
    """Of what a field answers with."""
    if isinstance(type_, GraphQLEnumType):
        for name, older in sight.values(type_).items():
            if older is None:
                yield (
                    f"{type_.name}.{name}: older views have no value in its place. "
                    "Name one with `before`."
                )
    if isinstance(type_, GraphQLInterfaceType | GraphQLUnionType) and not sight.withholds(type_):
        for name, older in sorted(sight.members(type_, schema).items()):
            if older is None:
                yield (
                    f"{name}: older views have no member of {type_.name} in its place. "
                    "Name one with `before`."
                )
            else:
                yield from _stands_in(older, name, schema, sight)


def _stands_in(older: str, newer: str, schema: GraphQLSchema, sight: Sight) -> Iterator[str]:
    """A newer object is shown as one of an older type: it has to have that one's fields."""
    wanted, there = schema.type_map[older], schema.type_map[newer]
    assert isinstance(wanted, GraphQLObjectType)
    assert isinstance(there, GraphQLObjectType)
    for name, field in wanted.fields.items():
        own = there.fields.get(name)
        if sight.has(f"{older}.{name}") and (own is None or str(own.type) != str(field.type)):
            yield f"{newer}.{name}: older views see {older} in its place, which has this field."
