"""Hints from process to process over PostgreSQL's LISTEN and NOTIFY.

They are sent after the commit, on a connection of their own: inside the writing transaction a NOTIFY
would make all commits queue for one lock. They say nothing, and many become one. One that is lost
is harmless: followers also poll.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import structlog

from domain.errors import StorageUnavailable

log = structlog.get_logger()

CHANNEL = "modelyard_events"
AT_MOST_EVERY = 0.01  # seconds between two notifications
STILL_THERE = 30.0  # seconds after which a silent connection is tried
ANSWER_WITHIN = 5.0
SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 5.0
OUTAGES = (StorageUnavailable, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


class Bell:
    """`heard` is called for a notification of another process, and after each reconnect."""

    def __init__(
        self,
        connect: Callable[[], Awaitable["asyncpg.Connection[Any]"]],
        heard: Callable[[], None],
    ) -> None:
        self._connect = connect
        self._heard = heard
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Bell"]:
        task = asyncio.create_task(self._run(), name="event bell")
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        pause = SHORTEST_PAUSE
        while True:
            try:
                connection = await self._connect()
                pause = SHORTEST_PAUSE
                try:
                    await self._serve(connection)
                finally:
                    connection.terminate()
            except OUTAGES as error:
                log.warning("event notifications are interrupted", problem=str(error), pause=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _serve(self, connection: "asyncpg.Connection[Any]") -> None:
        """Until the connection is lost."""
        connection.add_termination_listener(self._lost)
        await connection.add_listener(CHANNEL, self._notified)
        self._heard()
        while not connection.is_closed():
            rung = await self._wait()
            await connection.execute(
                f"NOTIFY {CHANNEL}" if rung else "SELECT 1", timeout=ANSWER_WITHIN
            )
            await asyncio.sleep(AT_MOST_EVERY)

    async def _wait(self) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(STILL_THERE):
                await self._rung.wait()
                self._rung.clear()
                return True
        return False

    def _lost(self, connection: Any) -> None:
        self._rung.set()

    def _notified(self, connection: Any, pid: int, channel: str, payload: object) -> None:
        if pid != connection.get_server_pid():
            self._heard()
