"""Scalars and enums: for each value, exactly what its type would make of it, or a surprise."""

from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import Any
from uuid import UUID

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLEnumType,
    GraphQLLeafType,
    GraphQLScalarType,
    Undefined,
)

PLAIN = frozenset({str, int, float, bool, list, tuple, dict, datetime, date, time, Decimal, UUID})
"""The types whose values a custom scalar may be handed: no awaitables, no exceptions."""
AS_IT_IS = {"String": str, "ID": str, "Boolean": bool}


class Surprise(Exception):
    """The value is not what the plan expected. graphql-core decides what becomes of it."""


def surprise(*_: object) -> Any:
    raise Surprise()


def leaf(type_: GraphQLLeafType) -> Callable[[Any], Any]:
    """What completes a value (never None) of the type."""
    if isinstance(type_, GraphQLEnumType):
        return _enum(type_)
    return _BUILT_IN.get(type_.name) or _custom(type_)


def _enum(type_: GraphQLEnumType) -> Callable[[Any], Any]:
    members = getattr(type_, "wrapped_cls", None)
    if members is None:
        return surprise
    names = {member: type_.coerce_output_value(member) for member in members}

    def complete(value: Any) -> Any:
        return names[value] if type(value) is members else surprise()

    return complete


def _custom(type_: GraphQLScalarType) -> Callable[[Any], Any]:
    written = type_.coerce_output_value

    def complete(value: Any) -> Any:
        completed = written(value) if type(value) in PLAIN else surprise()
        return surprise() if completed is None or completed is Undefined else completed

    return complete


def _int(value: Any) -> Any:
    fits = type(value) is int and GRAPHQL_MIN_INT <= value <= GRAPHQL_MAX_INT
    return value if fits else surprise()


def _float(value: Any) -> Any:
    return value if type(value) is float and isfinite(value) else surprise()


_BUILT_IN: dict[str, Callable[[Any], Any]] = {"Int": _int, "Float": _float}
