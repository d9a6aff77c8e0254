"""Strawberry's declarations, each with its version."""

import builtins
import dataclasses
from collections.abc import Callable, Mapping
from enum import EnumMeta
from inspect import cleandoc
from typing import Any, TypeVar, overload

import strawberry
from strawberry.schema_directive import Location
from strawberry.types.arguments import StrawberryArgumentAnnotation
from strawberry.types.field import StrawberryField
from strawberry.types.scalar import ScalarDefinition
from strawberry.types.union import StrawberryUnion
from typing_extensions import dataclass_transform

from schema.versions.marks import Added, DeprecatedSince, check, marks

T = TypeVar("T")
E = TypeVar("E", bound=EnumMeta)
LOADS = "loads"
"""In a field's metadata. Its resolver waits for nothing but futures (what `info.context.loads` gives
is loaded by tasks of its own), asks `info` for nothing but the context, and changes nothing: the
executor runs it for many parents at once, so that what they load is read together, and may run it
again."""


@overload
def field(resolver: Callable[..., T], /) -> StrawberryField: ...


@overload
def field(
    *,
    name: str | None = None,
    description: str | None = None,
    default: Any = dataclasses.MISSING,
    default_factory: Any = dataclasses.MISSING,
    added: str | None = None,
    deprecated: str | None = None,
    use: str | None = None,
    removal: str | None = None,
) -> Any: ...


def field(
    resolver: Callable[..., T] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    default: Any = dataclasses.MISSING,
    default_factory: Any = dataclasses.MISSING,
    added: str | None = None,
    deprecated: str | None = None,
    use: str | None = None,
    removal: str | None = None,
) -> Any:
    """An attribute, or (as a decorator without arguments) a method whose docstring describes it."""
    if resolver is not None:
        return method()(resolver)
    return strawberry.field(
        name=name,
        description=description,
        default=default,
        default_factory=default_factory,
        directives=marks(added, deprecated, use, removal),
    )


def method(
    *,
    name: str | None = None,
    added: str | None = None,
    deprecated: str | None = None,
    use: str | None = None,
    removal: str | None = None,
    subscription: bool = False,
    loads: bool = False,
) -> Callable[[Callable[..., T]], StrawberryField]:
    """A method that resolves a field; its docstring is the field's description."""

    def declare(resolver: Callable[..., T]) -> StrawberryField:
        declared: StrawberryField = strawberry.field(
            resolver,
            name=name,
            description=_said(resolver.__doc__),
            is_subscription=subscription,
            metadata={LOADS: loads},
            directives=marks(added, deprecated, use, removal),
        )
        for taken in declared.arguments:
            if taken.default is None:
                taken.default = strawberry.UNSET  # no `= null` in the SDL; Python's default holds
        return declared

    return declare


def load(resolver: Callable[..., T]) -> StrawberryField:
    """A method that loads, as `LOADS` says of them."""
    return method(loads=True)(resolver)


@dataclass_transform(kw_only_default=True, field_specifiers=(field, StrawberryField))
def type(
    *,
    added: str,
    name: str | None = None,
    before: str | None = None,
    joins: Mapping[str, str] | None = None,
) -> Callable[[builtins.type[T]], builtins.type[T]]:
    """`before` is the object type that is shown in this one's place, where a view lacks this one in
    an interface or a union; its fields have to be this one's, too. `joins` says of interfaces and
    unions that the type joined later since when it did; what it inherits from them is as new."""
    return lambda cls: strawberry.type(
        cls,
        name=name,
        description=_described(cls),
        directives=marks(added, before=before, joins=joins),
    )


@dataclass_transform(kw_only_default=True, field_specifiers=(field, StrawberryField))
def interface(
    *,
    added: str,
    name: str | None = None,
    joins: Mapping[str, str] | None = None,
    withheld: bool = False,
) -> Callable[[builtins.type[T]], builtins.type[T]]:
    """`joins` as of `type`. `withheld`: whatever resolves to the interface sees to it that no member
    reaches a view that lacks it; of others, each later member names the one `before` it."""
    return lambda cls: strawberry.interface(
        cls,
        name=name,
        description=_described(cls),
        directives=marks(added, joins=joins, withheld=withheld),
    )


@dataclass_transform(kw_only_default=True, field_specifiers=(field, StrawberryField))
def input(
    *, added: str, name: str | None = None, one_of: bool = False
) -> Callable[[builtins.type[T]], builtins.type[T]]:
    return lambda cls: strawberry.input(
        cls, name=name, one_of=one_of, description=_described(cls), directives=marks(added)
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Value:
    description: str | None
    directives: tuple[object, ...]


def value(
    description: str | None = None,
    *,
    added: str | None = None,
    before: str | None = None,
    deprecated: str | None = None,
    use: str | None = None,
    removal: str | None = None,
) -> Value:
    """What an enum's value says beside its name; `before` is what views older than `added` see."""
    return Value(description, tuple(marks(added, deprecated, use, removal, before)))


def enum(
    cls: E,
    *,
    added: str,
    name: str | None = None,
    description: str | None = None,
    values: Mapping[str, Value] | None = None,
) -> E:
    """Declare an enum of the domain, from outside; `values` is by the member's name."""
    said = values or {}
    if unknown := said.keys() - set(cls.__members__):
        raise ValueError(f"{cls.__name__} has no members {sorted(unknown)}")
    strawberry.enum(cls, name=name, description=description, directives=marks(added))
    definition = vars(cls)["__strawberry_definition__"]
    for each in definition.values:
        if each.name in said:
            each.description = said[each.name].description
            each.directives = said[each.name].directives
    return cls


def union(name: str, *, added: str, description: str | None = None) -> StrawberryUnion:
    """For `Annotated[A | B, versions.union("Name", added=…)]`."""
    return strawberry.union(name, description=description, directives=marks(added))


def scalar(
    name: str,
    *,
    added: str,
    description: str,
    serialize: Callable[[Any], Any],
    parse_value: Callable[[Any], Any],
    specified_by_url: str | None = None,
) -> ScalarDefinition:
    return strawberry.scalar(
        name=name,
        description=description,
        specified_by_url=specified_by_url,
        serialize=serialize,
        parse_value=parse_value,
        directives=marks(added),
    )


def argument(
    description: str | None = None,
    *,
    name: str | None = None,
    added: str | None = None,
    deprecated: str | None = None,
    use: str | None = None,
    removal: str | None = None,
) -> StrawberryArgumentAnnotation:
    """For `Annotated[T, versions.argument(…)]`."""
    return strawberry.argument(
        description=description, name=name, directives=marks(added, deprecated, use, removal)
    )


@dataclass_transform(kw_only_default=True, field_specifiers=(field, StrawberryField))
def directive(
    *, added: str, locations: list[Location], description: str
) -> Callable[[builtins.type[T]], builtins.type[T]]:
    """A schema directive; the grammar lets it carry none itself, so only the index knows `added`."""

    def declare(cls: builtins.type[T]) -> builtins.type[T]:
        declared = strawberry.schema_directive(locations=locations, description=description)(cls)
        return since(declared, added=added)

    return declare


def since(cls: builtins.type[T], *, added: str) -> builtins.type[T]:
    check(added)
    setattr(cls, SINCE, added)
    return cls


SINCE = "__modelyard_added__"
since(Added, added="0.1.0")
since(DeprecatedSince, added="0.3.0")  # the first deprecation brought it into the schema


def _described(cls: builtins.type) -> str | None:
    return _said(vars(cls).get("__doc__"))


def _said(docstring: str | None) -> str | None:
    return None if docstring is None else cleandoc(docstring)
