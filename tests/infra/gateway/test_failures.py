"""Which requests are tried on another replica, and which are not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from infra.http.gateway.inference import Limits
from tests.support.server import ToyApp, serving
from tests.support.serving import a_served, listening, nobody_listens
from tests.support.watching import Told, known

CHAT = {"model": "chat", "messages": []}
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def a_socket(serve: Serve) -> AsyncIterator[int]:
    """A server that does with each connection what the test says."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)

    server = await asyncio.start_server(served, "127.0.0.1", 0, limit=1 << 16)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def ask(client: httpx.AsyncClient, **said: Any) -> httpx.Response:
    return await client.post("/chat/completions", json={**CHAT, **said})


async def test_a_replica_that_refuses_the_connection_costs_nobody_anything(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    told = Told()
    with nobody_listens() as dead:
        async with listening(told) as port:
            await a_served(app.store, "chat", [dead, dead, port])
            await known(app)
            answers = [await ask(client) for _ in range(10)]
    assert [answer.status_code for answer in answers] == [200] * 10
    assert len(told.requests) == 10


async def test_where_no_replica_can_be_reached_the_request_fails(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    with nobody_listens() as dead:
        await a_served(app.store, "chat", [dead, dead])
        await known(app)
        answer = await ask(client)
    assert answer.status_code == 502
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["error"]["code"] == "replica_unreachable"


async def test_a_replica_that_may_have_worked_on_a_request_is_not_followed_by_another(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    seen: list[bytes] = []

    async def breaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        seen.append(await reader.readuntil(b"}"))
        writer.transport.abort()

    async with a_socket(breaks) as one, a_socket(breaks) as two:
        await a_served(app.store, "chat", [one, two])
        await known(app)
        answer = await ask(client)
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "replica_failed"
    assert len(seen) == 1


async def test_a_request_that_was_not_sent_whole_is_tried_on_another_replica(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    """No engine can work on half a document."""
    begun: list[bytes] = []

    async def breaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.append(await reader.readuntil(b"\r\n\r\n"))
        writer.transport.abort()

    told = Told()
    async with a_socket(breaks) as broken, listening(told) as port:
        served = await a_served(app.store, "chat", [])
        await served.revision(2, [broken], weight=100)
        await served.revision(3, [port], weight=0)
        await known(app)
        answer = await ask(client, image="x" * 20_000_000)
    assert answer.status_code == 200
    assert len(begun) == len(told.requests) == 1


async def test_a_replica_that_breaks_off_a_document_fails_the_request(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    async def breaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n"
        writer.write(head + b'{"model":')
        await writer.drain()
        writer.close()

    async with a_socket(breaks) as port:
        await a_served(app.store, "chat", [port])
        await known(app)
        answer = await ask(client)
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "replica_failed"


async def test_other_content_that_breaks_off_is_not_taken_for_whole(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    async def breaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        head = b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ntransfer-encoding: chunked\r\n\r\n"
        writer.write(head + b"5\r\nabcde\r\n")
        await writer.drain()
        writer.close()

    async with a_socket(breaks) as port:
        await a_served(app.store, "chat", [port])
        await known(app)
        with pytest.raises(httpx.RemoteProtocolError):
            await ask(client)


async def test_what_is_no_http_fails_the_request(app: ToyApp, client: httpx.AsyncClient) -> None:
    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(b"SSH-2.0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with a_socket(nonsense) as port:
        await a_served(app.store, "chat", [port])
        await known(app)
        answer = await ask(client)
    assert answer.status_code == 502


@pytest.mark.parametrize("status", [101, 307, 304, 999])
async def test_what_is_no_answer_is_not_passed_on(
    app: ToyApp, client: httpx.AsyncClient, status: int
) -> None:
    """A redirection would have a client send its request, and perhaps its key, past us."""

    async def strays(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        head = b"HTTP/1.1 %d Odd\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
        writer.write(head % status)
        await writer.drain()
        writer.close()

    async with a_socket(strays) as port:
        await a_served(app.store, "chat", [port])
        await known(app)
        answer = await ask(client)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "replica_failed")
    assert "location" not in answer.headers


async def test_no_content_has_no_length(app: ToyApp, client: httpx.AsyncClient) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(b"HTTP/1.1 204 No Content\r\ncontent-type: application/json\r\n\r\n")
        await writer.drain()
        writer.close()

    async with a_socket(silent) as port:
        await a_served(app.store, "chat", [port])
        await known(app)
        answer = await ask(client)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-length" not in answer.headers


async def test_a_request_has_its_time_and_no_more() -> None:
    told = Told(is_held=True)
    slow = ToyApp(inference=Limits(body=1000, seconds=0.2))
    async with (
        listening(told) as port,
        serving(slow) as app,
        httpx.AsyncClient(base_url=f"{app.url}/v1") as client,
    ):
        await a_served(app.store, "chat", [port])
        await known(app)
        answer = await ask(client)
    assert answer.status_code == 504
    assert answer.json()["error"]["code"] == "request_timeout"
    assert told.left.is_set()
