"""A running load of requests, as users of a model make it: counted, and never quiet about a failure."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp

USERS = 8


@dataclass
class Load:
    """`answers` counts by the replica that answered; `failures` are sentences."""

    url: str
    model: str
    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def asked(self) -> int:
        return sum(self.answers.values()) + len(self.failures)

    def __str__(self) -> str:
        return f"{self.asked} requests, {len(self.failures)} failed"

    async def ask(self, http: aiohttp.ClientSession) -> None:
        message = {"role": "user", "content": "Is anybody there?"}
        body = {"model": self.model, "messages": [message]}
        try:
            async with http.post(f"{self.url}/v1/chat/completions", json=body) as answer:
                said = await answer.text()
                if answer.status == 200:
                    self.answers[answer.headers.get("x-echo-replica", "?")] += 1
                else:
                    self.failures.append(f"{answer.status}: {said[:200]}")
        except aiohttp.ClientError as error:
            self.failures.append(repr(error))


@asynccontextmanager
async def under_load(url: str, model: str) -> AsyncIterator[Load]:
    """Users who ask one request after the other, until the block ends."""
    load = Load(url, model)
    async with aiohttp.ClientSession() as http:
        users = [asyncio.create_task(_user(load, http)) for _ in range(USERS)]
        try:
            yield load
        finally:
            for user in users:
                user.cancel()
            for user in users:
                with suppress(asyncio.CancelledError):
                    await user


async def _user(load: Load, http: aiohttp.ClientSession) -> None:
    while True:
        await load.ask(http)
        await asyncio.sleep(0.02)  # a user thinks
