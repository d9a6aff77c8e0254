import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.support.server import ToyApp, serving

EVENTS = {"accept": "text/event-stream"}
PARTS = {"accept": 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0,application/json'}
WAIT = 20.0


@pytest.fixture
async def app() -> AsyncIterator[ToyApp]:
    async with serving(ToyApp()) as app:
        yield app


@asynccontextmanager
async def a_stream(
    app: ToyApp, query: str, headers: dict[str, str]
) -> AsyncIterator[httpx.Response]:
    async with (
        httpx.AsyncClient(base_url=app.url, timeout=WAIT) as client,
        client.stream("POST", "/graphql", json={"query": query}, headers=headers) as response,
    ):
        yield response


async def events(app: ToyApp, query: str) -> list[tuple[str, Any]]:
    async with a_stream(app, query, EVENTS) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        text = (await response.aread()).decode()
    blocks = [block.split("\r\n") for block in text.split("\r\n\r\n") if "event:" in block]
    return [(name[7:], json.loads(data[6:] or "null")) for name, data in blocks]


async def parts(app: ToyApp, query: str) -> list[Any]:
    async with a_stream(app, query, PARTS) as response:
        assert response.headers["content-type"].startswith("multipart/mixed;boundary=graphql")
        text = (await response.aread()).decode()
    assert text.startswith("--graphql\r\n")
    assert text.endswith("--graphql--\r\n")
    pieces = text.removesuffix("--graphql--\r\n").split("--graphql")[1:]
    return [json.loads(piece.split("\r\n\r\n", 1)[1]) for piece in pieces if piece.strip()]


async def happens(event: asyncio.Event) -> None:
    async with asyncio.timeout(WAIT):
        await event.wait()


async def test_events_are_next_and_then_complete(app: ToyApp) -> None:
    assert await events(app, "subscription{ticks(until:2)}") == [
        ("next", {"data": {"ticks": "0"}}),
        ("next", {"data": {"ticks": "1"}}),
        ("complete", None),
    ]


async def test_a_query_may_be_asked_for_as_events(app: ToyApp) -> None:
    found = await events(app, "{name}")
    assert found == [("next", {"data": {"name": "n"}}), ("complete", None)]


async def test_a_document_that_can_not_run_is_an_event_with_errors(app: ToyApp) -> None:
    (kind, payload), end = await events(app, "{nope}")
    assert (kind, end) == ("next", ("complete", None))
    assert payload["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_parts_are_payloads(app: ToyApp) -> None:
    assert await parts(app, "subscription{ticks(until:2)}") == [
        {"payload": {"data": {"ticks": "0"}}},
        {"payload": {"data": {"ticks": "1"}}},
    ]


async def test_an_error_of_a_stream_is_its_last_payload(app: ToyApp) -> None:
    first, failed = await parts(app, "subscription{refused}")
    assert first == {"payload": {"data": {"refused": "one"}}}
    assert failed["payload"]["errors"][0]["extensions"]["code"] == "CURSOR_UNKNOWN"


async def test_a_query_is_plain_json_where_the_client_takes_that_too(app: ToyApp) -> None:
    async with a_stream(app, "{name}", PARTS) as response:
        assert json.loads(await response.aread()) == {"data": {"name": "n"}}


async def test_a_stream_needs_a_key_like_all_else(app: ToyApp) -> None:
    await app.key()
    async with a_stream(app, "subscription{ticks(until:1)}", EVENTS) as response:
        assert response.status_code == 401


@pytest.mark.parametrize(("headers", "beat"), [(EVENTS, ": ping"), (PARTS, "{}")])
async def test_a_stream_that_has_nothing_to_say_shows_that_it_lives(
    headers: dict[str, str], beat: str
) -> None:
    async with (
        serving(ToyApp(heartbeat=0.01)) as app,
        a_stream(app, "subscription{silence}", headers) as response,
    ):
        seen = ""
        async for text in response.aiter_text():
            seen += text
            if seen.count(beat) > 2:
                break
    assert seen.count(beat) > 2


@pytest.mark.parametrize("headers", [EVENTS, PARTS])
async def test_a_client_that_hangs_up_ends_its_subscription(
    app: ToyApp, headers: dict[str, str]
) -> None:
    async with a_stream(app, "subscription{silence}", headers):
        await happens(app.toy.started)
    await happens(app.toy.ended)


@pytest.mark.parametrize("headers", [EVENTS, PARTS])
async def test_a_client_that_does_not_read_is_not_sent_more(
    app: ToyApp, headers: dict[str, str]
) -> None:
    query = "subscription{ticks(until:2000,size:100000)}"
    async with a_stream(app, query, headers):
        await happens(app.toy.started)
        before = -1
        while app.toy.sent != before:
            before = app.toy.sent
            await another_client_is_served(app)
        assert app.toy.sent < 1_000
    await happens(app.toy.ended)


async def another_client_is_served(app: ToyApp) -> None:
    async with httpx.AsyncClient(base_url=app.url, timeout=WAIT) as client:
        for _ in range(20):
            response = await client.post("/graphql", json={"query": "{name}"})
            assert response.json() == {"data": {"name": "n"}}


@pytest.mark.parametrize(("headers", "last"), [(EVENTS, "complete"), (PARTS, "--graphql--")])
async def test_revoking_a_key_ends_its_streams(
    app: ToyApp, headers: dict[str, str], last: str
) -> None:
    token = await app.key()
    headers = {**headers, "authorization": f"Bearer {token}"}
    async with a_stream(app, "subscription{silence}", headers) as response:
        await happens(app.toy.started)
        await app.access.revoke_key("test", app.toy.callers[-1].principal.key_id or "")
        await app.live.sweep()
        text = (await response.aread()).decode()
    assert "UNAUTHENTICATED" in text
    assert last in text
    await happens(app.toy.ended)


@pytest.mark.parametrize(("headers", "last"), [(EVENTS, "complete"), (PARTS, "--graphql--")])
async def test_a_server_that_stops_ends_open_streams_and_calls_none_complete(
    app: ToyApp, headers: dict[str, str], last: str
) -> None:
    async with a_stream(app, "subscription{silence}", headers) as response:
        await happens(app.toy.started)
        await app.live.finish(WAIT)
        text = (await response.aread()).decode()
    assert last not in text
    assert "errors" not in text
    await happens(app.toy.ended)


async def test_what_streams_over_http_bring_is_measured_too() -> None:
    async with ToyApp().client() as client:
        for query in ("{name}", "subscription {ticks(until: 3)}"):
            await client.post("/graphql", json={"query": query}, headers=EVENTS)
        told = (await client.get("/metrics")).text
    assert "modelyard_stream_payloads_total 4.0" in told
    for kind in ("query", "subscription"):
        assert f'modelyard_operation_seconds_count{{kind="{kind}",version="0.1.0"}} 1.0' in told


async def test_streams_that_are_open_are_counted(app: ToyApp) -> None:
    async with (
        httpx.AsyncClient(base_url=app.url) as client,
        a_stream(app, "subscription{silence}", EVENTS),
    ):
        await happens(app.toy.started)
        assert "modelyard_streams 1.0" in (await client.get("/metrics")).text
