from datetime import UTC, datetime, timedelta, timezone

import pytest
from graphql import GraphQLError

from schema import scalars
from tests.support.graph import Graph


def test_a_moment_is_read_with_its_offset_and_shown_in_utc() -> None:
    moment = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert scalars.parse_datetime("2026-01-31T13:00:00+01:00") == moment
    assert scalars.parse_datetime("2026-01-31T12:00:00Z") == moment
    assert scalars.show_datetime(moment) == "2026-01-31T12:00:00Z"
    east = moment.astimezone(timezone(timedelta(hours=5)))
    assert scalars.show_datetime(east) == "2026-01-31T12:00:00Z"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT30S", 30),
        ("PT1M30S", 90),
        ("PT1H", 3600),
        ("P1DT1S", 86_401),
        ("PT0.5S", 0.5),
        (7, 7),
        (0.25, 0.25),
    ],
)
def test_a_duration_is_read_as_seconds(text: object, seconds: float) -> None:
    assert scalars.parse_duration(text) == seconds


@pytest.mark.parametrize("seconds", [0, 0.25, 59, 60, 90, 3_600, 86_461.5])
def test_a_shown_duration_is_read_as_it_was(seconds: float) -> None:
    assert scalars.parse_duration(scalars.show_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("parse", "value"),
    [
        (scalars.parse_datetime, "2026-01-31T12:00:00"),
        (scalars.parse_datetime, "yesterday"),
        (scalars.parse_datetime, 5),
        (scalars.parse_datetime, "0001-01-01T00:00:00+23:59"),
        (scalars.parse_duration, "30"),
        (scalars.parse_duration, "P"),
        (scalars.parse_duration, "PT"),
        (scalars.parse_duration, True),
        (scalars.parse_duration, float("inf")),
        (scalars.parse_duration, "PT" + "9" * 5_000 + "S"),
        (scalars.parse_pointer, "models"),
        (scalars.parse_pointer, "/a~2"),
        (scalars.parse_pointer, 1),
        (scalars.parse_command, 1),
        (scalars.parse_command, ["a", 1]),
        (scalars.parse_command, None),
        (scalars.parse_int_or_string, 1.5),
        (scalars.parse_int_or_string, True),
    ],
)
def test_what_a_scalar_cant_be_is_a_clean_error(parse: object, value: object) -> None:
    assert callable(parse)
    with pytest.raises(GraphQLError) as raised:
        parse(value)
    assert len(raised.value.message) < 250


@pytest.mark.parametrize("value", ["", "/", "/models/0/service/port", "/a~1b/~0"])
def test_a_pointer_is_as_the_rfc_says(value: str) -> None:
    assert scalars.parse_pointer(value) == value


@pytest.mark.parametrize("literal", ["1", "[1]", "{a: 1}", "true"])
async def test_a_bad_literal_is_a_validation_error(graph: Graph, literal: str) -> None:
    query = f"""query {{ previewModelRevision(input: {{deploymentId: "x",
      startupCommand: {literal}}}) {{ digest }} }}"""
    answer = await graph.ask(query)
    assert answer.codes == ["GRAPHQL_VALIDATION_FAILED"]
    assert "Command is a string or a list of strings" in answer.errors[0]["message"]


async def test_a_bad_variable_is_a_validation_error(graph: Graph) -> None:
    query = """query($at: DateTime) { modelDeployments(filter: {createdAt: {gt: $at}}) { totalCount } }"""
    answer = await graph.ask(query, at="soon")
    assert answer.codes == ["GRAPHQL_VALIDATION_FAILED"]
    assert "DateTime is text such as" in answer.errors[0]["message"]
