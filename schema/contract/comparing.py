"""What differs between two schemas, by coordinate, and whom that may break.

graphql-core's `find_schema_changes` says the same in English sentences, and of a new or removed type
nothing but its name; here every element has a row of its own. What is safe is graphql-core's to say.
Descriptions are not compared: no client depends on them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto

from graphql import (
    GraphQLArgument,
    GraphQLDirective,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
)
from graphql.utilities.find_schema_changes import (
    get_default_value,
    is_change_safe_for_input_object_field_or_field_arg,
    is_change_safe_for_object_or_interface_field,
)

from schema.contract.elements import (
    Element,
    ElementKind,
    above,
    elements,
    is_required,
    kind,
    members,
)


class ChangeKind(Enum):
    ADDED = "added"
    DEPRECATED = "deprecated"
    REMOVED = "removed"
    CHANGED = "changed"


class Criticality(Enum):
    BREAKING = "breaking"
    DANGEROUS = "dangerous"
    SAFE = "safe"


class Aspect(Enum):
    """What of an element differs."""

    PRESENCE = auto()
    DEPRECATION = auto()
    KIND = auto()
    TYPE = auto()
    DEFAULT = auto()
    JOINED = auto()
    LEFT = auto()
    USE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`replacement` is the coordinate to use instead; `member` is who joined or left."""

    coordinate: str
    kind: ChangeKind
    criticality: Criticality
    description: str
    aspect: Aspect
    replacement: str | None = None
    member: str | None = None


def compare(before: GraphQLSchema, after: GraphQLSchema) -> tuple[Difference, ...]:
    """By coordinate, then in the order of what differs."""
    old, new = elements(before), elements(after)
    found = [
        *(_removal(each, old[each]) for each in old.keys() - new.keys()),
        *(_addition(each, new, old) for each in new.keys() - old.keys()),
    ]
    for coordinate in old.keys() & new.keys():
        found += _changes(coordinate, old[coordinate], new[coordinate])
    for coordinate, element in new.items():
        found += _deprecations(coordinate, old.get(coordinate), element)
    return tuple(sorted(found, key=lambda each: (each.coordinate, each.aspect.value)))


def replacement(reason: str | None) -> str | None:
    """The coordinate that a deprecation's reason names, as `Declaration.reason` writes it."""
    found = _USE.search(reason or "")
    return found and found[1]


_USE = re.compile(r"\bUse (\S+)\.$")


_TAKEN = GraphQLArgument | GraphQLInputField


def _removal(coordinate: str, element: Element) -> Difference:
    return Difference(
        coordinate=coordinate,
        kind=ChangeKind.REMOVED,
        criticality=Criticality.BREAKING,
        description=f"The {kind(coordinate, element).value} is gone.",
        aspect=Aspect.PRESENCE,
        replacement=replacement(_reason(element)),
    )


def _addition(
    coordinate: str, new: Mapping[str, Element], old: Mapping[str, Element]
) -> Difference:
    element = new[coordinate]
    owner = above(coordinate)
    is_extension = owner in old
    said = f"The {kind(coordinate, element).value} is new"
    return Difference(
        coordinate=coordinate,
        kind=ChangeKind.ADDED,
        criticality=_extending(coordinate, element) if is_extension else Criticality.SAFE,
        description=f"{said}, and required."
        if is_required(element) and is_extension
        else f"{said}.",
        aspect=Aspect.PRESENCE,
    )


def _extending(coordinate: str, element: Element) -> Criticality:
    """What a new part of an element that there was may do to those who use that."""
    if is_required(element):
        return Criticality.BREAKING
    match kind(coordinate, element):
        case ElementKind.ENUM_VALUE | ElementKind.ARGUMENT | ElementKind.INPUT_FIELD:
            return Criticality.DANGEROUS
        case _:
            return Criticality.SAFE


def _changes(coordinate: str, old: Element, new: Element) -> Iterator[Difference]:
    if kind(coordinate, old) is not kind(coordinate, new):
        yield _changed(
            coordinate,
            Aspect.KIND,
            Criticality.BREAKING,
            f"The {kind(coordinate, old).value} became {_a(kind(coordinate, new).value)}.",
        )
        return
    yield from _memberships(coordinate, old, new)
    if isinstance(old, GraphQLField) and isinstance(new, GraphQLField):
        is_safe = is_change_safe_for_object_or_interface_field(old.type, new.type)
        yield from _retyped(coordinate, old, new, is_safe=is_safe)
    elif isinstance(old, _TAKEN) and isinstance(new, _TAKEN):
        is_safe = is_change_safe_for_input_object_field_or_field_arg(old.type, new.type)
        yield from _retyped(coordinate, old, new, is_safe=is_safe)
        yield from _defaults(coordinate, get_default_value(old), get_default_value(new))
    else:
        yield from _uses(coordinate, old, new)


