"""One page of a list: which rows, in which order, behind which row.

Conditions name fields of the domain value. Adapters turn them into their own query; `matches` and
`place` say what they mean.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Generic, TypeVar

from domain.errors import InvalidValue

T = TypeVar("T")


class Op(StrEnum):
    """Case is ignored in ASCII letters, where it is. None equals None alone, and is in no order."""

    EQ = "eq"
    NE = "ne"
    IN = "in"
    CONTAINS = "contains"  # text: substring, case-insensitive; tags: has the tag
    STARTS_WITH = "starts_with"  # case-insensitive
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"


@dataclass(frozen=True, slots=True)
class Compare:
    field: str
    op: Op
    value: object


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Condition"


Condition = Compare | And | Or | Not


@dataclass(frozen=True, slots=True)
class Order:
    field: str = "created_at"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """`after` is (value of the order field, id) of the row that the page starts behind.

    Rows of one value are ordered by id, in the same direction; None comes before every value.
    `with_deleted` also lists what is over and done with: deployments that are STOPPED, replicas that
    have EXITED; `with_dedicated` deployments that were made for batches, which are listed also where
    the condition asks of them.
    """

    first: int
    within: Mapping[str, str] = field(default_factory=dict)
    where: Condition | None = None
    order: Order = Order()
    after: tuple[object, str] | None = None
    with_deleted: bool = False
    with_dedicated: bool = False

    @property
    def shows_dedicated(self) -> bool:
        asked = self.where is not None and names(self.where, "is_dedicated")
        return self.with_dedicated or asked


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: tuple[T, ...]
    has_next: bool


def matches(value: object, condition: Condition) -> bool:
    """Whether the domain value is one of those that the condition names."""
    match condition:
        case And(parts):
            return all(matches(value, part) for part in parts)
        case Or(parts):
            return any(matches(value, part) for part in parts)
        case Not(part):
            return not matches(value, part)
        case Compare(name, op, wanted):
            return COMPARE[op](field_of(value, name), wanted)


def names(condition: Condition, field: str) -> bool:
    """Whether the condition says anything of the field."""
    match condition:
        case And(parts) | Or(parts):
            return any(names(part, field) for part in parts)
        case Not(part):
            return names(part, field)
        case Compare(name, _, _):
            return name == field


def replaced(condition: Condition, field: str, by: Callable[[Compare], Condition]) -> Condition:
    """The condition with what `by` makes of each comparison of the field in its place."""
    match condition:
        case And(parts):
            return And(tuple(replaced(part, field, by) for part in parts))
        case Or(parts):
            return Or(tuple(replaced(part, field, by) for part in parts))
        case Not(part):
            return Not(replaced(part, field, by))
        case Compare(name, _, _):
            return by(condition) if name == field else condition


def place(value: object, order: Order) -> tuple[object, str]:
    """Where a row stands in a listing: what `Listing.after` takes."""
    return field_of(value, order.field), field_of(value, "id")


def field_of(value: object, name: str) -> Any:
    if name not in getattr(value, "__dataclass_fields__", ()):
        raise unknown_field(name)
    return getattr(value, name)


def unknown_field(name: str) -> InvalidValue:
    return InvalidValue(problem=f"There is no field {name!r} to filter or order by.")


ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def fold(text: str) -> str:
    """ASCII letters in lower case, all else as it is: what every database can do alike."""
    return text.translate(ASCII_LOWER)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda held, wanted: held is not None and wanted is not None and compare(held, wanted)


def _contains(held: str | Collection[str] | None, wanted: str) -> bool:
    if held is None:
        return False
    return fold(wanted) in fold(held) if isinstance(held, str) else wanted in held


def _starts_with(held: str | None, wanted: str) -> bool:
    return held is not None and fold(held).startswith(fold(wanted))


COMPARE: Mapping[Op, Callable[[Any, Any], bool]] = {
    Op.EQ: eq,
    Op.NE: ne,
    Op.IN: lambda held, wanted: held in wanted,
    Op.CONTAINS: _contains,
    Op.STARTS_WITH: _starts_with,
    Op.LT: _ordered(lt),
    Op.LTE: _ordered(le),
    Op.GT: _ordered(gt),
    Op.GTE: _ordered(ge),
}
