"""A sign for whoever waits at that moment, and for whoever looked away meanwhile."""

import asyncio


class Signal:
    """`count` is how often it was given. Who remembers the count of when it looked misses none."""

    def __init__(self) -> None:
        self.count = 0
        self._waiting = 0
        self._given = asyncio.Event()

    def give(self) -> None:
        self.count += 1
        if self._waiting:
            self._given.set()
            self._given = asyncio.Event()

    async def after(self, count: int) -> None:
        """Until it was given once more than that."""
        self._waiting += 1
        try:
            while self.count <= count:
                await self._given.wait()
        finally:
            self._waiting -= 1
