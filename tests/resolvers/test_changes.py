"""What the API tells of its own versions, changes and elements."""

from collections.abc import Mapping
from typing import Any

import pytest
from graphql import ConstDirectiveNode, print_ast

from resolvers.context import Context
from resolvers.root import Schema
from resolvers.views import Views
from schema.changes import SchemaElement
from schema.contract.elements import elements
from schema.versions.releases import releases
from tests.support.build import a_caller
from tests.support.contracts import the_contract
from tests.support.graph import Graph

CHANGES = """
query($since: String!, $until: String) {
  schemaChanges(since: $since, until: $until) {
    coordinate kind version criticality description replacement
  }
}
"""
ELEMENT = """
query($coordinate: String!) {
  schemaElement(coordinate: $coordinate) {
    coordinate kind type description added before
    deprecation { since reason replacement removal }
    appliedDirectives { name arguments { name value } }
  }
}
"""


async def as_of(graph: Graph, version: str, query: str, **variables: Any) -> Any:
    """As a request for that version; the document is of the newest, which alone has the queries."""
    context = Context.of(graph.services, graph.house.caller, version)
    result = await graph.schema.execute(query, variable_values=variables, context_value=context)
    assert result.errors is None
    return result.data


async def test_releases_are_listed_with_their_days(graph: Graph) -> None:
    data = await graph.get("{ apiVersions { version releasedAt supportedUntil } }")
    assert [each["version"] for each in data["apiVersions"]] == [
        each.version for each in releases()
    ]
    assert data["apiVersions"][0] == {
        "version": "0.1.0",
        "releasedAt": "2026-11-22",
        "supportedUntil": None,
    }


async def test_changes_are_those_after_since_up_to_until(graph: Graph) -> None:
    data = await graph.get(CHANGES, since="0.1.0", until="0.2.0")
    rows = data["schemaChanges"]
    assert {row["version"] for row in rows} == {"0.2.0"}
    assert {
        "coordinate": "StatusReason.EVICTED",
        "kind": "ADDED",
        "version": "0.2.0",
        "criticality": "DANGEROUS",
        "description": "The enum value is new.",
        "replacement": None,
    } in rows
    coordinates = [row["coordinate"] for row in rows]
    assert "BatchJobEdge.cursor" in coordinates
    assert "Query.batchJobs(first:)" in coordinates
    assert coordinates == sorted(coordinates)


async def test_the_contract_is_no_projects_secret(graph: Graph) -> None:
    nobody = a_caller("p1", None)
    for query in ("{ apiVersions { version } }", CHANGES, ELEMENT):
        answer = await graph.ask(query, nobody, since="0.1.0", coordinate="Query")
        assert answer.errors == []


async def test_all_that_there_is_was_added_and_has_not_gone_since(graph: Graph) -> None:
    data = await graph.get(CHANGES, since="0.0.0", until="NEXT")
    there: set[str] = set()
    for row in data["schemaChanges"]:
        if row["kind"] == "ADDED":
            assert row["coordinate"] not in there
            there.add(row["coordinate"])
        elif row["kind"] == "REMOVED":
            there.remove(row["coordinate"])
    assert there == elements(graph.schema.core).keys()


async def test_a_deprecation_names_what_to_use(graph: Graph) -> None:
    data = await graph.get(CHANGES, since="0.2.0")
    [row] = [
        row
        for row in data["schemaChanges"]
        if row["coordinate"] == "ModelDeployment.replicas(includeExited:)"
    ]
    assert (row["kind"], row["criticality"]) == ("DEPRECATED", "SAFE")
    assert row["replacement"] == "ModelReplicaFilter.isExited"


async def test_changes_end_with_the_version_that_answers_unless_asked_further(graph: Graph) -> None:
    seen = await as_of(graph, "0.2.0", CHANGES, since="0.0.0")
    assert {row["version"] for row in seen["schemaChanges"]} == {"0.1.0", "0.2.0"}
    further = await as_of(graph, "0.1.0", CHANGES, since="0.1.0", until="0.2.0")
    assert {row["version"] for row in further["schemaChanges"]} == {"0.2.0"}


@pytest.mark.parametrize("version", ["", "0.2", "v0.2.0", "01.0.0", "0.2.0\n", "next", "0.2.0 "])
async def test_what_is_no_version_is_refused(graph: Graph, version: str) -> None:
    for since, until, argument in ((version, None, "since"), ("0.0.0", version, "until")):
        answer = await graph.ask(CHANGES, since=since, until=until)
        assert answer.codes == ["INVALID_VALUE"]
        assert answer.errors[0]["extensions"]["argument"] == [argument]


