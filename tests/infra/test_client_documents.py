"""What the command line sends fits the schema that is committed, and the server's limits."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    is_object_type,
    parse,
    validate,
)

from infra.client import batch_documents, documents, every_document
from resolvers import limits
from resolvers.estimates import estimates
from resolvers.sizes import Sizes
from schema.events import EventType

ROOT = Path(__file__).parents[2]


def _of_batches() -> Iterator[tuple[str, object]]:
    for name, text in vars(batch_documents).items():
        yield f"BATCH_{name}", text
    for verb in batch_documents.DECISIONS:
        yield f"BATCH_{verb.upper()}", batch_documents.decision(verb)


DOCUMENTS = {
    name: text
    for name, text in [*vars(documents).items(), *_of_batches()]
    if isinstance(text, str) and text.lstrip().startswith(every_document.OPERATIONS)
}


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema((ROOT / "schema.graphql").read_text())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_valid(schema: GraphQLSchema, name: str) -> None:
    assert [error.message for error in validate(schema, parse(DOCUMENTS[name]))] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_keeps_within_the_servers_limits(schema: GraphQLSchema, name: str) -> None:
    document = limits.read(DOCUMENTS[name], limits.Limits())
    assert limits.check(document, schema, limits.Limits()) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_costs_far_less_than_it_may(schema: GraphQLSchema, name: str) -> None:
    (estimate,) = estimates(parse(DOCUMENTS[name]), Sizes(schema)).values()
    assert estimate.cost({"first": 100, "tail": 100}).fields < limits.Limits().cost * 0.6


def test_every_document_can_be_listed_as_trusted() -> None:
    assert set(every_document.texts()) == set(DOCUMENTS.values())


def test_a_document_that_asks_for_what_is_not_there_is_seen(schema: GraphQLSchema) -> None:
    drifted = DOCUMENTS["CURSOR"].replace("eventCursor", "eventPlace")
    assert "eventPlace" in validate(schema, parse(drifted))[0].message


def test_every_type_of_event_has_its_fields() -> None:
    assert set(documents.FIELDS) == {each.value for each in EventType}


def test_every_field_of_an_event_is_asked_for_under_its_own_name(schema: GraphQLSchema) -> None:
    for name, asked in documents.FIELDS.items():
        event = schema.get_type(name)
        assert isinstance(event, GraphQLObjectType)
        common = ("cursor", "at", "actor", "cause")
        plain = {
            field
            for field, said in event.fields.items()
            if not is_object_type(get_named_type(said.type)) and field not in common
        }
        assert plain - set(asked.split()) <= {"revisionId"}, name
