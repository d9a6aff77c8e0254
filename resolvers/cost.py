"""What an operation costs at most: the fields that its answer may have, and the rows that are read for it.

Each field counts 1, as often as the answer may have it. A page counts its rows besides, whatever is
asked of them. Of an object behind an interface or union the dearest type counts. What `@skip` and
`@include` leave out counts nothing.

A document is compiled once, to one sum for each selection; with an operation's variables the sums are
taken in one pass, each once, however often its fragment is spread. What it tells is never less than
what an execution can give while its lists are no longer than `resolvers.sizes` has them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from math import ceil
from typing import Any, TypeAlias

MOST_SHOWN = 2**31 - 1

Variables: TypeAlias = Mapping[str, Any]


class Shape(Enum):
    FRAGMENT = auto()
    FIELD = auto()
    LIST = auto()
    PAGE = auto()  # a connection
    ROWS = auto()  # a list of the connection's rows
    INTROSPECTION = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How long a list is in one document; `variable` says it, `absent` where it is not given. Null is
    no default of a variable's: then it is `otherwise`, as where the document says nothing."""

    variable: str | None = None
    absent: float = 0
    otherwise: float
    most: float | None = None

    def of(self, variables: Variables) -> float:
        found = self.otherwise if self.variable is None else self._said(variables)
        return min(max(0.0, found), MOST_SHOWN if self.most is None else self.most)

    def _said(self, variables: Variables) -> float:
        """Where it is none of these, the operation is not executed."""
        match variables.get(self.variable or "", self.absent):
            case bool():
                return self.otherwise
            case int() | float() as number:
                return number
            case list() as items:
                return len(items)
            case None:
                return self.otherwise
            case _:
                return 1


@dataclass(frozen=True, slots=True)
class Condition:
    """Of @skip and @include; `wanted` is the value with which the selection stays."""

    value: bool | str
    wanted: bool
    otherwise: bool | None

    def holds(self, variables: Variables) -> bool:
        if isinstance(self.value, bool):
            return self.value is self.wanted
        said = variables.get(self.value, self.otherwise)
        return said is self.wanted or not isinstance(said, bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A field or fragment of a selection; `below` is the number of its own selection, `kind` the object
    type that alone has it."""

    shape: Shape
    below: int | None = None
    count: Count | None = None
    kind: str | None = None
    conditions: tuple[Condition, ...] = ()

    def varies(self) -> bool:
        said = self.count is not None and self.count.variable is not None
        return said or any(isinstance(each.value, str) for each in self.conditions)


@dataclass(frozen=True, slots=True)
class Sum:
    """`fixed` once, `each` for each row of the page that the selection stands in, and what of the
    schema itself is asked for."""

    fixed: float = 0
    each: float = 0
    schema: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """`introspection` is what it asks of the schema itself, which has a limit of its own."""

    fields: int
    introspection: int


NOTHING = Sum()


@dataclass(frozen=True)
class Estimate:
    """Of one operation: its selections with those of its fragments, each behind those that it needs."""

    selections: Sequence[Sequence[Term]]
    introspects: bool = False

    def cost(self, variables: Variables | None) -> Cost:
        """`variables` as they came; what is absent has its default."""
        said = variables or {}
        sums = list(self._known)
        for place in self._varying:
            sums[place] = _sum(self.selections[place], sums, said)
        return Cost(fields=_shown(sums[-1].fixed), introspection=_shown(sums[-1].schema))

    @cached_property
    def _varying(self) -> Sequence[int]:
        """The places of the selections whose sum is another with other variables."""
        found: dict[int, None] = {}
        for place, terms in enumerate(self.selections):
            if any(term.varies() or term.below in found for term in terms):
                found[place] = None
        return tuple(found)

    @cached_property
    def _known(self) -> Sequence[Sum]:
        """Every selection's sum without variables."""
        sums: list[Sum] = []
        for terms in self.selections:
            sums.append(_sum(terms, sums, {}))
        return sums


def _sum(terms: Iterable[Term], sums: Sequence[Sum], variables: Variables) -> Sum:
    fixed = each = schema = 0.0
    kinds: dict[str, tuple[float, float]] = {}
    for term in terms:
        if not all(condition.holds(variables) for condition in term.conditions):
            continue
        found = _of_term(term, sums, variables)
        schema += found.schema
        if term.kind is None:
            fixed += found.fixed
            each += found.each
        else:
            before = kinds.get(term.kind, (0.0, 0.0))
            kinds[term.kind] = before[0] + found.fixed, before[1] + found.each
    fixed += max((kind[0] for kind in kinds.values()), default=0)
    each += max((kind[1] for kind in kinds.values()), default=0)
    return Sum(fixed, each, schema)


def _of_term(term: Term, sums: Sequence[Sum], variables: Variables) -> Sum:
    below = NOTHING if term.below is None else sums[term.below]
    match term.shape:
        case Shape.FRAGMENT:
            return below
        case Shape.ROWS:
            return Sum(1, below.fixed, below.schema)
        case Shape.INTROSPECTION:
            return Sum(1, 0, below.fixed)
    count = 0.0 if term.count is None else term.count.of(variables)
    match term.shape:
        case Shape.PAGE:
            return Sum(1 + count + below.fixed + count * below.each, 0, below.schema)
        case Shape.LIST:
            items = count if term.below is None else count * below.fixed
            return Sum(1 + items, 0, below.schema)
        case _:
            return Sum(1 + below.fixed, 0, below.schema)


def _shown(found: float) -> int:
    return MOST_SHOWN if found >= MOST_SHOWN else ceil(found)