async def test_an_element_shows_what_is_declared_of_it(graph: Graph) -> None:
    data = await graph.get(ELEMENT, coordinate="StatusReason.EVICTED")
    assert data["schemaElement"] == {
        "coordinate": "StatusReason.EVICTED",
        "kind": "ENUM_VALUE",
        "type": None,
        "description": "The cluster took its pod away. Added in 0.2.0.",
        "added": "0.2.0",
        "before": "PLACE_LOST",
        "deprecation": None,
        "appliedDirectives": [
            {"name": "added", "arguments": [{"name": "version", "value": '"0.2.0"'}]}
        ],
    }


async def test_an_element_that_inherits_its_version_has_no_mark_of_it(graph: Graph) -> None:
    data = await graph.get(ELEMENT, coordinate="Query.batchJobs(first:)")
    found = data["schemaElement"]
    assert (found["kind"], found["type"], found["added"]) == ("ARGUMENT", "Int!", "0.2.0")
    assert found["appliedDirectives"] == []


async def test_a_deprecated_element_shows_since_when_and_for_what(graph: Graph) -> None:
    data = await graph.get(ELEMENT, coordinate="ModelDeployment.replicas(includeExited:)")
    found = data["schemaElement"]
    since = found["deprecation"]["since"]
    assert found["deprecation"] == {
        "since": since,
        "reason": f"Since {since}. Use ModelReplicaFilter.isExited.",
        "replacement": "ModelReplicaFilter.isExited",
        "removal": "0.5.0",
    }
    assert [each["name"] for each in found["appliedDirectives"]] == [
        "deprecatedSince",
        "deprecated",
    ]


@pytest.mark.parametrize(
    "coordinate", ["", "Nothing", "Query.nothing", "Query.node(no:)", "@skip", "Int", "__Type", "é"]
)
async def test_what_is_not_there_is_null(graph: Graph, coordinate: str) -> None:
    data = await graph.get(ELEMENT, coordinate=coordinate)
    assert data["schemaElement"] is None


@pytest.mark.parametrize(
    ("coordinate", "kind"),
    [
        ("JSON", "SCALAR"),
        ("Query", "OBJECT"),
        ("Node", "INTERFACE"),
        ("DeploymentStrategy", "UNION"),
        ("StatusReason", "ENUM"),
        ("CreateProjectInput", "INPUT_OBJECT"),
        ("Query.node", "FIELD"),
        ("Query.node(id:)", "ARGUMENT"),
        ("CreateProjectInput.name", "INPUT_FIELD"),
        ("@added", "DIRECTIVE"),
        ("@added(version:)", "DIRECTIVE_ARGUMENT"),
    ],
)
async def test_every_kind_of_element_is_told(graph: Graph, coordinate: str, kind: str) -> None:
    data = await graph.get(ELEMENT, coordinate=coordinate)
    assert data["schemaElement"]["kind"] == kind
    assert data["schemaElement"]["added"] == "0.1.0"


def applied(element: Any) -> Mapping[str, Mapping[str, str]]:
    nodes: tuple[ConstDirectiveNode, ...] = getattr(element.ast_node, "directives", None) or ()
    return {
        each.name.value: {
            given.name.value: print_ast(given.value) for given in each.arguments or ()
        }
        for each in nodes
    }


@pytest.mark.parametrize("version", [None, "0.1.0"])
def test_applied_directives_are_those_of_the_sdl(schema: Schema, version: str | None) -> None:
    """Of every element, also as of a release that knew of no deprecation."""
    whole = the_contract()
    sdl = whole.schema if version is None else whole.releases[0].schema
    seen = Views(schema.core, schema.declarations).at(version).schema
    printed = elements(sdl)
    assert elements(seen).keys() == printed.keys()
    for coordinate, element in elements(seen).items():
        told = SchemaElement.of(coordinate, element, schema.declarations[coordinate], seen)
        assert {
            each.name: {given.name: given.value for given in each.arguments}
            for each in told.applied_directives
        } == applied(printed[coordinate]), coordinate
        assert (told.deprecation is None) is (version == "0.1.0" or not _goes(schema, coordinate))


def _goes(schema: Schema, coordinate: str) -> bool:
    return schema.declarations[coordinate].deprecated is not None


async def test_an_input_of_which_one_field_is_given_says_so_to_introspection(graph: Graph) -> None:
    data = await graph.get('{ __type(name: "DeploymentStrategyInput") { isOneOf } }')
    assert data == {"__type": {"isOneOf": True}}
