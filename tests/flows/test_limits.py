"""Every limit of a request, just below it and just above it. docs/limits.md has the table."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from infra.http.requests import BODY_LIMIT, NESTING_LIMIT, VALUES_LIMIT
from infra.http.rules import Rules
from infra.http.subscribers import Subscribers
from infra.http.uploads import MAP_LIMIT
from infra.settings import Settings
from tests.support.server import ToyApp

JSON = {"content-type": "application/json"}
PADDING = "name @include(if: true) @skip(if: false) "  # 15 tokens


def fields(count: int) -> str:
    return "{child {" + "name " * (count - 1) + "}}"


def fragments(count: int) -> str:
    spreads = " ".join(f"...f{i}" for i in range(count))
    return f"{{child {{{spreads}}}}}" + "".join(
        f" fragment f{i} on Node {{name}}" for i in range(count)
    )


def nested(levels: int) -> Any:
    return {"a": orjson.loads("[" * levels + "]" * levels)}


def tokens(count: int) -> str:
    return "{child {" + PADDING * 332 + "name " * (count - 4_985) + "}}"


def introspection(lists: int) -> str:
    around = lists - 1
    inner = "fields {type {" * around + "fields {name}" + "}}" * around
    return "{__schema {types {" + inner + "}}}"


DOCUMENTS: dict[str, tuple[int, Callable[[int], str]]] = {
    "TOO_MANY_TOKENS": (5_000, tokens),
    "TOO_DEEP": (20, lambda n: "{child " * (n - 1) + "{name}" + "}" * (n - 1)),
    "TOO_MANY_ALIASES": (
        100,
        lambda n: f"{{child {{{' '.join(f'a{i}: name' for i in range(n))}}}}}",
    ),
    "TOO_MANY_ROOT_FIELDS": (50, lambda n: "{" + "name " * n + "}"),
    "TOO_MANY_FIELDS": (500, fields),
    "TOO_MANY_FRAGMENTS": (50, fragments),
    "TOO_MANY_OPERATIONS": (20, lambda n: " ".join(f"query o{i} {{name}}" for i in range(n))),
    "INTROSPECTION_TOO_DEEP": (2, introspection),
    "QUERY_TOO_COSTLY": (1_000, lambda n: f"{{children(first: {n - 1}) {{name}}}}"),
}
REQUESTS: dict[str, tuple[int, Callable[[int], Any]]] = {
    "TOO_MANY_VALUES": (
        VALUES_LIMIT,
        lambda n: {"query": "{name}", "variables": {"a": [0] * (n - 1)}},
    ),
    "VARIABLES_TOO_DEEP": (
        NESTING_LIMIT,
        lambda n: {"query": "{name}", "variables": nested(n)},
    ),
    "TOO_MANY_OPERATIONS_IN_REQUEST": (1, lambda n: [{"query": "{name}"}] * n),
}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with ToyApp(cost=1_000).client() as client:
        yield client


async def post(client: httpx.AsyncClient, said: Any, **headers: str) -> httpx.Response:
    return await client.post("/graphql", json=said, headers=headers)


def extensions(response: httpx.Response) -> Any:
    return response.json()["errors"][0]["extensions"]


@pytest.mark.parametrize("code", DOCUMENTS)
async def test_a_document_at_its_limit_is_served_and_beyond_it_refused(
    client: httpx.AsyncClient, code: str
) -> None:
    limit, document = DOCUMENTS[code]
    name = "o0" if code == "TOO_MANY_OPERATIONS" else None
    served = await post(client, {"query": document(limit), "operationName": name})
    assert "errors" not in served.json()
    refused = await post(client, {"query": document(limit + 1), "operationName": name})
    found = "cost" if code == "QUERY_TOO_COSTLY" else "found"
    assert extensions(refused) == {"code": code, "limit": limit, found: limit + 1}
    assert "data" not in refused.json()


@pytest.mark.parametrize("code", REQUESTS)
async def test_a_request_at_its_limit_is_served_and_beyond_it_refused(
    client: httpx.AsyncClient, code: str
) -> None:
    limit, said = REQUESTS[code]
    served = await post(client, said(limit))
    assert "name" in served.text
    assert "errors" not in served.text
    refused = await post(client, said(limit + 1))
    assert (refused.status_code, extensions(refused)) == (
        400, {"code": code, "limit": limit, "found": limit + 1},
    )  # fmt: skip


async def test_a_body_at_its_limit_is_served_and_beyond_it_refused(
    client: httpx.AsyncClient,
) -> None:
    body = orjson.dumps({"query": "{name}"}).ljust(BODY_LIMIT)
    served = await client.post("/graphql", content=body, headers=JSON)
    assert served.json() == {"data": {"name": "n"}}
    refused = await client.post("/graphql", content=body + b" ", headers=JSON)
    assert extensions(refused) == {
        "code": "BODY_TOO_LARGE", "limit": BODY_LIMIT, "found": BODY_LIMIT + 1,
    }  # fmt: skip


async def test_the_map_of_a_form_at_its_limit_is_served_and_beyond_it_refused(
    client: httpx.AsyncClient,
) -> None:
    async def sent(size: int) -> httpx.Response:
        form = {
            "operations": '{"query": "{name}", "variables": {"file": null}}',
            "map": '{"0": ["variables.file"]}'.ljust(size),
        }
        headers = {"graphql-require-preflight": "true"}
        return await client.post("/graphql", data=form, files={"0": b"x"}, headers=headers)

    assert (await sent(MAP_LIMIT)).json() == {"data": {"name": "n"}}
    assert extensions(await sent(MAP_LIMIT + 1)) == {
        "code": "INVALID_FORM", "limit": MAP_LIMIT, "found": MAP_LIMIT + 1,
    }  # fmt: skip


async def test_time_that_runs_out_is_told_with_its_limit() -> None:
    async with ToyApp(seconds=0.2).client() as client:
        refused = await post(client, {"query": "{forever}"})
        assert extensions(refused) == {"code": "REQUEST_TIMEOUT", "limit": 0.2}


async def test_what_an_operation_costs_is_told_in_headers(client: httpx.AsyncClient) -> None:
    async def cost(query: str, **headers: str) -> tuple[str | None, str | None]:
        told = (await post(client, {"query": query}, **headers)).headers
        return told.get("x-query-cost"), told.get("x-query-cost-limit")

    assert await cost("{name child {name}}") == ("3", "1000")
    assert await cost("{children(first: 1000) {name}}") == ("1001", "1000")
    assert await cost("{nope}") == (None, "1000")
    assert await cost("mutation {touch}") == ("1", "1000")
    assert await cost("subscription {ticks(until: 1)}", accept="text/event-stream") == ("1", "1000")


async def test_variables_decide_what_an_operation_costs(client: httpx.AsyncClient) -> None:
    query = "query($n: Int!) {children(first: $n) {name}}"
    served = await post(client, {"query": query, "variables": {"n": 999}})
    assert served.headers["x-query-cost"] == "1000"
    assert len(served.json()["data"]["children"]) == 999
    refused = await post(client, {"query": query, "variables": {"n": 2**31 - 1}})
    assert extensions(refused)["code"] == "QUERY_TOO_COSTLY"
    assert extensions(refused)["cost"] == 2**31 - 1


async def test_what_costs_too_much_is_not_begun(client: httpx.AsyncClient) -> None:
    app = ToyApp(cost=1)
    async with app.client() as own:
        refused = await post(own, {"query": "mutation {touch a: touch}"})
        assert extensions(refused)["code"] == "QUERY_TOO_COSTLY"
        refused = await post(own, {"query": "{name a: name}"}, accept="text/event-stream")
        assert "QUERY_TOO_COSTLY" in refused.text
    assert app.toy.mutations == 0


@pytest.fixture
async def several() -> AsyncIterator[httpx.AsyncClient]:
    async with ToyApp(cost=10, seconds=0.3, rules=Rules(of_request=3)).client() as client:
        yield client


async def test_several_operations_are_answered_in_their_order(several: httpx.AsyncClient) -> None:
    asked = [{"query": "mutation {touch}"}, {"query": "{nope}"}, {"query": "mutation {touch}"}]
    answered = await post(several, asked)
    first, wrong, last = answered.json()
    assert (first, last) == ({"data": {"touch": 1}}, {"data": {"touch": 2}})
    assert wrong["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert answered.headers["x-query-cost"] == "2"
    refused = await post(several, [*asked, {"query": "{name}"}])
    assert extensions(refused) == {
        "code": "TOO_MANY_OPERATIONS_IN_REQUEST", "limit": 3, "found": 4,
    }  # fmt: skip


async def test_several_operations_have_contexts_of_their_own(several: httpx.AsyncClient) -> None:
    answered = (await post(several, [{"query": "{request}"}] * 3)).json()
    assert len({each["data"]["request"] for each in answered}) == 3


async def test_several_operations_together_cost_no_more_than_one_may(
    several: httpx.AsyncClient,
) -> None:
    five = {"query": "{children(first: 4) {name}}"}
    assert len((await post(several, [five, five])).json()) == 2
    refused = await post(several, [five, five, {"query": "{name}"}])
    assert extensions(refused) == {"code": "QUERY_TOO_COSTLY", "cost": 11, "limit": 10}
    told = refused.headers
    assert (told["x-query-cost"], told["x-query-cost-limit"]) == ("11", "10")


async def test_several_operations_together_take_no_longer_than_one_may(
    several: httpx.AsyncClient,
) -> None:
    asked = [{"query": "{name}"}, {"query": "{forever}"}, {"query": "{name}"}]
    first, *late = (await post(several, asked)).json()
    assert first == {"data": {"name": "n"}}
    assert [each["errors"][0]["extensions"]["code"] for each in late] == ["REQUEST_TIMEOUT"] * 2


async def test_a_fault_of_one_operation_does_not_take_the_answers_of_the_others() -> None:
    asked = [{"query": "mutation {touch}"}, {"query": "{eventCursor: name}"}, {"query": "{name}"}]
    async with ToyApp(rules=Rules(of_request=3)).client() as client:
        done, failed, last = (await post(client, asked)).json()
    assert (done, last) == ({"data": {"touch": 1}}, {"data": {"name": "n"}})
    assert failed["errors"][0]["extensions"]["code"] == "INTERNAL"


async def test_a_subscription_among_several_operations_is_told_what_it_needs(
    several: httpx.AsyncClient,
) -> None:
    asked = [{"query": "subscription {ticks(until: 1)}"}, {"query": "{name}"}]
    refused, served = (await post(several, asked)).json()
    assert refused["errors"][0]["extensions"]["code"] == "SUBSCRIPTION_NEEDS_A_STREAM"
    assert served == {"data": {"name": "n"}}


async def test_a_key_has_so_many_subscriptions_and_others_are_not_its_concern() -> None:
    subscribers = Subscribers(2)
    app = ToyApp(rules=Rules(subscribers=subscribers))
    async with app.client() as client:
        ended = {"query": "subscription {ticks(until: 2)}"}
        with subscribers.place(None):
            served = await post(client, ended, accept="text/event-stream")
            assert served.status_code == 200
            with subscribers.place(None), subscribers.place("other"):
                refused = await post(client, ended, accept="text/event-stream")
                assert (refused.status_code, extensions(refused)) == (
                    429, {"code": "TOO_MANY_SUBSCRIPTIONS_OF_KEY", "limit": 2, "found": 3},
                )  # fmt: skip
                assert (await post(client, {"query": "{name}"})).status_code == 200
        served = await post(client, ended, accept="text/event-stream")
        assert "event: complete" in served.text


async def test_streams_that_begin_at_once_take_no_more_places_than_there_are() -> None:
    app = ToyApp(rules=Rules(subscribers=Subscribers(2)))
    async with app.client() as client:
        asked = {"query": "subscription {ticks(until: 50)}"}
        streams = [post(client, asked, accept="text/event-stream") for _ in range(6)]
        answers = await asyncio.gather(*streams)
    refused = [each for each in answers if "TOO_MANY_SUBSCRIPTIONS_OF_KEY" in each.text]
    assert 0 < len(refused) <= 4
    assert all('"0"' not in each.text for each in refused)


async def test_who_may_not_introspect_is_told_so_on_every_transport() -> None:
    app = ToyApp(rules=Rules(may_introspect=lambda _: False))
    async with app.client() as client:
        for query in ("{__schema {queryType {name}}}", '{name a: __type(name: "Node") {name}}'):
            for accept in ("application/json", "text/event-stream"):
                refused = await post(client, {"query": query}, accept=accept)
                assert (refused.status_code, extensions(refused)) == (
                    403, {"code": "INTROSPECTION_FORBIDDEN"},
                )  # fmt: skip
        served = await post(client, {"query": "{__typename child {__typename}}"})
        assert served.json()["data"] == {"__typename": "Query", "child": {"__typename": "Node"}}


def test_the_table_of_limits_has_every_one_of_them() -> None:
    table = (Path(__file__).parents[2] / "docs" / "limits.md").read_text()
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    for code, limit in [(code, limit) for code, (limit, _) in (DOCUMENTS | REQUESTS).items()]:
        (row,) = [row for row in rows if f"`{code}`" in row]
        assert code == "QUERY_TOO_COSTLY" or f" {limit:,} |" in row, row
    for name in re.findall(r"`(MODELYARD_\w+)`", "".join(rows)):
        default = Settings.model_fields[name.removeprefix("MODELYARD_").lower()].default
        (row, *_) = [row for row in rows if name in row]
        assert not isinstance(default, int) or f"{default:,}" in row or "MiB" in row, row
