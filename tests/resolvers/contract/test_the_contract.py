"""The contract of this code, by all rules."""

from graphql import find_breaking_changes

from resolvers.root import Schema
from schema import versions
from schema.contract.changes import EVERYTHING, between
from schema.contract.comparing import ChangeKind, compare
from schema.contract.gate import violations
from schema.contract.page import page
from schema.versions.releases import releases
from tests.support.contracts import HERE, the_contract


def test_the_code_keeps_the_contract() -> None:
    assert [str(each) for each in violations(the_contract())] == []


def test_graphql_core_finds_nothing_broken_either() -> None:
    """But what went on purpose: that was deprecated for long."""
    now = the_contract().elements.keys()
    for released in the_contract().releases:
        gone = bool(released.elements.keys() - now)
        broken = find_breaking_changes(released.schema, the_contract().schema)
        assert [
            each.description for each in broken if not (gone and "REMOVED" in each.type.name)
        ] == []


def test_the_page_of_changes_is_what_the_code_tells(schema: Schema) -> None:
    told = page(schema.history, releases())
    assert (HERE / "docs" / "schema-changes.md").read_text() == told


def test_what_the_code_has_is_what_it_prints(schema: Schema) -> None:
    assert compare(schema.core, the_contract().schema) == ()


def test_every_element_is_told_as_added_in_the_version_that_it_declares(schema: Schema) -> None:
    added: dict[str, str] = {}
    for each in schema.history:
        if each.kind is ChangeKind.ADDED:
            assert each.coordinate not in added
            added[each.coordinate] = each.version
        elif each.kind is ChangeKind.REMOVED:
            del added[each.coordinate]
    assert added == {
        name: each.added for name, each in schema.declarations.items() if " " not in name
    }


def test_every_deprecation_is_told_in_the_version_that_it_declares(schema: Schema) -> None:
    told: dict[str, tuple[str, str | None]] = {}
    for each in schema.history:
        if each.kind is ChangeKind.DEPRECATED:
            told[each.coordinate] = each.version, each.replacement
        elif each.kind is ChangeKind.CHANGED and each.replacement:
            told[each.coordinate] = told[each.coordinate][0], each.replacement
        elif each.kind is ChangeKind.REMOVED or each.description == "It is no longer deprecated.":
            told.pop(each.coordinate, None)
    assert told == {
        name: (each.deprecated, each.use)
        for name, each in schema.declarations.items()
        if each.deprecated
    }


def test_a_history_is_cut_behind_since_and_with_until(schema: Schema) -> None:
    def told(since: str, until: str) -> set[str]:
        return {each.version for each in between(schema.history, since, until)}

    assert told(EVERYTHING, "0.1.0") == {"0.1.0"}
    assert told("0.1.0", "0.2.0") == {"0.2.0"}
    assert told("0.1.5", "0.2.0") == {"0.2.0"}
    assert told("0.2.0", "0.2.0") == set()
    assert "0.2.0" not in told("0.2.0", versions.NEXT)
