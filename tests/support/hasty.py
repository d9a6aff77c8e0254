"""A timer for what waits between its tries."""

import asyncio
from dataclasses import dataclass, field


@dataclass
class HastyTimer:
    """Whatever is waited for is over at once, and remembered."""

    at: float = 0.0
    waits: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.at

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        self.waits.append(seconds)
        self.at += seconds
        await asyncio.sleep(0)
