"""The real schema as of each release is what was released."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
from graphql import (
    REMOVE,
    DirectiveNode,
    EnumValueDefinitionNode,
    FieldDefinitionNode,
    GraphQLEnumType,
    InputValueDefinitionNode,
    NamedTypeNode,
    TypeDefinitionNode,
    build_schema,
    get_introspection_query,
    graphql_sync,
    parse,
    print_ast,
    validate_schema,
)
from graphql.language import Visitor, visit

from resolvers.root import Schema, print_schema
from schema import versions
from schema.contract.elements import elements
from schema.versions import releases

RELEASES = [each.version for each in releases.releases()]


DEFINED = (
    TypeDefinitionNode,
    FieldDefinitionNode,
    InputValueDefinitionNode,
    EnumValueDefinitionNode,
)


class Bare(Visitor):
    """Without what may change in a released schema: descriptions and deprecations."""

    def enter(self, node: Any, *_: Any) -> Any:
        if isinstance(node, DirectiveNode) and node.name.value in ("deprecated", "deprecatedSince"):
            return REMOVE
        described = getattr(node, "description", None) is not None
        return replace(node, description=None) if described else None


class Kept(Visitor):
    """Without what is gone, by its coordinate, and members and interfaces that are."""

    def __init__(self, gone: Collection[str]) -> None:
        super().__init__()
        self.gone = gone

    def enter(self, node: Any, _key: Any, _parent: Any, _path: Any, ancestors: Any) -> Any:
        if isinstance(node, NamedTypeNode):
            return REMOVE if node.name.value in self.gone else None
        if not isinstance(node, DEFINED):
            return None
        above = [each.name.value for each in ancestors if isinstance(each, DEFINED)]
        top, *names = [*above, node.name.value]
        name = f"{top}.{names[0]}" if names else top
        return REMOVE if (f"{name}({names[1]}:)" if names[1:] else name) in self.gone else None


def kept(sdl: str) -> str:
    gone = elements(build_schema(sdl)).keys() - elements(build_schema(print_schema())).keys()
    return print_ast(visit(parse(sdl, no_location=True), Kept(gone))) if gone else sdl


def bare(sdl: str) -> str:
    return print_ast(visit(parse(sdl, no_location=True), Bare()))


@pytest.mark.parametrize("version", RELEASES)
def test_the_view_of_a_release_prints_as_its_stored_schema(version: str) -> None:
    printed, released = print_schema(version), kept(releases.sdl(version))
    assert bare(printed) == bare(released)
    assert f'"{versions.NEXT}"' not in printed
    assert printed.count("deprecatedSince") >= released.count("deprecatedSince")


def test_the_view_of_all_that_is_prints_as_the_schema() -> None:
    assert print_schema(versions.NEXT) == print_schema()


@pytest.mark.parametrize("version", RELEASES)
def test_a_release_is_introspected_as_it_was(schema: Schema, version: str) -> None:
    viewed = versions.view(schema.core, schema.declarations, version)
    assert validate_schema(viewed) == []
    told = graphql_sync(viewed, get_introspection_query())
    assert told.errors is None
    assert told.data is not None
    names = {each["name"] for each in told.data["__schema"]["types"]}
    newer = {
        name
        for name, each in schema.declarations.items()
        if name.isidentifier() and versions.order(each.added) > versions.order(version)
    }
    assert names & newer == set()
    assert names == viewed.type_map.keys()


def test_what_a_view_says_of_a_later_reason_is_a_reason_that_it_has(schema: Schema) -> None:
    whole = schema.core.type_map["StatusReason"]
    first = versions.view(schema.core, schema.declarations, "0.1.0").type_map["StatusReason"]
    assert isinstance(whole, GraphQLEnumType)
    assert isinstance(first, GraphQLEnumType)
    told = {name: first.coerce_output_value(value.value) for name, value in whole.values.items()}
    assert set(told.values()) <= set(first.values)
    assert told["EVICTED"] == "PLACE_LOST"
    assert told["OUT_OF_MEMORY"] == "OUT_OF_MEMORY"
