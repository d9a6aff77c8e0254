"""How the C library keeps what Python has freed: as little as can be.

Files pass through in pieces of megabytes, in several threads. Left to itself, glibc would keep a heap for
each thread, and what the largest piece took for good: a third of a server's memory in a long batch.
"""

import ctypes
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8  # of mallopt(3)
LARGE = 128 * 1024  # bytes, which the system gets back as soon as they are free


def keep_little() -> None:
    """Before there are threads. Other C libraries than glibc are as they are."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        for what, value in ((ARENA_MAX, 1), (MMAP_THRESHOLD, LARGE), (TRIM_THRESHOLD, LARGE)):
            mallopt(what, value)
