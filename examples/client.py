"""A GraphQL client of a few lines, on a socket like any other's, and a server of our own for it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from shown import Json, console

READY = "ready at "
STARTING = 120.0  # seconds, on a slow laptop


class Client:
    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http = http
        self.url = url

    async def ask(self, query: str, **variables: Any) -> Any:
        """The value of the query's one field."""
        body = {"query": query, "variables": variables}
        async with self.http.post(self.url, json=body) as answer:
            said: Json = await answer.json()
        if said.get("errors"):
            sys.exit(f"The server answered with errors: {said['errors']}")
        payload = next(iter(said["data"].values()))
        if isinstance(payload, dict) and payload.get("userErrors"):
            sys.exit(f"The server refused: {payload['userErrors']}")
        return payload

    async def follow(self, query: str, **variables: Any) -> AsyncIterator[Json]:
        """Each event of a subscription, over graphql-transport-ws."""
        protocols = ["graphql-transport-ws"]
        async with self.http.ws_connect(self.url, protocols=protocols) as socket:
            await socket.send_json({"type": "connection_init", "payload": {}})
            await socket.receive_json()
            payload = {"query": query, "variables": variables}
            await socket.send_json({"id": "1", "type": "subscribe", "payload": payload})
            async for frame in socket:
                said = frame.json()
                if said["type"] == "error":
                    sys.exit(f"The server refused the subscription: {said['payload']}")
                if said["type"] == "complete":
                    return
                if said["type"] == "next":
                    yield next(iter(said["payload"]["data"].values()))


@dataclass
class Server:
    """`modelyard serve` on a fresh database; the port is the system's choice, and then kept."""

    place: Path
    port: int = 0
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        command = [str(Path(sys.executable).parent / "modelyard"), "serve", "--stop-replicas"]
        command += ["--port", str(self.port), "--data-dir", str(self.place / "data")]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MODELYARD_")}
        environment["MODELYARD_MODEL_ROOTS"] = str(self.place)
        errors = self.place / "server.log"
        with errors.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *command,
                env=environment,
                cwd=self.place,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdout is not None
        line = (await asyncio.wait_for(self.process.stdout.readline(), STARTING)).decode()
        if READY not in line:
            sys.exit(f"The server did not start: {errors.read_text()}")
        console.print(line.rstrip())
        self.port = int(line.rpartition(":")[2])

    async def kill(self) -> None:
        """As the power of a machine or an impatient operator does."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.terminate()
            await self.process.wait()


@asynccontextmanager
async def server(place: Path) -> AsyncIterator[Server]:
    running = Server(place)
    try:
        await running.start()
        yield running
    finally:
        await running.stop()
