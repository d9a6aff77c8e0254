"""Passing on what one connection says to another one, as whatever stands between two does."""

import asyncio
from contextlib import suppress

PIECE = 65_536  # bytes


async def pumped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until either end is gone; the other one is then cut."""
    try:
        with suppress(OSError):
            while content := await reader.read(PIECE):
                writer.write(content)
                await writer.drain()
    finally:
        writer.transport.abort()


async def joined(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int
) -> None:
    """A connection that came, with one of its own to the host; raises OSError where that can't be had."""
    there, onward = await asyncio.open_connection(host, port)
    await asyncio.gather(pumped(reader, onward), pumped(there, writer))
