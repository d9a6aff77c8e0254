"""Reads over the real store: as many statements as the query has levels, and the same answers."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from domain.access.access import Caller, Principal
from domain.clock import utc_now
from domain.definitions.request import RevisionRequest
from domain.definitions.variants import Variant
from domain.deployments.service import NewDeployment
from infra import wiring
from infra.settings import Settings
from infra.wiring import Parts
from resolvers import errors
from resolvers.context import Context
from resolvers.limits import Limits
from resolvers.operations import Operations
from resolvers.root import Schema, build_schema
from resolvers.views import Views
from schema.relay import global_id
from tests.support.playing import promoted

REVISION = (
    "id number digest note image runtimeVariant createdAt template { name } modelFolder { uri }"
)
PAGE = f"""{{ modelDeployments(first: 50) {{ edges {{ cursor node {{
  id name status etag tags strategy {{ __typename }} project {{ name }}
  activeRevision {{ {REVISION} deployment {{ name }} }}
  revisions(first: 2) {{ edges {{ cursor node {{ {REVISION} }} }} pageInfo {{ hasNextPage endCursor }} }}
}} }} pageInfo {{ endCursor }} }} }}"""
WIDE = """{ modelDeployments { nodes { activeRevision {
  definition { models { name modelPath service { port startCommand healthCheck { path interval } } } }
  definitionDocument provenance { pointer value layer shadowed { layer value } }
  layers { layer source sha256 }
  environment { name value } resources } } } }"""
DOCUMENTS = """{ modelDeployments { nodes {
  activeRevision { number provenance { pointer } }
  revisions(first: 2) { nodes { number definitionDocument warnings { code }
    explain(pointer: "/models/0/name") { value layer } } } } } }"""
ALIASED = """{ modelDeployments(first: 4) { totalCount nodes {
  first: revisions(first: 1) { nodes { number } totalCount }
  last: revisions(first: 1, orderBy: {field: NUMBER, direction: DESC}) { nodes { ...R } }
  some: revisions(filter: {number: {gte: 2}}) { nodes { ...R deployment { ...D } } totalCount }
  ...D } } }
fragment R on ModelRevision { number digest }
fragment D on ModelDeployment { name activeRevision { ...R } }"""
NODES = """query($a: ID!, $b: ID!, $shown: Boolean!) {
  a: node(id: $a) { __typename id ... on ModelDeployment { name revisions(first: 1) { nodes { number } } } }
  b: node(id: $b) { ... on ModelRevision { number deployment @include(if: $shown) { name } } }
  nodes(ids: [$a, $b, "nothing"]) { __typename id } }"""
EVENTS = """{ events(first: 50) { edges { cursor node {
  __typename at actor ... on RevisionAdded { revisionNumber revision { number } } } } } }"""


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    settings = Settings(data_dir=tmp_path / "data", model_roots=(tmp_path,))
    async with wiring.running(settings) as parts:
        yield parts


@pytest.fixture(scope="module")
def schema() -> Schema:
    return build_schema()


async def a_caller(parts: Parts) -> Caller:
    principal = Principal(actor="tests", server_admin=True)
    project = await parts.services.access.project(principal, None)
    return Caller(principal=principal, project_id=project.id, request_id="r")


async def a_fleet(parts: Parts, size: int, prefix: str = "chat") -> tuple[str, str]:
    """So many deployments of three revisions; the global ids of a deployment and a revision."""
    deployments, caller = parts.services.deployments, await a_caller(parts)
    for number in range(size):
        made = await deployments.create(
            caller, NewDeployment(name=f"{prefix}-{number}", tags=("a",))
        )
        for last in (False, False, True):
            added = await deployments.add_revision(
                caller,
                RevisionRequest(
                    deployment_id=made.id, runtime_variant=Variant.ECHO, activate=last, note="n"
                ),
            )
        await promoted(parts.store.start_work, parts.store.reads, made.id, utc_now())
    return global_id("ModelDeployment", made.id), global_id("ModelRevision", added.id)


@contextmanager
def statements(parts: Parts) -> Iterator[list[str]]:
    """What is read meanwhile."""
    found: list[str] = []
    nearby = parts.store.events.engines.nearby
    assert nearby is not None

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        found.append(statement)

    event.listen(nearby.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(nearby.engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    ("query", "expected"), [(PAGE, 5), (WIDE, 3), (ALIASED, 9)], ids=["page", "wide", "aliased"]
)
async def test_a_page_costs_as_many_statements_however_long_it_is(
    parts: Parts, schema: Schema, query: str, expected: int
) -> None:
    operations, caller = Operations(Views(schema.core), Limits()), await a_caller(parts)
    counts = []
    for more in (2, 18):
        await a_fleet(parts, more, f"of-{more}")
        for _ in range(2):
            operation = operations.find(query, None)
            with statements(parts) as found:
                payload = await operation.execute(None, Context.of(parts.services, caller))
            assert "errors" not in payload
            counts.append(len(found))
    assert counts == [expected] * 4


@pytest.mark.parametrize(("query", "read"), [(PAGE, 0), (DOCUMENTS, 1)], ids=["page", "documents"])
async def test_documents_are_read_only_where_they_are_asked_for_and_all_at_once(
    parts: Parts, schema: Schema, query: str, read: int
) -> None:
    operations, caller = Operations(Views(schema.core), Limits()), await a_caller(parts)
    await a_fleet(parts, 3)
    for _ in range(3):  # compiled by then: graphql-core alone goes on with what came first
        with statements(parts) as found:
            payload = await operations.find(query, None).execute(
                None, Context.of(parts.services, caller)
            )
        assert "errors" not in payload
    assert sum("revisions.provenance" in statement for statement in found) == read


@pytest.mark.parametrize("query", [PAGE, WIDE, DOCUMENTS, ALIASED, NODES, EVENTS])
async def test_plans_answer_as_graphql_core_does(parts: Parts, schema: Schema, query: str) -> None:
    a, b = await a_fleet(parts, 3)
    caller = await a_caller(parts)
    said = {"a": a, "b": b, "shown": True} if query is NODES else {}
    plain = await schema.execute(query, said, Context.of(parts.services, caller))
    assert errors.formatted(plain.errors) == []
    operations = Operations(Views(schema.core), Limits())
    for _ in range(3):
        operation = operations.find(query, None)
        assert operation.errors == ()
        payload = await operation.execute(said, Context.of(parts.services, caller))
        assert repr(payload) == repr({"data": plain.data})
