"""What clients get of errors that are no user errors."""

from typing import Any

import pytest
from graphql import GraphQLError, parse
from structlog.testing import capture_logs

from domain.errors import (
    CursorExpired,
    CursorUnknown,
    Key,
    ModelyardError,
    StorageUnavailable,
    Unauthenticated,
)
from resolvers import errors
from resolvers.context import Context, Services
from schema.errors import input_path
from tests.support.build import a_caller
from tests.support.graph import Graph

QUERY = "{ modelDeployments { totalCount } viewer { actor } }"


class Broken:
    """Any port; whatever is asked of it raises."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Any:
        async def fail(*said: object) -> None:
            raise self.error

        return fail


async def with_broken_reads(graph: Graph, error: Exception) -> Any:
    services = graph.services
    reads = type("Reads", (), {n: Broken(error) for n in vars(services.reads)})()
    parts = {name: getattr(services, name) for name in services.__slots__}
    context = Context.of(Services(**parts | {"reads": reads}), graph.house.caller)
    result = await graph.schema.execute(
        "{ modelDeployments { totalCount } }", context_value=context
    )
    return errors.formatted(result.errors)


async def test_a_fault_is_masked_and_logged_under_its_reference(graph: Graph) -> None:
    with capture_logs() as logs:
        [error] = await with_broken_reads(graph, RuntimeError("password=hunter2"))
    assert error["extensions"]["code"] == "INTERNAL"
    assert "hunter2" not in str(error)
    assert error["path"] == ["modelDeployments"]
    [line] = logs
    assert line["reference"] == error["extensions"]["reference"]
    assert line["reference"] in error["message"]
    assert isinstance(line["exc_info"], RuntimeError)
    assert line["exc_info"].__traceback__ is not None


async def test_storage_that_is_away_may_be_asked_again(graph: Graph) -> None:
    [error] = await with_broken_reads(graph, StorageUnavailable(where="db", problem="gone"))
    assert error["extensions"] == {"code": "STORAGE_UNAVAILABLE", "retryable": True}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ modelDeployments(first: true) { totalCount } }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($x: ID!) { node(id: $x) { id } }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "mutation { createModelDeployment(input: {name: null}) { userErrors { code } } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
    ],
)
async def test_a_malformed_document_is_named_as_what_it_is(
    graph: Graph, query: str, code: str
) -> None:
    with capture_logs() as logs:
        answer = await graph.ask(query)
    assert answer.codes == [code]
    assert logs == []


@pytest.mark.parametrize(
    ("error", "extensions"),
    [
        (Unauthenticated(), {"code": "UNAUTHENTICATED"}),
        (CursorExpired(oldest="c"), {"code": "CURSOR_EXPIRED", "oldestCursor": "c"}),
        (CursorUnknown(), {"code": "CURSOR_UNKNOWN"}),
    ],
)
def test_an_error_outside_of_fields_has_its_code(
    error: ModelyardError, extensions: dict[str, Any]
) -> None:
    assert errors.coded(error) == {"message": error.message, "extensions": extensions}
    raised = GraphQLError(str(error), original_error=error)
    [shown] = errors.formatted([raised])
    assert shown == {"message": error.message, "extensions": extensions}


async def test_a_project_that_the_caller_does_not_see_is_not_found(graph: Graph) -> None:
    stranger = a_caller("f" * 32, role=None)
    answer = await graph.ask(QUERY, stranger)
    assert set(answer.codes) == {"NOT_FOUND"}
    assert answer.data is None


def test_no_errors_are_none() -> None:
    assert errors.formatted(None) == []


def test_a_path_is_spelled_as_the_api_spells_it_but_for_data() -> None:
    path = ("model_definition", "models", 0, "metadata", "min_resource", Key("my_key"))
    assert input_path(path) == [
        "input",
        "modelDefinition",
        "models",
        "0",
        "metadata",
        "minResource",
        "my_key",
    ]


def test_locations_and_paths_are_kept() -> None:
    document = parse("{ a }")
    error = GraphQLError("No.", nodes=[document.definitions[0]], path=["a", 0])
    [shown] = errors.formatted([error])
    assert shown == {
        "message": "No.",
        "locations": [{"line": 1, "column": 1}],
        "path": ["a", 0],
        "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"},
    }
