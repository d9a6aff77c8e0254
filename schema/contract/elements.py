"""Every element of a built schema, by its coordinate."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import TypeAlias

from graphql import (
    DirectiveLocation,
    GraphQLArgument,
    GraphQLDirective,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    is_introspection_type,
    is_required_argument,
    is_required_input_field,
    is_specified_directive,
    is_specified_scalar_type,
)

from schema.versions.index import membership

Element: TypeAlias = (
    GraphQLNamedType
    | GraphQLField
    | GraphQLArgument
    | GraphQLInputField
    | GraphQLEnumValue
    | GraphQLDirective
)
Fielded: TypeAlias = GraphQLObjectType | GraphQLInterfaceType


class ElementKind(Enum):
    SCALAR = "scalar"
    OBJECT = "type"
    INTERFACE = "interface"
    UNION = "union"
    ENUM = "enum"
    INPUT_OBJECT = "input"
    FIELD = "field"
    ARGUMENT = "argument"
    ENUM_VALUE = "enum value"
    INPUT_FIELD = "input field"
    DIRECTIVE = "directive"
    DIRECTIVE_ARGUMENT = "directive argument"


def elements(schema: GraphQLSchema) -> Mapping[str, Element]:
    """What belongs to another element comes behind it. GraphQL's own elements are left out."""
    return dict(_walk(schema))


def above(coordinate: str) -> str | None:
    """The coordinate of what the element belongs to; None of a type or a directive."""
    if coordinate.endswith(")"):
        return coordinate.partition("(")[0]
    owner, dot, _ = coordinate.partition(".")
    return owner if dot else None


def tops(coordinates: AbstractSet[str]) -> list[str]:
    """Those that belong to none of the others: who hears of a type needs no list of its fields."""
    return sorted(each for each in coordinates if not _owners(each) & coordinates)


def kind(coordinate: str, element: Element) -> ElementKind:
    if isinstance(element, GraphQLArgument):
        is_own = coordinate.startswith("@")
        return ElementKind.DIRECTIVE_ARGUMENT if is_own else ElementKind.ARGUMENT
    return next(kind for class_, kind in _KINDS.items() if isinstance(element, class_))


def is_required(element: Element | None) -> bool:
    """Whether clients have to give it."""
    if isinstance(element, GraphQLArgument):
        return is_required_argument(element)
    return isinstance(element, GraphQLInputField) and is_required_input_field(element)


def members(element: Element) -> frozenset[str]:
    """Of a union its types, of what has fields its interfaces."""
    if isinstance(element, GraphQLUnionType):
        return frozenset(each.name for each in element.types)
    if isinstance(element, GraphQLObjectType | GraphQLInterfaceType):
        return frozenset(each.name for each in element.interfaces)
    return frozenset()


def memberships(schema: GraphQLSchema) -> Mapping[str, tuple[str, str]]:
    """(Member, what it is a member of) of all that is in a union or implements, by the index's key."""
    found = {}
    for name, element in elements(schema).items():
        for other in members(element):
            if isinstance(element, GraphQLUnionType):
                found[membership(other, element)] = (other, name)
            else:
                found[membership(name, schema.type_map[other])] = (name, other)
    return found


def is_for_operations(directive: GraphQLDirective) -> bool:
    """Whether clients may write it; the others only mark the schema."""
    return any(location in _OF_OPERATIONS for location in directive.locations)


def _walk(schema: GraphQLSchema) -> Iterator[tuple[str, Element]]:
    for name, type_ in schema.type_map.items():
        if is_introspection_type(type_) or is_specified_scalar_type(type_):
            continue
        yield name, type_
        if isinstance(type_, GraphQLEnumType):
            yield from ((f"{name}.{own}", value) for own, value in type_.values.items())
        elif isinstance(type_, GraphQLInputObjectType):
            yield from ((f"{name}.{own}", field) for own, field in type_.fields.items())
        elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            yield from _fields(type_)
    for directive in schema.directives:
        if not is_specified_directive(directive):
            yield f"@{directive.name}", directive
            yield from _arguments(f"@{directive.name}", directive)


def _fields(type_: Fielded) -> Iterator[tuple[str, Element]]:
    for name, field in type_.fields.items():
        yield f"{type_.name}.{name}", field
        yield from _arguments(f"{type_.name}.{name}", field)


def _arguments(
    owner: str, taking: GraphQLField | GraphQLDirective
) -> Iterator[tuple[str, Element]]:
    yield from ((f"{owner}({name}:)", argument) for name, argument in taking.args.items())


def _owners(coordinate: str) -> set[str]:
    owner = above(coordinate)
    return set() if owner is None else {owner} | _owners(owner)


_KINDS = {
    GraphQLScalarType: ElementKind.SCALAR,
    GraphQLObjectType: ElementKind.OBJECT,
    GraphQLInterfaceType: ElementKind.INTERFACE,
    GraphQLUnionType: ElementKind.UNION,
    GraphQLEnumType: ElementKind.ENUM,
    GraphQLInputObjectType: ElementKind.INPUT_OBJECT,
    GraphQLField: ElementKind.FIELD,
    GraphQLEnumValue: ElementKind.ENUM_VALUE,
    GraphQLInputField: ElementKind.INPUT_FIELD,
    GraphQLDirective: ElementKind.DIRECTIVE,
}
_OF_OPERATIONS = frozenset(
    list(DirectiveLocation)[: list(DirectiveLocation).index(DirectiveLocation.SCHEMA)]
)