def _memberships(coordinate: str, old: Element, new: Element) -> Iterator[Difference]:
    is_union = isinstance(old, GraphQLUnionType)
    for member in sorted(members(new) - members(old)):
        said = f"{member} joined the union." if is_union else f"It implements {member} now."
        yield _changed(coordinate, Aspect.JOINED, Criticality.DANGEROUS, said, member)
    for member in sorted(members(old) - members(new)):
        said = f"{member} left the union." if is_union else f"It implements {member} no longer."
        yield _changed(coordinate, Aspect.LEFT, Criticality.BREAKING, said, member)


def _retyped(
    coordinate: str,
    old: GraphQLField | GraphQLArgument | GraphQLInputField,
    new: GraphQLField | GraphQLArgument | GraphQLInputField,
    *,
    is_safe: bool,
) -> Iterator[Difference]:
    if str(old.type) != str(new.type):
        yield _changed(
            coordinate,
            Aspect.TYPE,
            Criticality.SAFE if is_safe else Criticality.BREAKING,
            f"The type {old.type} became {new.type}.",
        )


def _defaults(coordinate: str, old: str | None, new: str | None) -> Iterator[Difference]:
    if old == new:
        return
    if old is None:
        yield _changed(coordinate, Aspect.DEFAULT, Criticality.SAFE, f"The default {new} came.")
    elif new is None:
        yield _changed(
            coordinate, Aspect.DEFAULT, Criticality.DANGEROUS, f"The default {old} is gone."
        )
    else:
        said = f"The default {old} became {new}."
        yield _changed(coordinate, Aspect.DEFAULT, Criticality.DANGEROUS, said)


def _uses(coordinate: str, old: Element, new: Element) -> Iterator[Difference]:
    """Where and how often a directive may stand, how an input is written, what a scalar is."""
    if isinstance(old, GraphQLDirective) and isinstance(new, GraphQLDirective):
        yield from _places(coordinate, old, new)
    elif isinstance(old, GraphQLInputObjectType) and isinstance(new, GraphQLInputObjectType):
        if old.is_one_of != new.is_one_of:
            risk = Criticality.BREAKING if new.is_one_of else Criticality.SAFE
            said = "Exactly one field must be given." if new.is_one_of else "No field is a must."
            yield _changed(coordinate, Aspect.USE, risk, said)
    elif (
        isinstance(old, GraphQLScalarType)
        and isinstance(new, GraphQLScalarType)
        and old.specified_by_url != new.specified_by_url
    ):
        said = f"It is specified by {new.specified_by_url or 'nothing'} now."
        yield _changed(coordinate, Aspect.USE, Criticality.DANGEROUS, said)


def _places(coordinate: str, old: GraphQLDirective, new: GraphQLDirective) -> Iterator[Difference]:
    if old.is_repeatable != new.is_repeatable:
        risk = Criticality.BREAKING if old.is_repeatable else Criticality.SAFE
        said = "It may no longer be repeated." if old.is_repeatable else "It may be repeated."
        yield _changed(coordinate, Aspect.USE, risk, said)
    before, now = {each.name for each in old.locations}, {each.name for each in new.locations}
    for place in sorted(before - now):
        said = f"It may no longer stand at {place}."
        yield _changed(coordinate, Aspect.USE, Criticality.BREAKING, said)
    for place in sorted(now - before):
        yield _changed(coordinate, Aspect.USE, Criticality.SAFE, f"It may stand at {place}.")


def _deprecations(coordinate: str, old: Element | None, new: Element) -> Iterator[Difference]:
    before, now = _reason(old), _reason(new)
    if before == now:
        return
    if before is None:
        yield Difference(
            coordinate=coordinate,
            kind=ChangeKind.DEPRECATED,
            criticality=Criticality.SAFE,
            description=f"It is deprecated. {now}",
            aspect=Aspect.DEPRECATION,
            replacement=replacement(now),
        )
    elif now is None:
        yield _changed(
            coordinate, Aspect.DEPRECATION, Criticality.SAFE, "It is no longer deprecated."
        )
    else:
        said = f"Its deprecation reads: {now}"
        found = _changed(coordinate, Aspect.DEPRECATION, Criticality.SAFE, said)
        yield replace(found, replacement=replacement(now))


def _changed(
    coordinate: str,
    aspect: Aspect,
    criticality: Criticality,
    description: str,
    member: str | None = None,
) -> Difference:
    return Difference(
        coordinate=coordinate,
        kind=ChangeKind.CHANGED,
        criticality=criticality,
        description=description,
        aspect=aspect,
        member=member,
    )


def _reason(element: Element | None) -> str | None:
    if isinstance(element, GraphQLField | GraphQLArgument | GraphQLInputField | GraphQLEnumValue):
        return element.deprecation_reason
    return None


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
