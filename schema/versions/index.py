"""The index of declarations: schema coordinate → version, for every element of a built schema."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from graphql import (
    GraphQLDirective,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    is_introspection_type,
    is_specified_directive,
    is_specified_scalar_type,
)
from strawberry.types.base import StrawberryObjectDefinition, get_object_definition
from strawberry.types.field import StrawberryField

from schema.versions.declare import SINCE
from schema.versions.marks import NEXT, Added, DeprecatedSince

BACKREF = "strawberry-definition"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """`before`, `joins` and `withheld` are as `versions.type`, `value` and `interface` have them."""

    added: str
    deprecated: str | None = None
    use: str | None = None
    removal: str | None = None
    before: str | None = None
    joins: Mapping[str, str] = field(default_factory=dict)
    withheld: bool = False

    @property
    def reason(self) -> str | None:
        if self.deprecated is None:
            return None
        return f"Since {self.deprecated}." + (f" Use {self.use}." if self.use else "")


class Undeclared(Exception):
    """Elements of the schema say no version and have nothing to inherit one from, or do not say which
    version deprecates them."""


def index(schema: GraphQLSchema) -> Mapping[str, Declaration]:
    """Every element's declaration; each element's description and deprecation reason now say it.

    Built-in scalars, directives and introspection are GraphQL's own and are left out. What joined an
    interface or a union later is under its `membership`. Raises Undeclared with every coordinate that
    has no version.
    """
    found: dict[str, Declaration] = {}
    missing: list[str] = []
    for coordinate, element, definition, above in _elements(schema):
        declaration = _declared(definition, found.get(above))
        if declaration is None or _is_deprecated_at_no_time(element, declaration):
            missing.append(coordinate)
            continue
        found[coordinate] = declaration
        _describe(element, declaration)
        _date_generic(element, declaration)
    if missing:
        raise Undeclared(", ".join(sorted(missing)))
    return found | dict(_joined(schema, found))


def membership(member: str, abstract: GraphQLNamedType) -> str:
    """The index's own key of a type's membership, which has no coordinate."""
    word = "implements" if isinstance(abstract, GraphQLInterfaceType) else "in"
    return f"{member} {word} {abstract.name}"


def newest(index: Mapping[str, Declaration]) -> str:
    """The version that has all of it: NEXT as long as anything is not released."""
    said = {each for one in index.values() for each in (one.added, one.deprecated) if each}
    return max(said, key=order, default=NEXT)


@lru_cache
def order(version: str) -> tuple[int, ...]:
    """NEXT comes after every release."""
    if version == NEXT:
        return (10**9,)
    return tuple(int(part) for part in version.split("."))


def _elements(schema: GraphQLSchema) -> Iterator[tuple[str, Any, Any, str]]:
    """(coordinate, element, Strawberry's definition of it, coordinate that it inherits from), the last
    of which came before."""
    for name, type_ in schema.type_map.items():
        if is_introspection_type(type_) or is_specified_scalar_type(type_):
            continue
        for coordinate, element, above in ((name, type_, ""), *_members(type_)):
            yield coordinate, element, element.extensions.get(BACKREF), above
    for directive in schema.directives:
        if not is_specified_directive(directive):
            yield from _with_arguments(directive)


def _with_arguments(directive: GraphQLDirective) -> Iterator[tuple[str, Any, Any, str]]:
    """Strawberry keeps what defines an argument of a directive with the directive, in its order."""
    own, definition = f"@{directive.name}", directive.extensions.get(BACKREF)
    yield own, directive, definition, ""
    definitions = getattr(definition, "fields", ())
    for (name, argument), each in zip(directive.args.items(), definitions, strict=True):
        yield f"{own}({name}:)", argument, each, own


def _members(type_: GraphQLNamedType) -> Iterator[tuple[str, Any, str]]:
    if isinstance(type_, GraphQLEnumType):
        for name, value in type_.values.items():
            yield f"{type_.name}.{name}", value, type_.name
    elif isinstance(type_, GraphQLInputObjectType):
        for name, input_field in type_.fields.items():
            yield f"{type_.name}.{name}", input_field, type_.name
    elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        for name, field in type_.fields.items():
            coordinate = f"{type_.name}.{name}"
            yield coordinate, field, type_.name
            for argument, element in field.args.items():
                yield f"{coordinate}({argument}:)", element, coordinate


def _declared(definition: Any, above: Declaration | None) -> Declaration | None:
    """An element is never older than what it belongs to, e.g. a field inherited from an interface."""
    directives = tuple(getattr(definition, "directives", None) or ())
    added = next((d for d in directives if isinstance(d, Added)), None)
    gone = next((d for d in directives if isinstance(d, DeprecatedSince)), None)
    known = [above.added, *_inherited(definition, above)] if above is not None else []
    known += _origin_versions(definition)
    known += [added.version] if added is not None else []
    if not known:
        return None
    return Declaration(
        added=max(known, key=order),
        before=added.before if added is not None else None,
        joins=(added.joins or {}) if added is not None else {},
        withheld=added is not None and added.withheld,
        deprecated=gone.version if gone is not None else None,
        use=gone.use if gone is not None else None,
        removal=(gone.removal or None) if gone is not None else None,
    )


def _is_deprecated_at_no_time(element: Any, declaration: Declaration) -> bool:
    """As Strawberry's own declarations may be."""
    return declaration.deprecated is None and bool(getattr(element, "deprecation_reason", None))


def _inherited(definition: Any, above: Declaration) -> Iterable[str]:
    """Since when a type has a field of an interface that it joined."""
    origin = get_object_definition(getattr(definition, "origin", None))
    if (
        origin is not None
        and isinstance(definition, StrawberryField)
        and origin.name in above.joins
    ):
        yield above.joins[origin.name]


def _joined(
    schema: GraphQLSchema, index: Mapping[str, Declaration]
) -> Iterator[tuple[str, Declaration]]:
    """The memberships that are declared; raises ValueError for one that is none."""
    for name, declaration in index.items():
        for abstract, version in declaration.joins.items():
            joined = schema.type_map.get(abstract)
            if joined is None or schema.type_map[name] not in _possible(schema, joined):
                raise ValueError(f"{name} joins {abstract}, and is no member of it")
            known = (version, declaration.added, index[abstract].added)
            yield membership(name, joined), Declaration(added=max(known, key=order))


def _possible(schema: GraphQLSchema, abstract: GraphQLNamedType) -> Iterable[GraphQLNamedType]:
    if isinstance(abstract, GraphQLUnionType):
        return tuple(abstract.types)
    if not isinstance(abstract, GraphQLInterfaceType):
        return ()
    found = schema.get_implementations(abstract)
    return (*found.objects, *found.interfaces)


def _origin_versions(definition: Any) -> Iterable[str]:
    """Of a directive, what its class says; of a generic type (a connection), its arguments' too."""
    origin = getattr(definition, "origin", None)
    if hasattr(origin, SINCE):
        yield getattr(origin, SINCE)
    if isinstance(definition, StrawberryObjectDefinition):
        for argument in definition.type_var_map.values():
            inner = get_object_definition(argument)
            for mark in (inner.directives or ()) if inner is not None else ():
                if isinstance(mark, Added):
                    yield mark.version


def _describe(element: Any, declaration: Declaration) -> None:
    added = f"Added in {declaration.added}."
    element.description = f"{element.description} {added}" if element.description else added
    if declaration.reason is not None and hasattr(element, "deprecation_reason"):
        element.deprecation_reason = declaration.reason


def _date_generic(element: Any, declaration: Declaration) -> None:
    """A generic type's copy for one argument prints its own version, not the generic's."""
    definition = element.extensions.get(BACKREF)
    if isinstance(definition, StrawberryObjectDefinition) and definition.type_var_map:
        others = [d for d in definition.directives or () if not isinstance(d, Added)]
        definition.directives = [Added(version=declaration.added), *others]
