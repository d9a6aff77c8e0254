"""Declarations and what is made of them, on a schema of the test's own."""

from collections.abc import Callable
from enum import Enum
from typing import Annotated, Generic, TypeVar

import pytest
import strawberry
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLObjectType

from resolvers.root import Schema
from schema import versions

T = TypeVar("T")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


versions.enum(
    Colour,
    added="0.1.0",
    values={"BLUE": versions.value("As the sky.", added="0.3.0", before="RED")},
)


@versions.type(added="0.1.0")
class Shelf(Generic[T]):
    things: list[T]


@versions.type(added="0.2.0")
class Thing:
    """Something."""

    colour: Colour
    size: int = versions.field(
        deprecated="0.4.0", use="Thing.length", removal="0.6.0", description="How long."
    )
    length: int = versions.field(added=versions.NEXT)


@versions.input(added="0.1.0")
class ThingInput:
    size: int
    colour: Colour | None = versions.field(added="0.2.0")


@versions.type(added="0.1.0")
class Query:
    @versions.method(added="0.1.5")
    def shelf(
        self,
        wide: Annotated[bool, versions.argument("In metres.", added="0.2.0")] = False,
        high: bool = False,
        input: ThingInput | None = None,
    ) -> Shelf[Thing]:
        """All of it."""
        return Shelf(things=[])


@pytest.fixture(scope="module")
def built() -> Schema:
    return Schema(query=Query)


@pytest.mark.parametrize(
    ("coordinate", "added"),
    [
        ("Query", "0.1.0"),
        ("Query.shelf", "0.1.5"),
        ("Query.shelf(wide:)", "0.2.0"),
        ("Query.shelf(high:)", "0.1.5"),
        ("Thing.colour", "0.2.0"),
        ("Thing.length", "NEXT"),
        ("Colour.RED", "0.1.0"),
        ("Colour.BLUE", "0.3.0"),
        ("ThingInput.size", "0.1.0"),
        ("ThingInput.colour", "0.2.0"),
        ("ThingShelf", "0.2.0"),
        ("ThingShelf.things", "0.2.0"),
        ("@added(version:)", "0.1.0"),
    ],
)
def test_an_element_says_its_version_or_inherits_it(
    built: Schema, coordinate: str, added: str
) -> None:
    assert built.declarations[coordinate].added == added


def test_a_deprecation_says_since_when_and_what_replaces_it(built: Schema) -> None:
    thing = built.core.type_map["Thing"]
    assert isinstance(thing, GraphQLObjectType)
    assert thing.fields["size"].deprecation_reason == "Since 0.4.0. Use Thing.length."
    assert thing.fields["size"].description == "How long. Added in 0.2.0."
    declared = built.declarations["Thing.size"]
    assert (declared.deprecated, declared.removal, declared.use) == (
        "0.4.0",
        "0.6.0",
        "Thing.length",
    )


def test_a_new_value_names_what_older_views_see(built: Schema) -> None:
    colour = built.core.type_map["Colour"]
    assert isinstance(colour, GraphQLEnumType)
    assert built.declarations["Colour.BLUE"].before == "RED"
    assert colour.values["BLUE"].description == "As the sky. Added in 0.3.0."


def test_only_what_does_not_inherit_prints_its_version(built: Schema) -> None:
    printed = built.as_str()
    assert 'type Thing @added(version: "0.2.0")' in printed
    assert 'type ThingShelf @added(version: "0.2.0")' in printed
    assert "colour: Colour!\n" in printed
    assert '@deprecatedSince(version: "0.4.0", removal: "0.6.0")' in printed
    assert 'BLUE @added(version: "0.3.0")' in printed
    assert 'wide: Boolean! = false @added(version: "0.2.0")' in printed
    assert "input: ThingInput\n" in printed
    assert isinstance(built.core.type_map["ThingInput"], GraphQLInputObjectType)


def test_a_value_that_is_no_member_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="GREEN"):
        versions.enum(Colour, added="0.1.0", values={"GREEN": versions.value("Grass.")})


def test_next_comes_after_every_release() -> None:
    assert versions.order("0.10.0") > versions.order("0.9.1")
    assert versions.order(versions.NEXT) > versions.order("99.0.0")


class Own:
    """To be declared."""


@pytest.mark.parametrize("said", ["0.4", "next", "v0.4.0", "0.4.0 ", "00.4.0", ""])
def test_what_is_no_version_is_refused_where_it_is_declared(said: str) -> None:
    declared: list[Callable[[], object]] = [
        lambda: versions.field(added=said),
        lambda: versions.field(deprecated=said, use="Query.shelf"),
        lambda: versions.field(deprecated="0.4.0", use="Query.shelf", removal=said),
        lambda: versions.type(added="0.1.0", joins={"Node": said})(Own),
        lambda: versions.directive(added=said, locations=[], description="")(Own),
    ]
    for declare in declared:
        with pytest.raises(ValueError, match=f"{said!r} is no version: write three numbers"):
            declare()


@pytest.mark.parametrize("said", [{"use": "Query.shelf"}, {"removal": "0.6.0"}])
def test_what_would_replace_it_says_of_nothing_that_it_is_deprecated(said: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="it says no version that deprecates it"):
        versions.argument(**said)


def test_a_deprecation_says_since_when() -> None:
    @versions.type(added="0.1.0")
    class Query:
        old: int = strawberry.field(deprecation_reason="Use another.")

    with pytest.raises(versions.Undeclared, match=r"^Query\.old$"):
        Schema(query=Query)
