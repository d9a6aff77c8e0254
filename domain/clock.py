"""Time is passed in: a clock is any function that tells the present as an aware UTC datetime."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)
