"""Directives of our own that mark the schema: what is newer marks nothing in an older view."""

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, NewType, TypeAlias

import pytest
import strawberry
from graphql import build_schema
from strawberry.schema.config import StrawberryConfig
from strawberry.schema_directive import Location

from resolvers.root import Schema, printed
from schema import versions
from schema.changes import SchemaElement
from schema.contract.elements import elements
from schema.versions import NEXT, Added


@versions.directive(
    added="0.2.0",
    locations=[each for each in Location if each is not Location.SCHEMA],
    description="What it takes.",
)
class Weighed:
    grams: int
    spare_grams: int | None = versions.field(added=NEXT, default=None)


MARKS = [Added(version="0.1.0"), Weighed(grams=3, spare_grams=4)]


@strawberry.enum(directives=MARKS)
class Colour(Enum):
    RED = strawberry.enum_value("red", directives=MARKS)


@strawberry.interface(directives=MARKS)
class Sized:
    size: int


@strawberry.type(directives=MARKS)
class Shirt(Sized):
    colour: Colour = strawberry.field(directives=MARKS)


@strawberry.input(directives=MARKS)
class Wish:
    size: int = strawberry.field(directives=MARKS)


Mass = NewType("Mass", int)
Ware: TypeAlias = Annotated[Shirt, strawberry.union("Ware", directives=MARKS)]


@versions.type(added="0.1.0")
class Query:
    @versions.field
    def ware(
        self, wish: Annotated[Wish | None, strawberry.argument(directives=MARKS)] = None
    ) -> Ware | None:
        return None

    @versions.field
    def colour(self) -> Colour:
        return Colour.RED

    @versions.field
    def mass(self) -> Mass:
        return Mass(3)


MARKED = 10  # elements
MASS = strawberry.scalar(name="Mass", serialize=int, parse_value=int, directives=MARKS)
SCHEMA = Schema(query=Query, types=[Shirt], config=StrawberryConfig(scalar_map={Mass: MASS}))
WEIGHED = {"0.2.0": "@weighed(grams: 3)", NEXT: "@weighed(grams: 3, spareGrams: 4)"}


def applied(version: str) -> list[Mapping[str, str]]:
    """What `schemaElement` tells of the marks of each element."""
    seen = SCHEMA.as_of(version).core
    told = [
        SchemaElement.of(name, element, SCHEMA.declarations[name], seen).applied_directives
        for name, element in elements(seen).items()
    ]
    marks = [mark for each in told for mark in each if mark.name == "weighed"]
    return [{given.name: given.value for given in each.arguments} for each in marks]


def test_a_directives_argument_says_its_own_version() -> None:
    added = {name: each.added for name, each in SCHEMA.declarations.items()}
    assert added["@weighed"] == added["@weighed(grams:)"] == "0.2.0"
    assert added["@weighed(spareGrams:)"] == NEXT


def test_a_view_is_not_marked_with_a_directive_that_it_lacks() -> None:
    assert "weighed" not in printed(SCHEMA.as_of("0.1.0"))
    assert applied("0.1.0") == []


@pytest.mark.parametrize("version", ["0.2.0", NEXT])
def test_a_mark_has_the_arguments_that_its_view_has(version: str) -> None:
    sdl = printed(SCHEMA.as_of(version))
    assert sdl.count(WEIGHED[version]) == sdl.count("@weighed(grams") == MARKED
    spare = {"spareGrams": "4"} if version == NEXT else {}
    assert applied(version) == [{"grams": "3", **spare}] * MARKED


@pytest.mark.parametrize("version", ["0.1.0", "0.2.0", NEXT])
def test_the_print_of_a_view_is_a_schema(version: str) -> None:
    assert elements(build_schema(printed(SCHEMA.as_of(version)))).keys() == {
        name
        for name, each in SCHEMA.declarations.items()
        if versions.order(each.added) <= versions.order(version)
    }


def test_the_schema_keeps_its_marks_when_it_is_viewed() -> None:
    before = printed(SCHEMA)
    SCHEMA.as_of("0.1.0")
    assert printed(SCHEMA) == before
