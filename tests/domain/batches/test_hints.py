"""What makes tending look before its second is over."""

import asyncio

import pytest

from domain.batches.facts import BatchJobProgressed
from domain.batches.tending.hints import Hints
from domain.events import Fact
from tests.support.batch_yard import BatchYard
from tests.support.timer import settle
from tests.support.working import Told


async def nudges(fact: Fact) -> bool:
    yard = BatchYard()
    batch = await yard.batch(b"")
    nudged = asyncio.Event()
    hints = Hints(
        log=yard.store.log,
        start_work=yard.store.start_work,
        provisioning={},
        nudged=nudged,
        clock=yard.clock,
        timer=yard.timer,
        logger=Told(),
    )
    hearing = asyncio.create_task(hints.hear())
    await settle()
    async with yard.store.start_work("test", "test") as work:
        work.record(batch.project_id, fact)
    await settle()
    hearing.cancel()
    return nudged.is_set()


def progressed(completed: int, failed: int) -> BatchJobProgressed:
    return BatchJobProgressed(batch_job_id="b", total=10, completed=completed, failed=failed)


@pytest.mark.parametrize(("completed", "failed"), [(10, 0), (7, 3), (0, 10)])
async def test_the_last_progress_of_a_batch_nudges(completed: int, failed: int) -> None:
    assert await nudges(progressed(completed, failed))


@pytest.mark.parametrize(("completed", "failed"), [(0, 0), (9, 0), (6, 3)])
async def test_progress_that_leaves_lines_does_not_nudge(completed: int, failed: int) -> None:
    assert not await nudges(progressed(completed, failed))
