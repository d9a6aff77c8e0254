"""Requests for inference through the real server, on deployments that another process writes down."""

import asyncio
import signal
from pathlib import Path

import httpx

from infra.store import open_store
from tests.support.server import Running, running
from tests.support.serving import a_served, engine
from tests.support.watching import WAIT

CHAT = {"model": "chat", "messages": [{"role": "user", "content": "hello"}]}


async def _served(client: httpx.AsyncClient) -> httpx.Response:
    """The first answer; what another process commits, one thing after the other, is seen within a
    second."""
    async with asyncio.timeout(WAIT):
        while True:
            answer = await client.post("/v1/chat/completions", json=CHAT)
            if answer.is_success:
                return answer
            await asyncio.sleep(0.05)


async def test_a_committed_replica_is_sent_requests_and_a_stop_says_goodbye(tmp_path: Path) -> None:
    place = tmp_path / "data"

    async def used(server: Running) -> bytes:
        async with (
            open_store(f"sqlite+aiosqlite:///{place / 'modelyard.db'}", data_dir=place) as store,
            engine(tokens_per_second=1) as port,
            httpx.AsyncClient(base_url=server.url, timeout=WAIT) as client,
        ):
            default = await store.reads.projects.named("default")
            assert default is not None
            await a_served(store, "chat", [port], default)
            assert (await _served(client)).json()["model"] == "chat"
            said = {**CHAT, "stream": True}
            async with client.stream("POST", "/v1/chat/completions", json=said) as answer:
                pieces = answer.aiter_raw()
                begin = await anext(pieces)
                server.process.send_signal(signal.SIGTERM)
                return begin + b"".join([piece async for piece in pieces])

    with running(place) as server:
        text = await used(server)
        assert await asyncio.to_thread(server.process.wait, WAIT) == 0
    assert text.startswith(b'data: {"id"')
    assert b'"code":"server_stops"' in text
