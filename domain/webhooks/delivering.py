"""The loop that tells webhooks of batches' ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from domain.clock import Timer
from domain.errors import CursorExpired, CursorUnknown
from domain.events import Scope
from domain.logger import Logger
from domain.rounds import AFTER_TROUBLE, Rounds
from domain.webhooks.noting import HEARD, Noting, ending
from domain.webhooks.sending import Sending
from domain.work import EventLog

POLLED_EVERY = 1.0
STOP_SECONDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivering:
    log: EventLog
    noting: Noting
    sending: Sending
    timer: Timer
    logger: Logger

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Until the block ends; what is being sent then may take some seconds more."""
        rounds = Rounds(
            name="webhooks",
            act=self.act,
            timer=self.timer,
            logger=self.logger,
            nudged=self.sending.freed,
        )
        working = asyncio.create_task(rounds.run(), name=rounds.name)
        hearing = asyncio.create_task(self._hear(rounds.nudged))
        try:
            yield
        finally:
            rounds.end()
            hearing.cancel()
            await asyncio.gather(working, hearing, return_exceptions=True)
            await self.sending.finish(STOP_SECONDS)

    async def act(self) -> float:
        is_more = await self.noting.note()
        await self.sending.send_due()
        return 0.0 if is_more else POLLED_EVERY

    async def _hear(self, nudged: asyncio.Event) -> None:
        """Sooner than the polling; a hint that is lost is harmless."""
        while True:
            try:
                async with aclosing(self.log.follow(None, Scope(types=HEARD))) as events:
                    async for event in events:
                        if ending(event) is not None:
                            nudged.set()
                return
            except (CursorExpired, CursorUnknown):
                continue
            except Exception:  # the loop's edge
                self.logger.exception("the event log can't be heard")
                await self.timer.wait(asyncio.Event(), AFTER_TROUBLE)
