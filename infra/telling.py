"""What tells webhooks of the ends of batch jobs, joined with this server's store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import SystemRandom

import structlog

from domain.clock import MonotonicTimer, utc_now
from domain.ids import new_id
from domain.secrets.ports import Sealer
from domain.webhooks.delivering import Delivering
from domain.webhooks.noting import Noting
from domain.webhooks.sending import Sending
from infra.store import Store
from infra.webhooks.sender import open_sender


@asynccontextmanager
async def telling(store: Store, sealer: Sealer) -> AsyncIterator[None]:
    """Until the block ends. Any number of servers may do so at once."""
    logger = structlog.get_logger("domain.webhooks")
    async with open_sender() as sender:
        delivering = Delivering(
            log=store.log,
            noting=Noting(
                reads=store.reads, start_work=store.start_work, log=store.log, new_id=new_id
            ),
            sending=Sending(
                reads=store.reads,
                start_work=store.start_work,
                sender=sender,
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
