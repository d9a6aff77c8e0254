"""Streams that keep coming, and what becomes of them.

async with streams(server.url, "chat") as told: ...     # told.failures, told.finished
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

WITHIN = 240.0  # seconds, where pods start beside
WORDS = "one two three four five six seven eight nine ten"


@dataclass(slots=True)
class Told:
    """What became of the streams: `finished` counts those that came whole, `failures` say when the stream
    had begun (in the loop's time) and what went wrong."""

    finished: int = 0
    failures: list[tuple[float | None, str]] = field(default_factory=list)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self) -> None:
        self.finished += 1
        self._more.set()
        self._more = asyncio.Event()

    async def more(self, count: int) -> None:
        """Until so many more have come whole."""
        wanted = self.finished + count
        async with asyncio.timeout(WITHIN):
            while self.finished < wanted:
                await self._more.wait()


@asynccontextmanager
async def streams(url: str, model: str, clients: int = 3) -> AsyncIterator[Told]:
    """Each client begins another as soon as its last has ended."""
    told = Told()
    async with httpx.AsyncClient(base_url=url, timeout=60.0) as http:
        tasks = [asyncio.create_task(_stream(http, model, told)) for _ in range(clients)]
        try:
            yield told
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _stream(http: httpx.AsyncClient, model: str, told: Told) -> None:
    loop = asyncio.get_running_loop()
    while True:
        begun: float | None = None
        try:
            async for _ in pieces(http, model):
                begun = begun or loop.time()
            told.note()
        except (httpx.HTTPError, AssertionError) as error:
            told.failures.append((begun, repr(error)))
            await asyncio.sleep(0.05)


async def pieces(http: httpx.AsyncClient, model: str) -> AsyncIterator[str]:
    """Of a stream's text, as they come; that it came whole is asserted."""
    said = {"model": model, "stream": True, "messages": [{"role": "user", "content": WORDS}]}
    text = ""
    async with http.stream("POST", "/v1/chat/completions", json=said) as answer:
        assert answer.status_code == 200, await answer.aread()
        last = ""
        async for line in answer.aiter_lines():
            if line.startswith("data:"):
                last = line.removeprefix("data:").strip()
                if last != "[DONE]":
                    piece = _content(json.loads(last))
                    text += piece
                    yield piece
    assert last == "[DONE]", last
    assert WORDS in text, text


def _content(event: Any) -> str:
    assert "error" not in event, event
    return "".join(choice["delta"].get("content") or "" for choice in event["choices"])
