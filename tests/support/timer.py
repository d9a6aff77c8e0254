"""A timer and a clock that move together, and only when a test says so."""

import asyncio
from datetime import timedelta

from tests.support.clock import TestClock

TURNS = 400  # of the event loop: more than what anything in memory takes to come to rest


class TestTimer:
    """`pass_(2)` lets two seconds pass, stopping at each alarm on the way; `settle()` lets everything
    that waits for no time come to rest."""

    __test__ = False

    def __init__(self, clock: TestClock) -> None:
        self.clock = clock
        self._now = 0.0
        self._alarms: list[tuple[float, asyncio.Event]] = []

    def now(self) -> float:
        return self._now

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        alarm = self._now + seconds, asyncio.Event()
        self._alarms.append(alarm)
        waiting = {asyncio.ensure_future(each.wait()) for each in (event, alarm[1])}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._alarms.remove(alarm)
            for each in waiting:
                each.cancel()

    async def pass_(self, seconds: float) -> None:
        until = self._now + seconds
        await settle()
        while alarms := [at for at, _ in self._alarms if at <= until]:
            self._move(max(min(alarms), self._now))
            for _, alarm in [each for each in self._alarms if each[0] <= self._now]:
                alarm.set()
            await settle()
        self._move(until)
        await settle()

    async def turn(self, count: int = 1) -> None:
        """One turn of the event loop, or some, and no time at all."""
        for _ in range(count):
            await asyncio.sleep(0)

    def stop(self, seconds: float) -> None:
        """As if this process had been stopped for so long: time passes, and nobody notices."""
        self._move(self._now + seconds)

    def _move(self, now: float) -> None:
        self.clock.advance(timedelta(seconds=now - self._now))
        self._now = now


async def settle() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)
