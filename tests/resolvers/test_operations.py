from contextlib import aclosing
from types import SimpleNamespace
from typing import Any

import pytest

from resolvers.execution.plans import CHARACTERS_KEPT, LONGEST
from resolvers.operations import KEPT
from tests.support.toy import Toy


@pytest.fixture
def toy() -> Toy:
    return Toy()


async def answer(toy: Toy, query: str, variables: dict[str, Any] | None = None) -> Any:
    operation = toy.operations().find(query, None)
    assert not operation.errors
    return await operation.execute(variables, SimpleNamespace(toy=toy))


async def test_a_query_is_answered(toy: Toy) -> None:
    query = "query($t:String!){echo(text:$t)}"
    assert await answer(toy, query, {"t": "ä"}) == {"data": {"echo": "ä"}}


async def test_the_operation_is_chosen_by_its_name(toy: Toy) -> None:
    found = toy.operations().find("query a{x:name} mutation b{touch}", "b")
    assert found.kind == "mutation"
    assert await found.execute(None, SimpleNamespace(toy=toy)) == {"data": {"touch": 1}}


@pytest.mark.parametrize("name", [None, "c", ""])
async def test_an_operation_that_is_not_clear_is_refused(toy: Toy, name: str | None) -> None:
    (error,) = toy.operations().find("query a{name} query b{name}", name).errors
    assert error["extensions"]["code"] == "OPERATION_NOT_FOUND"


async def test_wrong_variables_are_an_error_without_data(toy: Toy) -> None:
    payload = await answer(toy, "query($t:String!){echo(text:$t)}", {"t": 7})
    assert "data" not in payload
    assert payload["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_a_fault_is_masked_and_nulls_its_field_alone(toy: Toy) -> None:
    payload = await answer(toy, "{name fails}")
    assert payload["data"] == {"name": "n", "fails": None}
    assert payload["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "swordfish" not in str(payload)


async def test_a_subscription_streams_its_events(toy: Toy) -> None:
    found = toy.operations().find("subscription{ticks(until:2)}", None)
    context = SimpleNamespace(toy=toy)
    payloads = [payload async for payload in found.stream(None, context)]
    assert payloads == [{"data": {"ticks": "0"}}, {"data": {"ticks": "1"}}]


async def test_leaving_a_subscription_ends_its_source(toy: Toy) -> None:
    found = toy.operations().find("subscription{ticks(until:9)}", None)
    async with aclosing(found.stream(None, SimpleNamespace(toy=toy))) as payloads:
        async for _ in payloads:
            break
    assert toy.ended.is_set()
    assert toy.sent == 1


async def test_a_source_that_fails_ends_with_its_error(toy: Toy) -> None:
    found = toy.operations().find("subscription{refused}", None)
    payloads = [payload async for payload in found.stream(None, SimpleNamespace(toy=toy))]
    assert payloads[0] == {"data": {"refused": "one"}}
    assert payloads[1]["errors"][0]["extensions"]["code"] == "CURSOR_UNKNOWN"
    assert len(payloads) == 2


def test_a_document_is_read_once_and_the_oldest_forgotten(toy: Toy) -> None:
    operations = toy.operations()
    first = operations.find("{a:name}", None).document
    assert operations.find("{a:name}", None).document is first
    for number in range(KEPT):
        operations.find(f"{{a{number}:name}}", None)
    assert operations.find("{a:name}", None).document is not first


def test_long_documents_are_few_of_those_that_are_kept(toy: Toy) -> None:
    operations = toy.operations()
    first = operations.find("{a:name}", None).document
    long = LONGEST - 100
    for number in range(CHARACTERS_KEPT // long):
        operations.find(f"{{a{number:05}:name}}" + "#" * long, None)
    assert operations.find("{a:name}", None).document is first
    for number in range(CHARACTERS_KEPT // long + 1):
        operations.find(f"{{b{number:05}:name}}" + "#" * long, None)
    assert operations.find("{a:name}", None).document is not first


def test_a_long_document_is_not_kept(toy: Toy) -> None:
    operations = toy.operations()
    query = "{name}" + "#" * 20_000
    assert operations.find(query, None).document is not operations.find(query, None).document
