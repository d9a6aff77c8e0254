import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Close
from websockets.typing import Origin, Subprotocol

from infra.http.rules import Rules
from infra.http.subscribers import Subscribers
from tests.support.server import ToyApp, serving

PROTOCOL = Subprotocol("graphql-transport-ws")
WAIT = 20.0


@pytest.fixture
async def app() -> AsyncIterator[ToyApp]:
    async with serving(ToyApp()) as app:
        yield app


@asynccontextmanager
async def a_socket(
    app: ToyApp, payload: Any = None, *, protocol: str = PROTOCOL, origin: str | None = None
) -> AsyncIterator[ClientConnection]:
    """A socket after `connection_init` and its acknowledgement."""
    async with connect(
        app.ws_url,
        subprotocols=[Subprotocol(protocol)],
        origin=Origin(origin) if origin else None,
        compression=None,
    ) as socket:
        await send(socket, type="connection_init", payload=payload or {})
        assert (await receive(socket))["type"] == "connection_ack"
        yield socket


async def send(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def receive(socket: ClientConnection) -> Any:
    async with asyncio.timeout(WAIT):
        return json.loads(await socket.recv())


async def subscribe(socket: ClientConnection, query: str, id: str = "1") -> None:
    await send(socket, type="subscribe", id=id, payload={"query": query})


async def close_code(socket: ClientConnection) -> int | None:
    try:
        async with asyncio.timeout(WAIT):
            while True:
                await socket.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


async def happens(event: asyncio.Event) -> None:
    async with asyncio.timeout(WAIT):
        await event.wait()


async def test_a_client_of_its_own_kind_gets_every_event(app: ToyApp) -> None:
    transport = WebsocketsTransport(url=app.ws_url, subprotocols=[PROTOCOL])
    async with Client(transport=transport) as session:
        seen = [
            each["ticks"] async for each in session.subscribe(gql("subscription{ticks(until:3)}"))
        ]
    assert seen == ["0", "1", "2"]


async def test_queries_and_mutations_run_over_a_socket_each_with_its_own_context(
    app: ToyApp,
) -> None:
    async with a_socket(app) as socket:
        for name, query in (("a", "{request}"), ("b", "{request}"), ("c", "mutation{touch}")):
            await subscribe(socket, query, name)
            assert (await receive(socket))["type"] == "next"
            assert await receive(socket) == {"id": name, "type": "complete"}
    requests = [caller.request_id for caller in app.toy.callers]
    assert len(set(requests)) == 3


async def test_the_legacy_protocol_is_off(app: ToyApp) -> None:
    async with connect(app.ws_url, subprotocols=[Subprotocol("graphql-ws")]) as socket:
        assert await close_code(socket) == 4406


async def test_a_page_of_another_site_opens_no_socket(app: ToyApp) -> None:
    await app.key()
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        with pytest.raises(InvalidStatus) as refused:
            async with a_socket(app, origin=origin):
                pass
        assert refused.value.response.status_code == 403


async def test_in_open_mode_local_pages_alone_open_sockets(app: ToyApp) -> None:
    async with a_socket(app, origin=app.url):
        pass
    with pytest.raises(InvalidStatus):
        async with a_socket(app, origin="https://evil.example"):
            pass


async def test_a_socket_acts_for_its_key_and_project(app: ToyApp) -> None:
    token = await app.key("robot")
    said = {"authorization": f"Bearer {token}", "project": "default", "apiVersion": "0.1.0"}
    async with a_socket(app, said) as socket:
        await subscribe(socket, "{actor}")
        assert (await receive(socket))["payload"] == {"data": {"actor": "key:robot"}}


@pytest.mark.parametrize(
    "said",
    [{}, {"authorization": "Bearer my_other"}, {"authorization": 7},
     {"authorization": "Bearer {token}", "project": "nothing"}],
)  # fmt: skip
async def test_a_bad_key_or_project_closes_with_4403(app: ToyApp, said: dict[str, Any]) -> None:
    token = await app.key()
    if isinstance(said.get("authorization"), str):
        said = {**said, "authorization": said["authorization"].format(token=token)}
    async with connect(app.ws_url, subprotocols=[PROTOCOL]) as socket:
        await send(socket, type="connection_init", payload=said)
        assert await close_code(socket) == 4403


async def test_a_socket_that_does_not_say_who_it_is_closes_with_4408() -> None:
    app = ToyApp(rules=Rules(init_seconds=0.01))
    async with serving(app), connect(app.ws_url, subprotocols=[PROTOCOL]) as socket:
        assert await close_code(socket) == 4408


async def test_nothing_runs_before_the_connection_is_acknowledged(app: ToyApp) -> None:
    async with connect(app.ws_url, subprotocols=[PROTOCOL]) as socket:
        await subscribe(socket, "mutation{touch}")
        assert await close_code(socket) == 4401
    assert app.toy.mutations == 0


@pytest.mark.parametrize(
    "message",
    ["", "{", "7", "null", "[]", "{}", '{"type":7}', '{"type":"nonsense"}', '{"type":"subscribe"}',
     '{"type":"subscribe","id":7,"payload":{}}', '{"type":"subscribe","id":"1","payload":7}',
     '{"type":"complete","id":{}}', '{"type":"subscribe","id":"1","payload":{}}', b"\x00\xff"],
)  # fmt: skip
async def test_garbage_closes_with_4400(app: ToyApp, message: str | bytes) -> None:
    async with a_socket(app) as socket:
        await socket.send(message)
        assert await close_code(socket) == 4400


@pytest.mark.parametrize(
    "payload",
    [{"query": 7}, {"query": "{"}, {"query": "{nope}"}, {"query": "{name}", "variables": []},
     {"query": "{name}", "operationName": 7}, {"query": "{" + "child{" * 50 + "name" + "}" * 51}],
)  # fmt: skip
async def test_an_operation_that_can_not_run_is_an_error_and_the_socket_stays(
    app: ToyApp, payload: dict[str, Any]
) -> None:
    async with a_socket(app) as socket:
        await send(socket, type="subscribe", id="1", payload=payload)
        refused = await receive(socket)
        assert (refused["type"], refused["id"]) == ("error", "1")
        assert refused["payload"][0]["extensions"]["code"]
        await subscribe(socket, "{name}")
        assert (await receive(socket))["payload"] == {"data": {"name": "n"}}


async def test_a_message_over_the_limit_closes_the_socket(app: ToyApp) -> None:
    async with a_socket(app) as socket:
        await socket.send(" " * (1024 * 1024 + 1))
        assert await close_code(socket) == 1009


async def test_an_error_of_a_stream_comes_as_next_and_then_complete(app: ToyApp) -> None:
    async with a_socket(app) as socket:
        await subscribe(socket, "subscription{refused}")
        first, failed, last = [await receive(socket) for _ in range(3)]
    assert first["payload"] == {"data": {"refused": "one"}}
    assert failed["payload"]["errors"][0]["extensions"]["code"] == "CURSOR_UNKNOWN"
    assert last == {"id": "1", "type": "complete"}


async def test_complete_ends_the_subscription(app: ToyApp) -> None:
    async with a_socket(app) as socket:
        await subscribe(socket, "subscription{silence}")
        await happens(app.toy.started)
        await send(socket, type="complete", id="1")
        await happens(app.toy.ended)
        await send(socket, type="ping")
        assert await receive(socket) == {"type": "pong"}


async def test_a_client_that_hangs_up_ends_its_subscription(app: ToyApp) -> None:
    async with a_socket(app) as socket:
        await subscribe(socket, "subscription{silence}")
        await happens(app.toy.started)
        socket.transport.abort()
        await happens(app.toy.ended)


async def test_a_client_that_does_not_read_is_not_sent_more(app: ToyApp) -> None:
    async with a_socket(app) as socket:
        socket.transport.pause_reading()
        await subscribe(socket, "subscription{ticks(until:2000,size:100000)}")
        await happens(app.toy.started)
        before = -1
        while app.toy.sent != before:
            before = app.toy.sent
            await app_is_stuck(app)
        assert app.toy.sent < 1_000
        socket.transport.abort()
    await happens(app.toy.ended)


async def app_is_stuck(app: ToyApp) -> None:
    """Another client is served whole meanwhile."""
    async with a_socket(app) as other:
        for number in range(20):
            await subscribe(other, "{name}", str(number))
            assert (await receive(other))["type"] == "next"
            assert (await receive(other))["type"] == "complete"


async def test_revoking_a_key_ends_its_sockets_and_no_others(app: ToyApp) -> None:
    tokens = [await app.key("stays"), await app.key("goes")]
    said = [{"authorization": f"Bearer {token}"} for token in tokens]
    async with a_socket(app, said[0]) as stays, a_socket(app, said[1]) as goes:
        await subscribe(goes, "subscription{silence}")
        await happens(app.toy.started)
        (key_id,) = {caller.principal.key_id for caller in app.toy.callers}
        await app.access.revoke_key("test", key_id or "")
        await app.live.sweep()
        assert await close_code(goes) == 4403
        await happens(app.toy.ended)
        await subscribe(stays, "{actor}")
        assert (await receive(stays))["payload"] == {"data": {"actor": "key:stays"}}


async def test_the_first_key_ends_the_sockets_of_open_mode(app: ToyApp) -> None:
    async with a_socket(app) as socket:
        await app.live.sweep()
        await send(socket, type="ping")
        assert await receive(socket) == {"type": "pong"}
        await app.key()
        await app.live.sweep()
        assert await close_code(socket) == 4403


async def test_a_server_that_stops_goes_away_and_calls_nothing_complete() -> None:
    async with serving(ToyApp()) as app, a_socket(app) as socket:
        await subscribe(socket, "subscription{silence}")
        await happens(app.toy.started)
        await app.live.finish(WAIT)
        with pytest.raises(ConnectionClosed) as closed:
            await receive(socket)
        assert closed.value.rcvd == Close(1001, "Going away")
        await happens(app.toy.ended)


async def test_a_socket_runs_so_many_operations_at_once() -> None:
    async with serving(ToyApp(rules=Rules(of_socket=3))) as app, a_socket(app) as socket:
        for number in range(4):
            await subscribe(socket, "subscription{silence}", str(number))
        refused = await receive(socket)
        assert (refused["type"], refused["id"]) == ("error", "3")
        assert refused["payload"][0]["extensions"] == {
            "code": "TOO_MANY_OPERATIONS_ON_SOCKET", "limit": 3, "found": 4,
        }  # fmt: skip
        await send(socket, type="complete", id="0")
        await subscribe(socket, "{name}", "3")
        assert (await receive(socket))["payload"] == {"data": {"name": "n"}}


async def test_a_key_has_so_many_subscriptions_over_all_its_sockets() -> None:
    app = ToyApp(rules=Rules(subscribers=Subscribers(2)))
    async with serving(app), a_socket(app) as one, a_socket(app) as other:
        await subscribe(one, "subscription{silence}")
        await happens(app.toy.started)
        await subscribe(other, "subscription{ticks(until:1)}")
        assert [(await receive(other))["type"] for _ in range(2)] == ["next", "complete"]
        await subscribe(other, "subscription{silence}")
        await subscribe(one, "{name}", "2")
        assert [(await receive(one))["type"] for _ in range(2)] == ["next", "complete"]
        await subscribe(one, "subscription{silence}", "3")
        refused = await receive(one)
        assert (refused["type"], refused["id"]) == ("error", "3")
        assert refused["payload"][0]["extensions"] == {
            "code": "TOO_MANY_SUBSCRIPTIONS_OF_KEY", "limit": 2, "found": 3,
        }  # fmt: skip
        await send(other, type="complete", id="1")
        await happens(app.toy.ended)
        await subscribe(other, "subscription{ticks(until:1)}", "2")
        assert (await receive(other))["type"] == "next"


async def test_what_costs_too_much_is_told_so_over_a_socket() -> None:
    async with serving(ToyApp(cost=9)) as app, a_socket(app) as socket:
        await subscribe(socket, "{children(first: 9) {name}}")
        refused = await receive(socket)
        assert (refused["type"], refused["payload"][0]["extensions"]) == (
            "error", {"code": "QUERY_TOO_COSTLY", "cost": 10, "limit": 9},
        )  # fmt: skip
        await subscribe(socket, "{children(first: 8) {name}}")
        assert (await receive(socket))["type"] == "next"


async def test_a_message_at_the_limit_is_taken(app: ToyApp) -> None:
    async with a_socket(app) as socket:
        message = {"type": "subscribe", "id": "1", "payload": {"query": "{name}"}}
        await socket.send(json.dumps(message).ljust(1024 * 1024))
        assert (await receive(socket))["payload"] == {"data": {"name": "n"}}
