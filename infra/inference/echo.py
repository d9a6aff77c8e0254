"""No engine at all: requests to an echo are answered here, and every answer says what it is."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from domain.batches.ports import Inference, Reply
from infra.inference.targets import ECHO

Answer = Callable[[str, Mapping[str, Any]], tuple[int, Mapping[str, Any]]]
"""The status and body for a path of ours (`/v1/chat/completions`) and a request's body."""


@dataclass(frozen=True, slots=True)
class WithEcho:
    """`engines` for all that is no echo."""

    engines: Inference
    answer: Answer

    async def ask(
        self, url: str, headers: Mapping[str, str], body: bytes, seconds: float, limit: int
    ) -> Reply:
        if not url.startswith(ECHO):
            return await self.engines.ask(url, headers, body, seconds, limit)
        await asyncio.sleep(0)  # others want to go on, too
        status, said = self.answer(url.removeprefix(ECHO), orjson.loads(body))
        return Reply(status=status, body=orjson.dumps({**said, "modelyard": {"echo": True}}))
