"""A worker stands still at the one moment at which it matters, and then goes on as if nothing had been.

What it has to say by then is refused: seen in its own log, and in what there is afterwards.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from time import monotonic

import pytest

from domain.batches.batch import Batch, BatchStatus
from domain.clock import MonotonicTimer
from infra.db.engine import STALLED_SECONDS
from tests.support.fleet import Fleet
from tests.support.kill_jobs import Job
from tests.support.kill_story import LEASE, Story
from tests.support.kill_watch import LOOK_EVERY, WITHIN, HeldShard, watching
from tests.support.marking import marking_engine
from tests.support.postgres import Databases

REFUSED = "results came too late and are refused"
LOST = "a claim was lost"
SEED = 7
AT_ONCE = 0.8 * STALLED_SECONDS  # before the database ends the session that holds the turn


@pytest.fixture
async def story(
    databases: Databases, postgres_template: str, tmp_path: Path
) -> AsyncIterator[Story]:
    """Three workers on one PostgreSQL."""
    with databases.cloned(postgres_template) as database:
        env = {"MODELYARD_BATCH_LEASE": str(LEASE), "MODELYARD_DATABASE_URL": database}
        fleet = Fleet(tmp_path, env, workers=2)
        async with marking_engine() as engine, fleet.running(), watching(database) as watch:
            told = Story(fleet, engine, watch, Random(SEED))
            fleet.undone = lambda owner: watch.undone(told.jobs, owner)
            await told.prepare()
            yield told


async def test_what_a_stalled_worker_stores_late_is_refused(story: Story) -> None:
    """Its object is written and its transaction is not, when others take its shard and go on with it."""
    fleet, watch = story.fleet, story.watch
    job = story.a_job(900, first="slow", options={"maxConcurrency": 96})
    await story.create(job)
    await story.answered(job, 50)
    [held] = await watch.shards(job)
    [owner] = [name for name in fleet.names if fleet.worker_of(name) == held.owner]
    async with AsyncExitStack() as stall:
        name = await writer_stopped(story, job, BatchStatus.IN_PROGRESS, stall, owner)
        [before] = await watch.shards(job)
        assert before.owner == fleet.worker_of(name)
        await until_shard(story, job, lambda shard: shard.undone < before.undone)
        [after] = await watch.shards(job)
        assert after.token > before.token
        async with watch.nobody_renews():  # only the token can tell it
            await stall.aclose()
            refused = await told(story, name, REFUSED, AT_ONCE)
    assert (refused["batch"], refused["shards"]) == (job.key, [before.number])
    key = str(refused["key"])
    assert key not in await watch.segments(job)
    await until(lambda: not (fleet.storage / "objects" / key).exists())
    await story.check(job)
    story.check_resent()


async def test_what_a_stalled_worker_finalizes_late_is_refused(story: Story) -> None:
    """It is writing the results when another one writes them, and is done."""
    fleet, watch = story.fleet, story.watch
    async with AsyncExitStack() as stall:
        job = story.a_job(4_000, padding=512, model="any", options={"target": "ECHO"})
        await story.create(job)
        await watch.until(job, lambda batch: batch.status is BatchStatus.FINALIZING)
        name = await writer_stopped(story, job, BatchStatus.FINALIZING, stall)
        ended = await watch.until(job, lambda batch: batch.is_final)
        await stall.aclose()
        lost = await told(story, name, LOST)
    assert lost["batch"] == job.key
    assert results(await watch.batch(job)) == results(ended)
    files = [file for file in await watch.files() if file.batch_id == job.key]
    assert {file.id for file in files} == {ended.output_file_id}
    area = fleet.storage / "objects" / "batches" / job.key
    kept = {file.key for file in files}
    await until(lambda: {f"batches/{job.key}/{each.name}" for each in area.iterdir()} == kept)
    await story.check(job)


def results(batch: Batch) -> tuple[object, ...]:
    return batch.status, batch.output_file_id, batch.error_file_id


async def writer_stopped(
    story: Story, job: Job, status: BatchStatus, stall: AsyncExitStack, *names: str
) -> str:
    """Who (of those, if any are named) was stopped over an object of the job in that status, surely
    before any row names it."""
    drafts = str(story.fleet.storage / "objects" / "tmp")
    while (name := await story.writer(job, *names)) is not None:
        tried = AsyncExitStack()
        await tried.enter_async_context(story.fleet.stopped(name, "committing"))
        is_writing = any(each.startswith(drafts) for each in story.fleet.open_files(name))
        if is_writing and (await story.watch.batch(job)).status is status:
            await stall.enter_async_context(tried)
            return name
        await tried.aclose()
    raise AssertionError("the job was over before anybody was seen writing")


async def until_shard(story: Story, job: Job, is_so: Callable[[HeldShard], bool]) -> None:
    timer, never = MonotonicTimer(), asyncio.Event()
    async with asyncio.timeout(WITHIN):
        while not any(map(is_so, await story.watch.shards(job))):
            await timer.wait(never, LOOK_EVERY)


async def told(story: Story, name: str, event: str, within: float = WITHIN) -> dict[str, object]:
    """What the process logged, once it has."""
    log = story.fleet.place / f"{name}.log"
    deadline = monotonic() + within
    while True:
        for line in log.read_text().splitlines():
            if f'"{event}"' in line:
                said: dict[str, object] = json.loads(line)
                return said
        assert monotonic() < deadline, f"{name} went on as if nothing had been: no {event!r}"
        await asyncio.sleep(LOOK_EVERY)


async def until(is_so: Callable[[], bool]) -> None:
    timer, never = MonotonicTimer(), asyncio.Event()
    async with asyncio.timeout(WITHIN):
        while not is_so():
            await timer.wait(never, LOOK_EVERY)
