"""Parts of the event log, followed: to a last event, or told no more often than somebody can look."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from domain.clock import Timer
from domain.events import Cursor, Event, Scope
from domain.work import EventLog

BATCH = 100


async def until(
    log: EventLog, start: Cursor, wanted: Scope, is_last: Callable[[Event], bool]
) -> AsyncGenerator[Event, None]:
    """The scope's events behind the cursor, up to and with the last one."""
    async with aclosing(log.follow(start, wanted)) as followed:
        async for event in followed:
            yield event
            if is_last(event):
                return


async def rest(log: EventLog, start: Cursor, wanted: Scope) -> AsyncGenerator[Event, None]:
    """What a log that gets no more of the scope still holds."""
    while found := await log.read(start, BATCH, wanted):
        for event in found:
            yield event
        start = found[-1].cursor


async def coalesced(
    changes: AsyncGenerator[object, None], every: float, timer: Timer
) -> AsyncGenerator[None, None]:
    """A sign for whatever came since the one before, at most one in `every` seconds (from now on);
    the last change always gets one. Ends, or fails, as the changes do."""
    news, never = asyncio.Event(), asyncio.Event()

    async def note() -> None:
        async with aclosing(changes) as coming:
            async for _ in coming:
                news.set()

    noting = asyncio.create_task(note())
    noting.add_done_callback(lambda _: news.set())
    told = timer.now()
    try:
        while True:
            await news.wait()
            if (pause := told + every - timer.now()) > 0:
                await timer.wait(never, pause)
            news.clear()
            is_over, told = noting.done(), timer.now()
            if is_over:
                noting.result()
            yield None
            if is_over:
                return
    finally:
        noting.cancel()
        await asyncio.wait({noting})
