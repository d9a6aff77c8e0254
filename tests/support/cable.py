"""A cable between clients and a server, that can be cut.

async with a_cable(server.url) as cable:
    ...                                       # cable.url
    cable.cut()                               # every connection is reset; nobody says goodbye
    cable.to(another.url)                     # where new connections lead
    cable.snaps_at = b"RevisionAdded"         # it is cut once, before the client hears of it
cable.refuses = 2                         # after a cut, so many connections are closed without an answer
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

CHUNK = 1 << 16
RESET = struct.pack("ii", 1, 0)  # linger for no time: the peer gets RST


@dataclass(eq=False)
class Cable:
    port: int = 0
    upstream: tuple[str, int] = ("", 0)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    cuts: int = 0
    carries: asyncio.Event = field(default_factory=asyncio.Event)
    snapped: asyncio.Event = field(default_factory=asyncio.Event)
    snaps_at: bytes | None = None
    refuses: int = 0
    refused: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def to(self, url: str) -> None:
        address = urlsplit(url)
        self.upstream = (str(address.hostname), int(address.port or 0))

    def cut(self) -> None:
        self.cuts += self.carries.is_set()
        self.carries.clear()
        for writer in list(self.writers):
            inner: socket.socket = writer.get_extra_info("socket")
            with suppress(OSError):  # it may have been closed by its own end
                inner.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.cuts and self.refused < self.refuses:
            self.refused += 1
            await reader.read(CHUNK)
            writer.close()
            return
        try:
            theirs = await asyncio.open_connection(*self.upstream)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, theirs[1]}
        self.writers |= both
        self.carries.set()
        try:
            await asyncio.gather(self._pump(reader, theirs[1]), self._pump(theirs[0], writer))
        finally:
            self.writers -= both
            for each in both:
                each.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What the one says, the other hears, to its end."""
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                if self.snaps_at is not None and self.snaps_at in chunk:
                    self.snaps_at = None
                    self.cut()
                    self.snapped.set()
                    return
                writer.write(chunk)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def a_cable(url: str) -> AsyncIterator[Cable]:
    cable = Cable()
    cable.to(url)
    server = await asyncio.start_server(cable.carry, "127.0.0.1", 0)
    cable.port = server.sockets[0].getsockname()[1]
    try:
        yield cable
    finally:
        server.close()
        cable.cut()
        await server.wait_closed()
