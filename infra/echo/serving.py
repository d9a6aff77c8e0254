"""`modelyard echo`: the engine on a socket, until a signal."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from infra.echo.engine import Echo, Knobs

KEPT_SECONDS = 75  # how long an unused connection stays open


def run(host: str, port: int, knobs: Knobs) -> None:
    """Requests in flight are answered before it ends."""
    echo = Echo(knobs=knobs, replica=f"{port}/{os.getpid()}")
    config = uvicorn.Config(
        echo.app(),
        host=host,
        port=port,
        lifespan="off",
        access_log=False,
        log_level="info",
        server_header=False,
        timeout_keep_alive=KEPT_SECONDS,
    )
    _Server(config).run()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn raises the signal once more at the end: a stop that was asked for is no failure."""
        loop = asyncio.get_running_loop()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, self.handle_exit, each, None)
        try:
            yield
        finally:
            for each in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(each)
