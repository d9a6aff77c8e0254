"""The echo as a process, started by the command that its runtime variant has."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryFile

import httpx
import pytest

from domain.definitions.variants.echo import RUNTIME
from infra.echo.engine import CRASHED
from tests.support.forks import Process, forks
from tests.support.server import environment
from tests.support.watching import WAIT


@asynccontextmanager
async def an_echo(place: Path, *knobs: str) -> AsyncIterator[tuple[Process, httpx.AsyncClient]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    filled = str(RUNTIME.start_command).format(host="127.0.0.1", port=port, name="m")
    command = [*filled.split()[1:], *knobs]
    with TemporaryFile() as said:
        process = forks().start(command, environment(), place, said.fileno(), said.fileno())
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
                await _up(client)
                yield process, client
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(WAIT)


async def _up(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(WAIT):
        while True:
            try:
                await client.get("/health")
            except httpx.TransportError:
                await asyncio.sleep(0.02)  # another process: there is no event to wait for
            else:
                return


CHAT = {"messages": [{"role": "user", "content": "hello"}], "stream": True}


async def test_a_stop_waits_for_the_streams_in_flight_and_is_no_failure(tmp_path: Path) -> None:
    knobs = ["--tokens-per-second", "20", "--model-path", "/models"]
    async with an_echo(tmp_path, *knobs) as (process, client):
        async with client.stream("POST", "/v1/chat/completions", json=CHAT) as answer:
            pieces = answer.aiter_text()
            text = await anext(pieces)
            process.send_signal(signal.SIGTERM)
            text += "".join([piece async for piece in pieces])
        assert text.endswith("data: [DONE]\n\n")
        assert await asyncio.to_thread(process.wait, WAIT) == 0


async def test_a_crash_ends_the_process_without_an_answer(tmp_path: Path) -> None:
    async with an_echo(tmp_path, "--crash-after", "1") as (process, client):
        assert (await client.post("/v1/chat/completions", json=CHAT)).status_code == 200
        with pytest.raises(httpx.TransportError):
            await client.post("/v1/chat/completions", json=CHAT)
        assert await asyncio.to_thread(process.wait, WAIT) == CRASHED
