"""What holds of the views of every schema."""

from graphql import GraphQLEnumType, GraphQLSchema, is_abstract_type, print_schema, validate_schema
from hypothesis import HealthCheck, given, settings

from resolvers.root import Schema
from schema import versions
from schema.versions import membership, order
from schema.versions.mapped import mapped
from schema.versions.sight import Sight
from tests.support.dated import dated, elements
from tests.support.histories import VERSIONS, histories


def present(schema: GraphQLSchema) -> set[str]:
    """Every coordinate, and every membership."""
    found = {coordinate for coordinate, _, _ in elements(schema)}
    for type_ in schema.type_map.values():
        if is_abstract_type(type_):
            found |= {membership(each.name, type_) for each in schema.get_possible_types(type_)}
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sdl=histories())
def test_a_view_has_all_that_is_as_old_and_nothing_else(sdl: str) -> None:
    schema, index = dated(sdl)
    whole, older = present(schema), set[str]()
    for version in VERSIONS:
        viewed = versions.view(schema, index, version)
        assert validate_schema(viewed) == []
        newer = {name for name, each in index.items() if order(each.added) > order(version)}
        lost = {f"{word} {end}" for word, end in _ends(whole) if {word, end.split()[-1]} & newer}
        assert present(viewed) == whole - newer - lost
        assert older <= present(viewed)
        older = present(viewed)
    assert older == whole
    assert print_schema(mapped(schema, Sight(index, versions.NEXT))) == print_schema(schema)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sdl=histories())
def test_whatever_comes_out_of_a_view_is_something_that_it_has(sdl: str) -> None:
    schema, index = dated(sdl)
    for version in VERSIONS:
        viewed = versions.view(schema, index, version)
        for name in viewed.type_map.keys() & index.keys():
            type_ = viewed.type_map[name]
            whole = schema.type_map[name]
            if isinstance(type_, GraphQLEnumType) and isinstance(whole, GraphQLEnumType):
                assert {type_.coerce_output_value(each) for each in whole.values} <= set(
                    type_.values
                )
            if is_abstract_type(type_) and is_abstract_type(whole):
                shown = Sight(index, version).members(whole, schema)
                possible = {each.name for each in viewed.get_possible_types(type_)}
                assert set(shown.values()) <= possible
                there = {each.name for each in schema.get_possible_types(whole)}
                assert possible == there - shown.keys()


def test_the_copy_of_the_schema_with_all_that_it_has_prints_the_same(schema: Schema) -> None:
    copied = mapped(schema.core, Sight(schema.declarations, versions.NEXT))
    assert print_schema(copied) == print_schema(schema.core)
    assert validate_schema(copied) == []


def _ends(coordinates: set[str]) -> list[tuple[str, str]]:
    """The first word of each membership, and the rest of it."""
    return [
        (first, rest) for first, _, rest in (each.partition(" ") for each in coordinates) if rest
    ]
