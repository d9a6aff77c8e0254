"""What a field below the root is to the compiler: an attribute, a method, a load, or refused."""

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, Undefined
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from resolvers.execution.leaves import Surprise
from schema.versions import LOADS

BACKREF = "strawberry-definition"
NOTHING = type(None) | type(Undefined)


class Refused(Exception):
    """The selection has something that no plan covers."""


def definition_of(type_: Any) -> StrawberryObjectDefinition:
    found = type_.extensions.get(BACKREF)
    if not isinstance(found, StrawberryObjectDefinition):
        raise Refused()
    return found


def admits(type_: GraphQLObjectType) -> Callable[[Any], None]:
    """What raises Surprise for a value that may be none of the type; it decides by class alone.

    As with graphql-core, the values need not be instances of the type's own class.
    """
    definition = definition_of(type_)
    is_type_of: Any = type_.is_type_of  # Strawberry's own has no use for the info

    def admit(value: Any) -> None:
        if isinstance(value, NOTHING | Exception) or hasattr(value, "__await__"):
            raise Surprise()
        if is_type_of is not None and not is_type_of(value, None):
            raise Surprise()

    if definition.is_type_of is not None:
        raise Refused()
    return admit


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
