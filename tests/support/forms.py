"""Forms as clients send them, and waiting for what another process does."""

import asyncio
from collections.abc import Callable

SECONDS = 30.0
LINES = b'{"custom_id": "1", "method": "POST", "url": "/v1/embeddings", "body": {}}\n'


def form(*parts: tuple[str, bytes], boundary: str = "frontier") -> bytes:
    """Each part with its headers, as text."""
    written = [
        f"--{boundary}\r\n{head}\r\n\r\n".encode() + content + b"\r\n" for head, content in parts
    ]
    return b"".join(written) + f"--{boundary}--\r\n".encode()


def a_field(name: str, value: str) -> tuple[str, bytes]:
    return f'Content-Disposition: form-data; name="{name}"', value.encode()


def the_file(content: bytes = LINES, name: str = "in.jsonl") -> tuple[str, bytes]:
    return f'Content-Disposition: form-data; name="file"; filename="{name}"', content


FORM = {"content-type": "multipart/form-data; boundary=frontier"}
BATCH = a_field("purpose", "batch")


async def until(holds: Callable[[], bool]) -> None:
    """Looked at again and again: what happens in another process rings no bell here."""
    async with asyncio.timeout(SECONDS):
        while True:
            if holds():
                return
            await asyncio.sleep(0.02)
