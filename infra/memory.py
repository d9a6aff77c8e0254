"""How the C library keeps what Python has freed: as little as can be.

Files pass through in pieces of megabytes, in several threads. Left to itself, glibc would keep a heap for
each thread, and what the largest piece took for good: a third of a server's memory in a long batch. What
is free between things that are not, it gives back only when it is told to.
"""

import asyncio
import ctypes
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8  # of mallopt(3)
LARGE = 128 * 1024  # bytes, which the system gets back as soon as they are free
GIVE_BACK_EVERY = 0.5  # seconds


def keep_little() -> None:
    """Before there are threads. Other C libraries than glibc are as they are."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        for what, value in ((ARENA_MAX, 1), (MMAP_THRESHOLD, LARGE), (TRIM_THRESHOLD, LARGE)):
            mallopt(what, value)


@asynccontextmanager
async def giving_back() -> AsyncIterator[None]:
    """Lines and answers come and go by the thousand, and leave holes in the heap."""
    task = asyncio.create_task(_give_back(), name="memory")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _give_back() -> None:
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    while trim is not None:
        trim(0)
        await asyncio.sleep(GIVE_BACK_EVERY)
