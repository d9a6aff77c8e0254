"""An engine in a process of its own that answers nobody before so many requests are there at once.

async with holding_engine(600) as engine: ...   # engine.url; await engine.most()

The first `warm` ones are answered at once. Started as a module it is the engine:
`python -m tests.support.holding COUNT WARM`.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

MODEL = "holding"
BACKLOG = 4_096  # with fewer, connections that come at once are tried again by TCP, a second later
ROOT = Path(__file__).parents[2]
BODY = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"holding","choices":'
    b'[{"index":0,"message":{"role":"assistant","content":"held"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}'
)
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"


@dataclass(frozen=True)
class HoldingEngine:
    address: str
    process: asyncio.subprocess.Process

    @property
    def url(self) -> str:
        return f"http://{self.address}/v1"

    async def most(self) -> int:
        """How many it had at once, when these were enough."""
        assert self.process.stdout is not None
        return int(await self.process.stdout.readline())


@asynccontextmanager
async def holding_engine(count: int, warm: int = 0) -> AsyncIterator[HoldingEngine]:
    command = sys.executable, "-m", "tests.support.holding", str(count), str(warm)
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        port = int(await process.stdout.readline())
        yield HoldingEngine(f"127.0.0.1:{port}", process)
    finally:
        process.kill()
        await process.wait()


@dataclass(eq=False)
class Held:
    """The requests that are there, of all connections; None once there were enough."""

    count: int
    warm: int
    connections: "set[Connection] | None"

    def take(self, connection: "Connection") -> None:
        self.warm -= 1
        if self.connections is None or self.warm >= 0:
            connection.answer()
            return
        self.connections.add(connection)
        if len(self.connections) >= self.count:
            say(len(self.connections))
            held, self.connections = self.connections, None
            for each in held:
                each.answer()

    def lose(self, connection: "Connection") -> None:
        if self.connections is not None:
            self.connections.discard(connection)


class Connection(asyncio.Protocol):
    def __init__(self, held: Held) -> None:
        self._held = held
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._held.lose(self)

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        if found and len(body) >= int(head.lower().partition(b"content-length:")[2].split()[0]):
            self._read = b""
            self._held.take(self)

    def answer(self) -> None:
        self._transport.write(ANSWER % (len(BODY), BODY))


def say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


async def serve(count: int, warm: int) -> None:
    held, loop = Held(count, warm, set()), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(held), "127.0.0.1", 0, backlog=BACKLOG)
    say(server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(*map(int, sys.argv[1:])))
