"""What tells webhooks of the ends of batch jobs, joined with this server's store."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from random import SystemRandom

import structlog

from domain.clock import MonotonicTimer, utc_now
from domain.ids import new_id
from domain.secrets.ports import Sealer
from domain.webhooks.delivering import Delivering
from domain.webhooks.noting import Noting
from domain.webhooks.ports import Sender
from domain.webhooks.sending import Sending
from infra.store import Store


@asynccontextmanager
async def telling(store: Store, sealer: Sealer) -> AsyncIterator[None]:
    """Until the block ends. Any number of servers may do so at once."""
    logger = structlog.get_logger("domain.webhooks")
    async with AsyncExitStack() as stack:
        delivering = Delivering(
            log=store.log,
            noting=Noting(
                reads=store.reads, start_work=store.start_work, log=store.log, new_id=new_id
            ),
            sending=Sending(
                reads=store.reads,
                start_work=store.start_work,
                sender=Deliveries(stack),
                sealer=sealer,
                clock=utc_now,
                chance=SystemRandom().random,
                logger=logger,
            ),
            timer=MonotonicTimer(),
            logger=logger,
        )
        async with delivering.running():
            yield


@dataclass(slots=True)
class Deliveries:
    """A sender from the first delivery on: most servers start without any, and aiohttp takes time."""

    stack: AsyncExitStack
    _open: Sender | None = field(default=None)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        sender = self._open or await self._opened()
        return await sender.send(url, headers, body)

    async def _opened(self) -> Sender:
        async with self._opening:
            if self._open is None:
                from infra.webhooks.sender import open_sender

                self._open = await self.stack.enter_async_context(open_sender())
            return self._open
