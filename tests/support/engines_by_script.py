"""Engines that write what a test says, byte by byte, on real sockets."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Script = Callable[["Scripted", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(eq=False)
class Scripted:
    """`script` is run once a connection, which ends with it. `heads` of requests are those that `heard`
    read; `ended` connections are those whose other side went away."""

    script: Script
    scheme: str = "http"
    host: str = "127.0.0.1"
    port: int = 0
    connected: int = 0
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    running: set[asyncio.Task[None]] = field(default_factory=set)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}/v1/chat/completions"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected += 1
        task = asyncio.current_task()
        assert task is not None
        self.running.add(task)
        try:
            await self.script(self, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.ended.set()
        except asyncio.CancelledError:  # the test is over
            pass
        finally:
            writer.close()
            self.running.discard(task)

    async def heard(self, reader: asyncio.StreamReader) -> bytes:
        """A whole request; its body."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0])
        body = await reader.readexactly(length)
        self.bodies.append(body)
        self.arrived.set()
        return body

    async def gone(self, reader: asyncio.StreamReader) -> None:
        """Until the other side closes."""
        while await reader.read(65_536):
            pass
        self.ended.set()


@asynccontextmanager
async def engine(
    script: Script, host: str = "127.0.0.1", security: ssl.SSLContext | None = None
) -> AsyncIterator[Scripted]:
    scripted = Scripted(script, "http" if security is None else "https", host)
    listening = await asyncio.start_server(scripted.serve, host, 0, ssl=security, backlog=1024)
    scripted.port = listening.sockets[0].getsockname()[1]
    try:
        yield scripted
    finally:
        listening.close()
        for task in list(scripted.running):
            task.cancel()
        await asyncio.gather(*scripted.running, return_exceptions=True)


def says(*pieces: bytes, then_closes: bool = False) -> Script:
    """To each request the same, one piece a write."""

    async def script(
        engine: Scripted, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.get_extra_info("socket").setsockopt(6, 1, 1)  # TCP_NODELAY
        while True:
            await engine.heard(reader)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if then_closes:
                return

    return script


async def turned_until(is_so: Callable[[], bool]) -> None:
    """As many turns of the loop as it takes, each of which hears the sockets."""
    for _ in range(100_000):
        if is_so():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never is so")
