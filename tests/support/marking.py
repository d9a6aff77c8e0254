"""An OpenAI-compatible engine of the test's own, which remembers every request that it ever got.

async with marking_engine() as engine: ...      # engine.url; the request's mark is its first message

A mark that begins with "bad" is answered with 400, one that begins with "slow" late, one that begins with
"held" when the engine is `released`. While the engine is busy it answers 429.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from time import monotonic
from zlib import crc32

MODEL = "marking"
AT_ONCE = 0.5  # seconds: who has the answer keeps the connection for longer


@dataclass
class Visit:
    """One request, in seconds of the monotonic clock. Until it is answered it ends never. `left` is
    when the connection was closed, if no other request had come over it by then."""

    began: float
    ended: float = inf
    left: float = inf

    @property
    def is_cut(self) -> bool:
        """Nobody waited for the answer to its end."""
        return self.left - self.ended < AT_ONCE


@dataclass
class MarkingEngine:
    url: str = ""
    seconds: float = 0.1
    slow_seconds: float = 1.5  # at most, and a third at least
    padding: int = 0  # bytes an answer
    released: asyncio.Event = field(default_factory=asyncio.Event)
    visits: dict[str, list[Visit]] = field(default_factory=lambda: defaultdict(list))
    answered: int = 0
    is_busy: bool = False
    refused: int = 0
    _connections: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        last: list[Visit] = []
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    await self._answer(reader, writer, last)
        finally:
            for visit in last:
                visit.left = monotonic()
            self._connections.discard(writer)
            writer.close()

    def close(self) -> None:
        for each in list(self._connections):
            each.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, last: list[Visit]
    ) -> None:
        """`last` is the connection's last visit, if there was any."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0])
        said = json.loads(await reader.readexactly(length))
        mark = said["messages"][0]["content"].partition(" ")[0]
        if self.is_busy:
            self.refused += 1
            writer.write(_told("429 Too Many Requests", {"error": {"message": "busy"}}))
            await writer.drain()
            return
        visit = Visit(monotonic())
        self.visits[mark].append(visit)
        last[:] = [visit]
        await asyncio.sleep(self._takes(mark))
        if mark.startswith("held"):
            await self.released.wait()
        writer.write(_written(mark, said["model"], self.padding))
        await writer.drain()
        visit.ended = monotonic()
        self.answered += 1

    def _takes(self, mark: str) -> float:
        """Those that came together do not end together."""
        if not mark.startswith("slow"):
            return self.seconds
        return self.slow_seconds * (1 + crc32(mark.encode()) % 200 / 100) / 3


def _written(mark: str, model: str, padding: int) -> bytes:
    if mark.startswith("bad"):
        status = "400 Bad Request"
        told: object = {"error": {"message": f"no: {mark}", "type": "invalid_request_error"}}
    else:
        status = "200 OK"
        message = {"role": "assistant", "content": mark + "." * padding}
        told = {
            "id": f"chatcmpl-{mark}",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
        }
    return _told(status, told)


def _told(status: str, told: object) -> bytes:
    body = json.dumps(told).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


@asynccontextmanager
async def marking_engine() -> AsyncIterator[MarkingEngine]:
    engine = MarkingEngine()
    server = await asyncio.start_server(engine.serve, "127.0.0.1", 0, backlog=1_024)
    engine.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield engine
    finally:
        server.close()
        engine.close()
        await server.wait_closed()
