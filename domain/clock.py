"""Time is passed in: a clock is any function that tells the present as an aware UTC datetime.

A timer is for waiting: it can't be set back, and runs on while this process is stopped.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from math import inf
from time import monotonic
from typing import Protocol

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


class Timer(Protocol):
    def now(self) -> float:
        """Seconds since some moment."""

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Until the event is set, but not longer than so many seconds; `inf` waits for it alone."""


class MonotonicTimer:
    def now(self) -> float:
        return monotonic()

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(None if seconds == inf else max(0.0, seconds)):
                await event.wait()
