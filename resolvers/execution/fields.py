"""What a field below the root is to the compiler: an attribute, a method, a load, or refused."""

from inspect import iscoroutinefunction
from typing import Any

from graphql import GraphQLField
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from schema.loads import LOADS

BACKREF = "strawberry-definition"


class Refused(Exception):
    """The selection has something that no plan covers."""


def definition_of(type_: Any) -> StrawberryObjectDefinition:
    found = type_.extensions.get(BACKREF)
    if not isinstance(found, StrawberryObjectDefinition):
        raise Refused()
    return found


def classes_of(type_: Any) -> tuple[type, ...]:
    """The classes whose direct instances are values of the object type, whoever asks."""
    definition = definition_of(type_)
    if definition.is_type_of is not None:
        raise Refused()
    generic = definition.concrete_of
    return (definition.origin,) if generic is None else (definition.origin, generic.origin)


def field_of(definition: GraphQLField) -> StrawberryField:
    """Strawberry's field behind graphql-core's, if it does nothing around its resolver."""
    field = definition.extensions.get(BACKREF)
    if not isinstance(field, StrawberryField) or field.extensions:
        raise Refused()
    if not hasattr(definition.resolve, "_is_default"):
        raise Refused()
    return field


def is_attribute(field: StrawberryField) -> bool:
    return field.base_resolver is None and field.default_resolver is getattr


def is_method(field: StrawberryField) -> bool:
    """A method of self alone: as plain as a property."""
    resolver = field.base_resolver
    return (
        resolver is not None
        and bool(resolver.self_parameter)
        and len(resolver.signature.parameters) == 1
        and not iscoroutinefunction(resolver.wrapped_func)
    )


def is_load(field: StrawberryField) -> bool:
    """Marked as one; it takes self and, by name, info and the field's arguments."""
    resolver = field.base_resolver
    return (
        resolver is not None
        and bool(field.metadata.get(LOADS))
        and bool(resolver.self_parameter)
        and not resolver.parent_parameter
        and not resolver.root_parameter
    )
