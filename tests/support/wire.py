"""Storage behind a wire that breaks at a chosen step, or that its user's death cuts.

Each call of each method is a step, and so is each statement of a unit of work, its beginning, and its
end both before and after it is committed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any

from domain.errors import StorageUnavailable
from domain.work import StartWork

BROKEN = StorageUnavailable(where="the wire", problem="it broke")


@dataclass(slots=True)
class Wire:
    """At step `at` (from 1) either `dies` is true, and nothing ever comes back any more, or one error
    is raised."""

    at: int
    dies: bool
    steps: int = 0
    is_dead: asyncio.Event = field(default_factory=asyncio.Event)

    async def step(self) -> None:
        self.steps += 1
        if self.dies and self.steps >= self.at:
            self.is_dead.set()
            await asyncio.Event().wait()
        if self.steps == self.at:
            raise BROKEN

    def through(self, inner: Any) -> Any:
        return Wired(inner, self)

    def start_work(self, inner: StartWork) -> StartWork:
        @asynccontextmanager
        async def begin(actor: str, cause: str) -> AsyncIterator[Any]:
            await self.step()
            async with inner(actor, cause) as work:
                yield Wired(work, self)
                await self.step()
            await self.step()

        return begin


class Wired:
    def __init__(self, inner: Any, wire: Wire) -> None:
        self._inner, self._wire = inner, wire

    def __getattr__(self, name: str) -> Any:
        found, wire = getattr(self._inner, name), self._wire
        if isasyncgenfunction(found):

            async def flow(*said: Any, **named: Any) -> AsyncIterator[Any]:
                await wire.step()
                async for each in found(*said, **named):
                    yield each
                    await wire.step()

            return flow
        if iscoroutinefunction(found):

            async def call(*said: Any, **named: Any) -> Any:
                await wire.step()
                return await found(*said, **named)

            return call
        return found if callable(found) else Wired(found, wire)
