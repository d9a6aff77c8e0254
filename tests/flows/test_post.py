import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from domain.errors import StorageUnavailable
from tests.support.server import ToyApp

JSON = {"content-type": "application/json"}


@pytest.fixture
def app() -> ToyApp:
    return ToyApp(seconds=0.2)


@pytest.fixture
async def client(app: ToyApp) -> AsyncIterator[httpx.AsyncClient]:
    async with app.client() as client:
        yield client


async def post(client: httpx.AsyncClient, query: str, **headers: str) -> httpx.Response:
    body = orjson.dumps({"query": query})
    return await client.post("/graphql", content=body, headers={**JSON, **headers})


def code(response: httpx.Response) -> Any:
    return response.json()["errors"][0]["extensions"]["code"]


async def test_an_operation_is_answered_as_json(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/graphql",
        json={"query": "query a($t:String!){echo(text:$t)}", "variables": {"t": "ä"}},
    )
    assert response.status_code == 200
    assert response.json() == {"data": {"echo": "ä"}}
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-api-version"] == "0.1.0"


async def test_each_operation_has_a_context_of_its_own(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    first, second = await post(client, "{request}"), await post(client, "{request}")
    assert first.json()["data"] != second.json()["data"]
    assert first.headers["x-request-id"] == first.json()["data"]["request"]


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded",
     "text/plain; application/json", "application/json; charset=latin-1", "application/graphql"],
)  # fmt: skip
async def test_what_a_page_of_another_site_could_send_is_not_executed(
    app: ToyApp, client: httpx.AsyncClient, content_type: str
) -> None:
    body = orjson.dumps({"query": "mutation{touch}"})
    headers = {"content-type": content_type} if content_type else {}
    response = await client.post("/graphql", content=body, headers=headers)
    assert response.status_code == 415
    assert app.toy.mutations == 0


