import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from domain.deployments.replica import ReplicaStatus
from tests.support.server import ToyApp, serving
from tests.support.serving import a_served, listening
from tests.support.watching import WAIT, Told, happens, known

CHAT = {"model": "chat", "stream": True, "messages": []}


def an_event(number: int, model: str = "echo-model") -> bytes:
    return b'data: {"model":"%s","n":%d}\n\n' % (model.encode(), number)


@asynccontextmanager
async def a_stream(app: ToyApp) -> AsyncIterator[httpx.Response]:
    async with (
        httpx.AsyncClient(base_url=app.url, timeout=WAIT) as client,
        client.stream("POST", "/v1/chat/completions", json=CHAT) as response,
    ):
        yield response


async def test_an_event_arrives_before_the_next_is_made(app: ToyApp) -> None:
    told = Told(events=[an_event(1), an_event(2)])
    told.go.put_nowait(None)
    async with listening(told) as port:
        await a_served(app.store, "chat", [port])
        await known(app)
        async with a_stream(app) as response:
            pieces = response.aiter_raw()
            assert await anext(pieces) == an_event(1, "chat")
            told.go.put_nowait(None)
            assert b"".join([piece async for piece in pieces]) == an_event(2, "chat")
    assert response.headers["content-type"].startswith("text/event-stream")


async def test_half_an_event_waits_for_its_other_half(app: ToyApp) -> None:
    whole = an_event(1)
    told = Told(events=[whole[:10], whole[10:25], whole[25:]])
    for _ in told.events:
        told.go.put_nowait(None)
    async with listening(told) as port:
        await a_served(app.store, "chat", [port])
        await known(app)
        async with a_stream(app) as response:
            assert await response.aread() == an_event(1, "chat")


async def test_a_client_that_hangs_up_cancels_the_replicas_work(app: ToyApp) -> None:
    told = Told(events=[an_event(1), an_event(2)])
    told.go.put_nowait(None)
    async with listening(told) as port:
        await a_served(app.store, "chat", [port])
        await known(app)
        async with a_stream(app) as response:
            await anext(response.aiter_raw())
        await happens(told.left)


async def test_a_client_that_hangs_up_before_the_answer_cancels_it_too(app: ToyApp) -> None:
    told = Told(is_held=True)
    async with listening(told) as port, httpx.AsyncClient(base_url=app.url) as client:
        await a_served(app.store, "chat", [port])
        await known(app)
        asking = asyncio.create_task(client.post("/v1/chat/completions", json=CHAT))
        await happens(told.came)
        asking.cancel()
        await happens(told.left)


async def test_a_replica_that_breaks_off_ends_the_stream_with_an_error(app: ToyApp) -> None:
    async def breaking(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        piece = an_event(1) + b'data: {"half'
        await send({"type": "http.response.body", "body": piece, "more_body": True})

    async with listening(breaking) as port:
        await a_served(app.store, "chat", [port])
        await known(app)
        async with a_stream(app) as response:
            text = await response.aread()
    begin, end = text.split(b"\n\n", 1)
    assert begin + b"\n\n" == an_event(1, "chat")
    assert b'"code":"replica_failed"' in end
    assert b"half" not in end
    assert end.endswith(b"\n\n")


async def test_the_servers_stop_says_goodbye_to_a_stream() -> None:
    told = Told(events=[an_event(1), an_event(2)])
    told.go.put_nowait(None)
    async with listening(told) as port:
        async with serving(app := ToyApp()):
            await a_served(app.store, "chat", [port])
            await known(app)
            async with a_stream(app) as response:
                pieces = response.aiter_raw()
                await anext(pieces)
                stopping = asyncio.create_task(app.live.finish(WAIT))
                rest = b"".join([piece async for piece in pieces])
                await stopping
        assert b'"code":"server_stops"' in rest
        await happens(told.left)


async def test_a_revoked_keys_stream_ends(app: ToyApp) -> None:
    key, token = await app.access.create_key("test", "mine", {}, server_admin=True)
    told = Told(events=[an_event(1), an_event(2)])
    told.go.put_nowait(None)
    headers = {"authorization": f"Bearer {token}"}
    async with listening(told) as port, httpx.AsyncClient(base_url=app.url, timeout=WAIT) as client:
        await a_served(app.store, "chat", [port])
        await known(app)
        asked = client.stream("POST", "/v1/chat/completions", json=CHAT, headers=headers)
        async with asked as response:
            pieces = response.aiter_raw()
            await anext(pieces)
            await app.access.revoke_key("test", key.id)
            await app.live.sweep()
            rest = b"".join([piece async for piece in pieces])
    assert b'"code":"invalid_api_key"' in rest


async def test_a_stream_goes_on_while_its_replica_drains(app: ToyApp) -> None:
    told = Told(events=[an_event(1), an_event(2)])
    told.go.put_nowait(None)
    async with listening(told) as port:
        served = await a_served(app.store, "chat", [port])
        await known(app)
        async with a_stream(app) as response:
            pieces = response.aiter_raw()
            await anext(pieces)
            await served.becomes(served.replicas[0], ReplicaStatus.DRAINING)
            await known(app)
            told.go.put_nowait(None)
            assert b"".join([piece async for piece in pieces]) == an_event(2, "chat")
