"""Filters and orders of lists: GraphQL inputs that become the domain's conditions."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from enum import Enum
from typing import Any, Protocol, cast

import strawberry

from domain.errors import InvalidValue
from domain.listing import And, Compare, Condition, Listing, Not, Op, Or, Order
from schema import versions
from schema.relay import page_size, parse_cursor, parse_id

DEPTH_LIMIT = 8
VALUES_LIMIT = 100
OLDEST_FIRST = Order()
COMPARISONS_LIMIT = 100  # databases have limits of their own, for depth and for parameters


class OrderDirection(Enum):
    ASC = "asc"
    DESC = "desc"


versions.enum(OrderDirection, added="0.1.0", description="Lowest (oldest) first, or highest first.")


@versions.input(added="0.1.0")
class StringFilter:
    """All that is said must hold. Case is ignored by contains and startsWith."""

    eq: str | None
    ne: str | None
    in_: list[str] | None = versions.field(name="in")
    contains: str | None
    starts_with: str | None


@versions.input(added="0.1.0")
class IDFilter:
    """By global ids; one of another type matches nothing."""

    eq: strawberry.ID | None
    ne: strawberry.ID | None
    in_: list[strawberry.ID] | None = versions.field(name="in")


@versions.input(added="0.1.0")
class DateTimeFilter:
    """All that is said must hold."""

    lt: datetime | None
    lte: datetime | None
    gt: datetime | None
    gte: datetime | None


@versions.input(added="0.1.0")
class IntFilter:
    """All that is said must hold."""

    eq: int | None
    ne: int | None
    in_: list[int] | None = versions.field(name="in")
    lt: int | None
    lte: int | None
    gt: int | None
    gte: int | None


@versions.input(added="0.2.0")
class BooleanFilter:
    eq: bool | None
    in_: list[bool] | None = versions.field(
        name="in", description="Either, where both are named.", added="0.3.0"
    )


@versions.input(added="0.1.0")
class TagsFilter:
    contains: str | None = versions.field(description="Has this tag.")


class OrderBy(Protocol):
    """The order input of any list; the members of its field's enum name the domain's fields."""

    @property
    def field(self) -> Enum: ...

    @property
    def direction(self) -> OrderDirection | None: ...


def listing(
    *,
    first: int,
    after: str | None,
    filter: object | None,
    order_by: OrderBy | None,
    kinds: Mapping[str, type],
    within: Mapping[str, str],
    otherwise: Order = OLDEST_FIRST,
    with_deleted: bool = False,
) -> Listing:
    """Raises InvalidValue, CursorInvalid. `kinds` has the type of every field to order by; where none
    is named, the order is `otherwise`."""
    order = otherwise
    if order_by is not None:
        order = Order(str(order_by.field.value), order_by.direction is OrderDirection.DESC)
    return Listing(
        first=page_size(first),
        within=within,
        where=None if filter is None else condition(filter),
        order=order,
        after=parse_cursor(after, order, kinds),
        with_deleted=with_deleted,
    )


def condition(filter: object) -> Condition | None:
    """What the filter asks for, None for nothing; its fields are named as the domain's are."""
    found = _nested(filter, depth=1)
    if _comparisons(found) > COMPARISONS_LIMIT:
        problem = f"A filter compares at most {COMPARISONS_LIMIT} times."
        raise InvalidValue(path=("filter",), problem=problem)
    return found


def _comparisons(condition: Condition | None) -> int:
    match condition:
        case None:
            return 0
        case Compare():
            return 1
        case Not():
            return _comparisons(condition.part)
        case And() | Or():
            return sum(map(_comparisons, condition.parts))


def _nested(filter: object, depth: int) -> Condition | None:
    if depth > DEPTH_LIMIT:
        raise InvalidValue(path=("filter",), problem=f"Filters nest {DEPTH_LIMIT} deep at most.")
    parts: list[Condition] = []
    for name, said in _said(filter):
        if name in ("and_", "or_"):
            found = [c for each in said if (c := _nested(each, depth + 1)) is not None]
            if found:
                parts.append(_all(found) if name == "and_" else Or(tuple(found)))
        elif name == "not_":
            inner = _nested(said, depth + 1)
            parts += [] if inner is None else [Not(inner)]
        else:
            parts += _compared(name, said)
    return both(*parts)


def both(*conditions: Condition | None) -> Condition | None:
    said = [each for each in conditions if each is not None]
    return _all(said) if said else None


def _all(parts: list[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _compared(name: str, operators: object) -> Iterator[Compare]:
    for operator, said in _said(operators):
        op = Op(operator.rstrip("_"))
        wanted: object = said
        if isinstance(said, list):
            if len(said) > VALUES_LIMIT:
                raise InvalidValue(path=("filter",), problem=f"More than {VALUES_LIMIT} values.")
            wanted = tuple(_plain(each, operators) for each in said)
        else:
            wanted = _plain(said, operators)
        yield Compare(name, op, wanted)


def _plain(said: object, operators: object) -> object:
    if not isinstance(operators, IDFilter):
        return said
    found = parse_id(cast("str", said))
    return "" if found is None else found[1]


def _said(value: Any) -> Iterator[tuple[str, Any]]:
    for field in fields(value):
        said = getattr(value, field.name)
        if said is not None:
            yield field.name, said
