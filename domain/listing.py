"""One page of a list: which rows, in which order, behind which row.

Conditions name fields of the domain value. Adapters turn them into their own query; `matches`
says what they mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Op(StrEnum):
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
    """`after` is (value of the order field, id) of the row that the page starts behind."""

    first: int
    within: Mapping[str, str] = field(default_factory=dict)
    where: Condition | None = None
    order: Order = Order()
    after: tuple[object, str] | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: tuple[T, ...]
    has_next: bool
