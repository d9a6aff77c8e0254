"""The real schema, as the pages are told of it."""

from datetime import UTC, datetime

import pytest

from infra.http.pages.reference import Kind, Reference
from infra.references import SchemaReferences
from resolvers.root import build_schema, print_schema
from resolvers.views import Views
from schema import versions
from schema.versions.releases import Release, releases

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def references() -> SchemaReferences:
    return opened(releases())


def opened(table: tuple[Release, ...], now: datetime = NOW) -> SchemaReferences:
    schema = build_schema()
    views = Views(schema.core, schema.declarations)
    return SchemaReferences(schema, views, schema.newest, table, lambda: now)


def coordinates(reference: Reference) -> set[str]:
    found = set()
    for each in (*reference.types.values(), *reference.directives.values()):
        top = f"@{each.name}" if each.kind is Kind.DIRECTIVE else each.name
        found |= {top, *(f"{top}({taken.name}:)" for taken in each.arguments)}
        for member in each.members:
            within = f"{top}.{member.name}"
            found |= {within, *(f"{within}({taken.name}:)" for taken in member.arguments)}
    return found


def test_every_version_shows_what_it_has_and_nothing_newer(references: SchemaReferences) -> None:
    declarations = build_schema().declarations
    for served in references.served():
        has = {
            coordinate
            for coordinate, said in declarations.items()
            if versions.order(said.added) <= versions.order(served.version)
            and " " not in coordinate  # a membership
        }
        assert coordinates(references.reference(served.version)) == has


@pytest.mark.parametrize("version", ["0.1.0", "0.3.0"])
def test_types_are_told_by_their_kind(references: SchemaReferences, version: str) -> None:
    types = references.reference(version).types
    kinds = {
        "ModelDeployment": Kind.OBJECT,
        "Event": Kind.INTERFACE,
        "DeploymentStrategy": Kind.UNION,
        "AddModelRevisionInput": Kind.INPUT,
        "StatusReason": Kind.ENUM,
        "JSON": Kind.SCALAR,
    }
    assert {name: types[name].kind for name in kinds} == kinds


def test_what_is_deprecated_later_is_not_deprecated_yet(references: SchemaReferences) -> None:
    declarations = build_schema().declarations
    gone = next(name for name, said in declarations.items() if said.deprecated)
    first = references.reference("0.1.0")
    newest = references.reference(references.served()[0].version)
    type_, _, name = gone.partition("(")[0].partition(".")

    def deprecated(reference: Reference) -> list[str]:
        members = [each for each in reference.types[type_].members if each.name == name]
        lifetimes = [each.lifetime for each in members]
        lifetimes += [taken.lifetime for each in members for taken in each.arguments]
        return [each.deprecated for each in lifetimes if each.deprecated]

    assert deprecated(first) == []
    assert deprecated(newest) == [declarations[gone].deprecated]


def test_descriptions_leave_the_version_to_what_stands_beside_them(
    references: SchemaReferences,
) -> None:
    shown = references.reference("0.1.0").types["ModelDeployment"]
    assert shown.lifetime.added == "0.1.0"
    assert shown.description
    for said in (shown.description, *(each.description for each in shown.members)):
        assert "Added in" not in said


def test_a_type_tells_where_it_is_used_and_what_it_implements(
    references: SchemaReferences,
) -> None:
    shown = references.reference("0.1.0").types
    assert "Query.modelDeployment" in shown["ModelDeployment"].used
    assert "Mutation.addModelRevision(input:)" in shown["AddModelRevisionInput"].used
    assert "Node" in shown["ModelDeployment"].interfaces
    assert "ModelDeployment" in shown["Node"].types


def test_defaults_are_written_as_in_the_sdl(references: SchemaReferences) -> None:
    fields = {each.name: each for each in references.reference("0.1.0").types["Query"].members}
    taken = {each.name: each for each in fields["modelDeployments"].arguments}
    assert (taken["first"].type, taken["first"].default) == ("Int!", "20")
    assert taken["after"].default is None


def test_the_sdl_is_the_one_that_the_command_prints(references: SchemaReferences) -> None:
    assert references.sdl("0.1.0") == print_schema("0.1.0")


def test_a_release_is_listed_until_its_support_ends() -> None:
    first, second = releases()[:2]
    ending = Release(
        version=first.version, released_at=first.released_at, supported_until=NOW.date()
    )
    table = (ending, second)
    today = [each.version for each in opened(table).served()]
    later = [each.version for each in opened(table, NOW.replace(day=23)).served()]
    assert first.version in today
    assert today == [*later, first.version]


def test_changes_are_those_of_one_version(references: SchemaReferences) -> None:
    second = references.changes("0.2.0")
    assert {each.version for each in second} == {"0.2.0"}
    assert "BatchJob" in {each.coordinate for each in second}
    assert "ModelDeployment" not in {each.coordinate for each in second}
