"""What goes wrong inside is told by a reference that the log has, and by nothing else."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from domain.access.access import Caller
from domain.errors import StorageUnavailable
from infra.app import routes
from infra.http.gate import Credentials, Gate
from infra.http.health import Health
from tests.support.server import ToyApp, serving

PROTOCOL = Subprotocol("graphql-transport-ws")
SECRETS = re.compile(r"swordfish|Traceback|File \"|RuntimeError|AttributeError|\.py\b|note_cursor")
FAULTS = {
    "a resolver": "{fails name}",
    "a value that is none of its type": "{odd name}",
    "what comes before the execution": "{eventCursor: name}",  # the toy's context has no cursor
}
STREAMS = ("text/event-stream", "multipart/mixed;subscriptionSpec=1.0")


def references(shown: str) -> set[str]:
    return set(re.findall(r'"reference": ?"([0-9a-f]{12})"', shown))


def check(shown: str, logged: list[Any]) -> None:
    """Nothing is shown but a reference, and that is logged."""
    assert not SECRETS.search(shown), shown
    assert references(shown)
    assert references(shown) <= {line.get("reference") for line in logged}


async def post(client: httpx.AsyncClient, query: str, **headers: str) -> httpx.Response:
    return await client.post("/graphql", json={"query": query}, headers=headers)


@pytest.fixture
async def app() -> AsyncIterator[ToyApp]:
    async with serving(ToyApp()) as app:
        yield app


class Unwilling(ToyApp):
    def _context(self, caller: Caller, version: str) -> object:
        raise RuntimeError("swordfish")


class BrokenGate(Gate):
    async def admit(self, headers: Mapping[str, str], said: Credentials) -> Caller:
        raise RuntimeError("swordfish")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("accept", ["application/json", *STREAMS])
async def test_over_http(fault: str, accept: str) -> None:
    async with ToyApp().client() as client:
        with capture_logs() as logged:
            answer = await post(client, FAULTS[fault], accept=accept)
        check(answer.text, logged)
        assert '"INTERNAL"' in answer.text


@pytest.mark.parametrize("accept", STREAMS)
async def test_a_subscription_that_breaks_says_so_last(accept: str) -> None:
    async with ToyApp().client() as client:
        with capture_logs() as logged:
            answer = await post(client, "subscription {breaks}", accept=accept)
    assert '"breaks":"one"' in answer.text
    check(answer.text, logged)


@pytest.mark.parametrize("query", ["{name}", "subscription {ticks(until: 1)}"])
async def test_a_fault_before_the_answer_began_is_a_500(query: str) -> None:
    async with Unwilling().client() as client:
        with capture_logs() as logged:
            answer = await post(client, query, accept="text/event-stream")
    assert answer.status_code == 500
    check(answer.text, logged)


async def said(app: ToyApp, query: str) -> list[Any]:
    """All that comes of one operation over a socket, which then still serves another."""
    async with connect(app.ws_url, subprotocols=[PROTOCOL]) as socket, asyncio.timeout(20):
        await socket.send('{"type": "connection_init"}')
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        operation = {"type": "subscribe", "id": "1", "payload": {"query": query}}
        await socket.send(json.dumps(operation))
        found: list[Any] = []
        while not found or found[-1]["type"] not in ("complete", "error"):
            found.append(json.loads(await socket.recv()))
        await socket.send('{"type": "ping"}')
        assert json.loads(await socket.recv()) == {"type": "pong"}
        return found


@pytest.mark.parametrize("query", [*FAULTS.values(), "subscription {breaks}"])
async def test_over_a_socket(app: ToyApp, query: str) -> None:
    with capture_logs() as logged:
        found = await said(app, query)
    check(json.dumps(found), logged)


async def test_over_a_socket_before_the_operation_began() -> None:
    async with serving(Unwilling()) as app:
        with capture_logs() as logged:
            (refused,) = await said(app, "{name}")
    assert refused["type"] == "error"
    check(json.dumps(refused), logged)


async def test_while_a_socket_is_opened() -> None:
    app = ToyApp()
    gate = BrokenGate(app.access, lambda: "x", loopback=True)
    app.asgi = routes(replace(app.endpoint, gate=gate), Health(app.live.sweep), app.pages)
    async with serving(app):
        with capture_logs() as logged:
            async with connect(app.ws_url, subprotocols=[PROTOCOL]) as socket, asyncio.timeout(20):
                await socket.send('{"type": "connection_init"}')
                with pytest.raises(ConnectionClosed) as closed:
                    await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1011
    shown = re.fullmatch(r"Internal error ([0-9a-f]{12})", closed.value.rcvd.reason)
    assert shown
    assert shown[1] in {line.get("reference") for line in logged}


async def test_an_error_that_is_raised_on_purpose_is_told_as_it_is_in_a_stream() -> None:
    class Unstored(ToyApp):
        def _context(self, caller: Caller, version: str) -> object:
            return _Unstored()

    class _Unstored:
        async def note_cursor(self) -> None:
            raise StorageUnavailable(where="the database", problem="it is away")

    async with Unstored().client() as client:
        plain = await post(client, "{eventCursor: name}")
        assert plain.status_code == 503
        streamed = await post(client, "{eventCursor: name}", accept="text/event-stream")
    assert '"STORAGE_UNAVAILABLE"' in plain.text
    assert '"STORAGE_UNAVAILABLE"' in streamed.text


@pytest.mark.parametrize(
    "query",
    ["{", "{nope}", "query($t: String!) {echo(text: $t)}", "\x00", "{echo(text: 7)}",
     "query A {name} query B {name}", "{children(first: " + "9" * 5_000 + ") {name}}"],
)  # fmt: skip
async def test_what_the_caller_did_wrong_is_told_with_a_code_of_its_own(query: str) -> None:
    async with ToyApp().client() as client:
        answer = await post(client, query)
    assert not SECRETS.search(answer.text)
    assert not references(answer.text)
    codes = {error["extensions"]["code"] for error in answer.json()["errors"]}
    assert codes <= {"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "OPERATION_NOT_FOUND",
                     "TOO_MANY_DIGITS"}  # fmt: skip
