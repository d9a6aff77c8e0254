"""Requests for inference through the real server, on deployments that another process writes down."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx

from domain.clock import utc_now
from infra.store import open_store
from tests.support.server import Running, running
from tests.support.serving import a_served, engine
from tests.support.watching import WAIT

CHAT = {"model": "chat", "messages": [{"role": "user", "content": "hello"}]}


@asynccontextmanager
async def _served(client: httpx.AsyncClient) -> AsyncIterator[httpx.Response]:
    """The first answer that streams; what another process commits, one thing after the other, is seen
    within a second."""
    said = {**CHAT, "stream": True}
    async with asyncio.timeout(WAIT):
        while True:
            async with client.stream("POST", "/v1/chat/completions", json=said) as answer:
                if answer.is_success:
                    yield answer
                    return
            await asyncio.sleep(0.05)


async def test_a_committed_replica_is_sent_requests_and_a_stop_says_goodbye(tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.mkdir()
    database = f"sqlite+aiosqlite:///{place / 'modelyard.db'}"
    async with open_store(database, data_dir=place) as store:
        # else the server finds out that no process of its own is the replica, and takes it away
        await store.leases.renew("another", utc_now(), utc_now() + timedelta(hours=1))

    async def used(server: Running) -> bytes:
        async with (
            open_store(database, data_dir=place) as store,
            engine(tokens_per_second=1) as port,
            httpx.AsyncClient(base_url=server.url, timeout=WAIT) as client,
        ):
            default = await store.reads.projects.named("default")
            assert default is not None
            await a_served(store, "chat", [port], default)
            async with _served(client) as answer:
                pieces = answer.aiter_raw()
                begin = await anext(pieces)
                server.process.send_signal(signal.SIGTERM)
                return begin + b"".join([piece async for piece in pieces])

    with running(place) as server:
        text = await used(server)
        assert await asyncio.to_thread(server.process.wait, WAIT) == 0
    assert text.startswith(b'data: {"id"')
    assert b'"model":"chat"' in text
    assert b'"code":"server_stops"' in text
