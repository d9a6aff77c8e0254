"""What has bitten real systems (the end of the design of batches): each lesson with the test that fails
where it is unlearned. Here are those that belong to no one part; the others stay beside their part.
"""

import asyncio
from pathlib import Path

from infra.inference.engines import connections
from tests.support.dedicated_jobs import visiting
from tests.support.holding import MODEL, holding_engine
from tests.support.kill_jobs import Job
from tests.support.server import running
from tests.support.working import World

AT_ONCE = 600
JOBS = 10  # each at a target of its own, where it begins with 64
PATIENCE = 120.0  # seconds, of a busy machine


async def test_a_server_has_600_requests_at_once_at_an_engine_that_takes_them(
    tmp_path: Path,
) -> None:
    """Nothing of a whole server caps them: neither its connections, nor its files, nor its memory."""
    jobs = [Job([f"{n}-{line}" for line in range(64)], model=f"{MODEL}-{n}") for n in range(JOBS)]
    async with holding_engine(AT_ONCE) as engine:
        with running(tmp_path / "data") as server:
            async with visiting(server.url) as visitor:
                for job in jobs:
                    said = {"name": job.model, "baseUrl": engine.url, "models": [job.model]}
                    await visitor.api.change("createExternalEndpoint", said)
                await asyncio.gather(*(job.create(visitor.api.http) for job in jobs))
                async with asyncio.timeout(PATIENCE):
                    assert await engine.most() >= AT_ONCE
                ends = [await visitor.end_of(job) for job in jobs]
    for end in ends:
        counts = end.shown["request_counts"]
        assert counts == {"total": 64, "completed": 64, "failed": 0}


async def test_one_job_has_600_requests_at_once_at_an_engine_that_takes_them() -> None:
    """From 64 on, by a clock that stands still: so that the machine's own slowness is not the engine's."""
    world = World()
    batch = await world.batch(lines=6_000)
    async with holding_engine(AT_ONCE, warm=3_000) as engine, connections() as engines:
        world.seats.ids = [engine.address]
        async with world.worker(inference=engines).running():
            async with asyncio.timeout(PATIENCE):
                assert await engine.most() >= AT_ONCE
    assert (await world.now(batch)).failed == 0
