"""Conditions, orders and pages as SQL: what domain.listing means, said to a database."""

from collections.abc import Collection, Sequence
from operator import ge, gt, le, lt
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    FunctionElement,
    Select,
    UnaryExpression,
    and_,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from domain.errors import InvalidValue
from domain.listing import (
    And,
    Compare,
    Condition,
    Listing,
    Not,
    Op,
    Or,
    Order,
    Page,
    fold,
    unknown_field,
)
from infra.db.noun import Noun
from infra.db.types import Document, PlainText, Tags

T = TypeVar("T")
Column = ColumnElement[Any]
Truth = ColumnElement[bool]

IN_ORDER = {Op.LT: lt, Op.LTE: le, Op.GT: gt, Op.GTE: ge}


def page(noun: Noun[Any], listing: Listing) -> Select[Any]:
    """The page's rows and, where there is a next page, one more."""
    found = behind(noun, filtered(noun, noun.select(), listing), listing)
    return found.order_by(*ordered(noun, listing.order)).limit(listing.first + 1)


def cut(values: Sequence[T], listing: Listing) -> Page[T]:
    return Page(tuple(values[: listing.first]), has_next=len(values) > listing.first)


def count(noun: Noun[Any], listing: Listing) -> Select[Any]:
    return filtered(noun, select(func.count()).select_from(noun.table), listing)


def filtered(noun: Noun[Any], rows: Select[Any], listing: Listing) -> Select[Any]:
    for name, wanted in listing.within.items():
        rows = rows.where(_equal(column_of(noun, name), wanted))
    if noun.listed is not None and not listing.with_deleted:
        rows = rows.where(noun.listed)
    if noun.everyday is not None and not listing.shows_dedicated:
        rows = rows.where(noun.everyday)
    return rows if listing.where is None else rows.where(_condition(noun, listing.where))


def ordered(noun: Noun[Any], order: Order) -> tuple[UnaryExpression[Any], ...]:
    column, row_id = column_of(noun, order.field), noun.table.c.id
    if not order.descending:
        return (_nulls(column, column.asc().nulls_first(), column.asc()), row_id.asc())
    return (_nulls(column, column.desc().nulls_last(), column.desc()), row_id.desc())


def behind(noun: Noun[Any], rows: Select[Any], listing: Listing) -> Select[Any]:
    """Only the rows behind `listing.after` in the listing's order."""
    if listing.after is None:
        return rows
    value, after_id = listing.after
    column, row_id = column_of(noun, listing.order.field), noun.table.c.id
    wanted_id = _fitting(row_id, after_id)
    later = lt if listing.order.descending else gt
    if value is None:
        ties = and_(column.is_(None), later(row_id, wanted_id))
        return rows.where(ties if listing.order.descending else or_(column.is_not(None), ties))
    bound = literal(_fitting(column, value), column.type)
    strictly = later(tuple_(column, row_id), tuple_(bound, literal(wanted_id, row_id.type)))
    if _nullable(column) and listing.order.descending:
        return rows.where(or_(strictly, column.is_(None)))
    return rows.where(strictly)


def column_of(noun: Noun[Any], name: str) -> Column:
    """A column that listings may name; documents and sealed bytes are none."""
    column = noun.table.c.get(name)
    if column is None or isinstance(column.type, Document) or column.type.python_type is bytes:
        raise unknown_field(name)
    return column


def _nulls(column: Column, said: UnaryExpression[Any], plain: Any) -> UnaryExpression[Any]:
    return said if _nullable(column) else plain


def _nullable(column: Column) -> bool:
    return bool(getattr(column, "nullable", True))


def _condition(noun: Noun[Any], condition: Condition) -> Truth:
    match condition:
        case And(parts):
            return and_(true(), *(_condition(noun, part) for part in parts))
        case Or(parts):
            return or_(false(), *(_condition(noun, part) for part in parts))
        case Not(part):
            return not_(_condition(noun, part))
        case Compare(name, op, wanted):
            return _compare(noun, name, op, wanted)


def _compare(noun: Noun[Any], name: str, op: Op, wanted: Any) -> Truth:
    """True or false, never unknown: a negation must mean what it says where a column is null."""
    tags = noun.table.c.get(name)
    if tags is not None and isinstance(tags.type, Tags) and op is Op.CONTAINS:
        return _has_tag(tags, wanted)
    column = column_of(noun, name)
    match op:
        case Op.EQ:
            return _equal(column, wanted)
        case Op.NE:
            return not_(_equal(column, wanted))
        case Op.IN:
            return _any_of(column, wanted)
        case Op.CONTAINS | Op.STARTS_WITH:
            return _known(column, _like(column, op, wanted))
        case _ if wanted is None:
            return false()
        case _:
            return _known(column, IN_ORDER[op](column, _fitting(column, wanted)))


def _equal(column: Column, wanted: Any) -> Truth:
    if wanted is None:
        return column.is_(None)
    return _known(column, column == _fitting(column, wanted))


def _any_of(column: Column, wanted: Collection[Any]) -> Truth:
    values = [_fitting(column, value) for value in wanted if value is not None]
    found = _known(column, column.in_(values))
    return or_(found, column.is_(None)) if None in wanted else found


def _known(column: Column, truth: Truth) -> Truth:
    return and_(column.is_not(None), truth) if _nullable(column) else truth


def _like(column: Column, op: Op, wanted: Any) -> Truth:
    if column.type.python_type is not str or not isinstance(wanted, str):
        raise InvalidValue(problem=f"{wanted!r} is no text to look for here.")
    folded, text = literal(fold(wanted), PlainText), func.lower(column)
    if op is Op.STARTS_WITH:
        return func.substr(text, 1, len(wanted)) == folded
    return place_of(folded, text) > 0


class place_of(FunctionElement[int]):  # noqa: N801  # reads as the function that it is
    """Where in a text another begins, counted from 1; 0 where it does not."""

    inherit_cache = True


@compiles(place_of, "sqlite")
def _in_sqlite(element: place_of, compiler: SQLCompiler, **kw: Any) -> str:
    needle, text = (compiler.process(part, **kw) for part in element.clauses)
    return f"instr({text}, {needle})"


@compiles(place_of, "postgresql")
def _in_postgres(element: place_of, compiler: SQLCompiler, **kw: Any) -> str:
    needle, text = (compiler.process(part, **kw) for part in element.clauses)
    return f"strpos({text}, {needle})"


class each_text(FunctionElement[Any]):  # noqa: N801  # reads as the function that it is
    """The texts of a JSON array, as a table with one column named value."""

    inherit_cache = True


@compiles(each_text, "sqlite")
def _each_in_sqlite(element: each_text, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **kw)})"


@compiles(each_text, "postgresql")
def _each_in_postgres(element: each_text, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_array_elements_text({compiler.process(element.clauses, **kw)})"


def _has_tag(column: Column, wanted: Any) -> Truth:
    if not isinstance(wanted, str):
        raise InvalidValue(problem=f"{wanted!r} is no tag.")
    return has_tag(column, literal(wanted, PlainText))


def has_tag(column: Column, wanted: Column) -> Truth:
    tags = each_text(column).table_valued("value")
    return select(literal(1)).where(tags.c.value == wanted).exists()


def _fitting(column: Column, value: Any) -> Any:
    """The value, if it is one that the column could hold: cursors and filters come from outside."""
    wanted = column.type.python_type
    fits = isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))
    if not fits or (wanted is int and not -(2**63) <= value < 2**63):
        raise InvalidValue(problem=f"{value!r} does not fit the field {column.key!r}.")
    return value
