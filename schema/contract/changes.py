"""The contract's history: every change since the first release, with its version."""

from collections.abc import Sequence
from dataclasses import dataclass

from graphql import GraphQLSchema

from schema.contract.comparing import ChangeKind, Criticality, compare
from schema.versions.index import order

EVERYTHING = "0.0.0"
"""Older than the first release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`replacement` is the coordinate to use instead."""

    coordinate: str
    kind: ChangeKind
    version: str
    criticality: Criticality
    description: str
    replacement: str | None = None


def history(steps: Sequence[tuple[str, GraphQLSchema]]) -> tuple[Change, ...]:
    """Of versions and their schemas, oldest first: by version, then by coordinate.

    What the first one has is all new in it. The gate sees to it that an element's own declaration
    says the same as the schemas that were released.
    """
    found: list[Change] = []
    before = GraphQLSchema()
    for version, schema in steps:
        found += changes(before, schema, version)
        before = schema
    return tuple(found)


def changes(before: GraphQLSchema, after: GraphQLSchema, version: str) -> tuple[Change, ...]:
    """What `after`, of that version, changed."""
    return tuple(
        Change(
            coordinate=each.coordinate,
            kind=each.kind,
            version=version,
            criticality=each.criticality,
            description=each.description,
            replacement=each.replacement,
        )
        for each in compare(before, after)
    )


def between(found: Sequence[Change], since: str, until: str) -> tuple[Change, ...]:
    """Those of versions after `since`, up to and with `until`."""
    after, last = order(since), order(until)
    return tuple(each for each in found if after < order(each.version) <= last)
