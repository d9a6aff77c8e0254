"""How late this process's event loop is: what a request seems to take longer than it does, and what
everybody else in the process waits."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY = 0.1  # seconds


class Lag:
    """Seconds, of the last second or so."""

    def __init__(self) -> None:
        self._lag = 0.0
        self._ticking: asyncio.TimerHandle | None = None

    def __call__(self) -> float:
        return self._lag

    @contextmanager
    def measured(self, told: Callable[[float], None]) -> Iterator[None]:
        """`told` hears each time how late it was."""
        self._next(asyncio.get_running_loop(), told)
        try:
            yield
        finally:
            if self._ticking is not None:
                self._ticking.cancel()

    def _next(self, loop: asyncio.AbstractEventLoop, told: Callable[[float], None]) -> None:
        self._ticking = loop.call_later(EVERY, self._tick, loop, told, loop.time() + EVERY)

    def _tick(
        self, loop: asyncio.AbstractEventLoop, told: Callable[[float], None], due: float
    ) -> None:
        late = max(0.0, loop.time() - due)
        self._lag += (late - self._lag) / 4
        told(late)
        self._next(loop, told)