async def test_a_form_that_a_page_of_another_site_could_send_is_not_executed(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    form = {"operations": '{"query": "mutation{touch}"}', "map": "{}"}
    response = await client.post("/graphql", data=form, files={"0": b"x"})
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "PREFLIGHT_REQUIRED"
    assert app.toy.mutations == 0


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_nothing_is_executed_by_another_method_than_post(
    app: ToyApp, client: httpx.AsyncClient, method: str
) -> None:
    response = await client.request(
        method, "/graphql", params={"query": "mutation{touch}"}, headers=JSON
    )
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert response.headers["cache-control"] == "no-store"
    assert app.toy.mutations == 0


async def test_a_browser_gets_graphiql(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql?query={a}", headers={"accept": "text/html,*/*"})
    assert response.headers["content-type"].startswith("text/html")
    assert "GraphiQL" in response.text


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"null", b"7", b'"x"', b"{}", b'{"query":7}', b'{"query":null}',
     b'{"query":["{name}"]}', b'{"query":"{name}","variables":[]}',
     b'{"query":"{name}","variables":"x"}', b'{"query":"{name}","operationName":7}',
     b'{"query":"{name}","extensions":[]}', b"[7]", b"[]", b"[" * 100_000,
     b'{"documentId":7}', b'{"documentId":"sha256:7"}', b'{"documentId":"md5:7"}',
     b'{"extensions":{"persistedQuery":7}}', b'{"extensions":{"persistedQuery":{"version":1}}}',
     b'{"extensions":{"persistedQuery":{"version":2,"sha256Hash":"' + b"a" * 64 + b'"}}}',
     b'{"documentId":"sha256:' + b"b" * 64 + b'","extensions":{"persistedQuery":'
     b'{"version":1,"sha256Hash":"' + b"a" * 64 + b'"}}}',
     b'{"query":"\\ud800"}', b'{"query":NaN}'],
)  # fmt: skip
async def test_a_malformed_request_is_a_typed_400(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/graphql", content=body, headers=JSON)
    assert response.status_code == 400
    assert code(response) == "BAD_REQUEST"


async def test_a_body_over_the_limit_is_a_413(app: ToyApp, client: httpx.AsyncClient) -> None:
    body = orjson.dumps({"query": "mutation{touch}" + " " * 1024 * 1024})
    response = await client.post("/graphql", content=body, headers=JSON)
    assert (response.status_code, code(response)) == (413, "BODY_TOO_LARGE")
    assert app.toy.mutations == 0


async def test_a_body_that_does_not_say_its_length_is_limited_too(
    client: httpx.AsyncClient,
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 65_536

    response = await client.post("/graphql", content=endless(), headers=JSON)
    assert response.status_code == 413


@pytest.mark.parametrize("query", ["{nope}", "{", "query($t:String!){echo(text:$t)}"])
async def test_what_was_not_executed_is_a_400_for_clients_that_know_the_media_type(
    client: httpx.AsyncClient, query: str
) -> None:
    modern = await post(client, query, accept="application/graphql-response+json")
    assert modern.status_code == 400
    assert modern.headers["content-type"] == "application/graphql-response+json"
    legacy = await post(client, query, accept="application/json")
    assert legacy.status_code == 200
    assert "data" not in legacy.json()


async def test_a_fault_is_not_a_server_error_and_does_not_show_itself(
    client: httpx.AsyncClient,
) -> None:
    response = await post(client, "{fails name}", accept="application/graphql-response+json")
    assert response.status_code == 200
    assert code(response) == "INTERNAL"
    assert "swordfish" not in response.text


async def test_what_takes_too_long_is_given_up(client: httpx.AsyncClient) -> None:
    response = await post(client, "{forever}")
    assert (response.status_code, code(response)) == (504, "REQUEST_TIMEOUT")


async def test_a_body_that_takes_too_long_is_given_up(client: httpx.AsyncClient) -> None:
    async def stuck() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    response = await client.post("/graphql", content=stuck(), headers=JSON)
    assert (response.status_code, code(response)) == (408, "BODY_TIMEOUT")


async def test_a_subscription_over_plain_post_is_told_what_to_send(
    client: httpx.AsyncClient,
) -> None:
    response = await post(client, "subscription{ticks(until:1)}")
    assert (response.status_code, code(response)) == (406, "SUBSCRIPTION_NEEDS_A_STREAM")
    assert "text/event-stream" in response.text


async def test_a_hostile_document_is_refused_with_its_limit(client: httpx.AsyncClient) -> None:
    response = await post(client, "{" + "child{" * 100 + "name" + "}" * 101)
    assert response.json()["errors"][0]["extensions"] == {
        "code": "TOO_DEEP",
        "limit": 20,
        "found": 101,
    }


async def test_an_unknown_api_version_is_refused_with_those_served(
    client: httpx.AsyncClient,
) -> None:
    assert (await post(client, "{name}", **{"x-api-version": "0.1.0"})).status_code == 200
    response = await post(client, "{name}", **{"x-api-version": "9.9.9"})
    assert (response.status_code, code(response)) == (400, "UNKNOWN_API_VERSION")
    assert "0.1.0" in response.text


async def test_health_tells_life_from_readiness(app: ToyApp, client: httpx.AsyncClient) -> None:
    assert (await client.get("/readyz")).status_code == 200
    app.unready.append(StorageUnavailable(where="db.internal:5432", problem="refused"))
    response = await client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "unready", "problem": "STORAGE_UNAVAILABLE"}
    assert (await client.get("/healthz")).status_code == 200


async def test_operations_are_counted_for_each_application_alone(
    client: httpx.AsyncClient,
) -> None:
    await post(client, "{name}")
    await client.post("/graphql", content=b"", headers=JSON)
    text = (await client.get("/metrics")).text
    assert 'modelyard_operation_seconds_count{kind="query",version="0.1.0"} 1.0' in text
    assert 'modelyard_requests_refused_total{code="BAD_REQUEST"} 1.0' in text
    async with ToyApp().client() as other:
        assert 'kind="query"' not in (await other.get("/metrics")).text


async def test_a_fault_outside_graphql_is_masked(app: ToyApp, client: httpx.AsyncClient) -> None:
    app.unready.append(RuntimeError("swordfish"))
    response = await client.get("/readyz")
    assert (response.status_code, code(response)) == (500, "INTERNAL")
    assert "swordfish" not in response.text
