"""Something that is done again and again, for as long as the server runs."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from domain.clock import Timer
from domain.errors import StorageUnavailable
from domain.logger import Logger

AFTER_TROUBLE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """`act` returns after how many seconds it wants to be called again; `nudged` makes it sooner."""

    name: str
    act: Callable[[], Awaitable[float]]
    timer: Timer
    logger: Logger
    nudged: asyncio.Event = field(default_factory=asyncio.Event)
    _ending: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self) -> None:
        """After the act that is under way."""
        self._ending.set()
        self.nudged.set()

    async def run(self) -> None:
        while not self._ending.is_set():
            self.nudged.clear()
            pause = await self._once()
            if not self._ending.is_set():
                await self.timer.wait(self.nudged, pause)

    async def _once(self) -> float:
        try:
            return await self.act()
        except StorageUnavailable as error:
            self.logger.warning("waiting for the database", loop=self.name, problem=error.problem)
        except Exception:  # the loop's edge
            self.logger.exception("a round failed", loop=self.name)
        return AFTER_TROUBLE
