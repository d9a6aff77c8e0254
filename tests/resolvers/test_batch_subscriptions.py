"""Following batch jobs. Each test waits for the next event or moves its own time; none sleeps."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from domain.batches.batch import Batch, BatchReason, BatchStatus
from domain.batches.facts import BatchJobPaused
from domain.errors import StorageUnavailable
from resolvers.following import coalesced
from schema.relay import global_id
from tests.support.batching import Jobs
from tests.support.build import a_caller
from tests.support.clock import TestClock
from tests.support.graph import Answer, Graph
from tests.support.timer import TestTimer, settle

EVENTS = """subscription($id: ID!, $after: String) { batchJobEvents(batchJobId: $id, after: $after) {
  __typename cursor ... on BatchJobEvent { batchJobId batchJob { status } }
  ... on BatchJobProgressed { total completed failed }
  ... on BatchJobStatusChanged { jobStatusBefore jobStatusAfter jobReason message } } }"""
PROGRESS = """subscription($id: ID!) { batchJobProgress(batchJobId: $id) {
  status counts { completed } outputFile { id } } }"""


@pytest.fixture
def jobs(graph: Graph) -> Jobs:
    return Jobs(graph.house)


@pytest.fixture
def timer(graph: Graph) -> TestTimer:
    graph.timer = timer = TestTimer(TestClock())
    return timer


def own(job: Batch) -> str:
    return global_id("BatchJob", job.id)


async def head(graph: Graph) -> str:
    return str((await graph.get("{ eventCursor }"))["eventCursor"])


async def every(stream: AsyncIterator[Answer]) -> list[Any]:
    found = [answer async for answer in stream]
    assert [answer.errors for answer in found] == [[] for _ in found]
    return [next(iter(answer.data.values())) for answer in found]


async def test_a_jobs_events_are_told_up_to_its_end(graph: Graph, jobs: Jobs) -> None:
    after = await head(graph)
    job = await jobs.made()
    other = await jobs.made()
    async with aclosing(graph.follow(EVENTS, id=own(job), after=after)) as stream:
        first = (await anext(stream)).data["batchJobEvents"]
        assert (first["__typename"], first["batchJobId"]) == ("BatchJobCreated", own(job))
        assert first["batchJob"] == {"status": "VALIDATING"}
        job = await jobs.become(job, BatchStatus.IN_PROGRESS, total=2, reason=BatchReason.QUEUED)
        changed = (await anext(stream)).data["batchJobEvents"]
        assert (changed["jobStatusBefore"], changed["jobStatusAfter"]) == (
            "VALIDATING",
            "IN_PROGRESS",
        )
        assert changed["jobReason"] == "QUEUED"
        await jobs.become(other, BatchStatus.FAILED)
        job = await jobs.progress(job, completed=1, failed=1)
        job = await jobs.become(job, BatchStatus.FINALIZING, reason=None)
        job = await jobs.become(job, BatchStatus.COMPLETED)
        rest = await every(stream)
    assert [each["__typename"] for each in rest] == [
        "BatchJobProgressed",
        "BatchJobStatusChanged",
        "BatchJobStatusChanged",
    ]
    assert [rest[0][name] for name in ("total", "completed", "failed")] == [2, 1, 1]
    assert rest[2]["jobStatusAfter"] == "COMPLETED"


async def test_the_history_of_a_final_job_is_replayed_and_ends(graph: Graph, jobs: Jobs) -> None:
    after = await head(graph)
    job = await jobs.become(await jobs.made(), BatchStatus.FAILED, message="Bad.")
    found = await every(graph.follow(EVENTS, id=f"batch_{job.id}", after=after))
    assert [each["__typename"] for each in found] == ["BatchJobCreated", "BatchJobStatusChanged"]
    assert found[1]["message"] == "Bad."
    assert await every(graph.follow(EVENTS, id=own(job))) == []
    assert await every(graph.follow(EVENTS, id=own(job), after=found[1]["cursor"])) == []
    assert await every(graph.follow(EVENTS, id=own(job), after=found[0]["cursor"])) == found[1:]


@pytest.mark.parametrize("query", [EVENTS, PROGRESS])
async def test_errors_come_as_one_result_and_the_stream_ends(
    graph: Graph, jobs: Jobs, query: str
) -> None:
    job = await jobs.made()
    for caller, wrong in (
        (None, "garbage"),
        (a_caller("f" * 32), own(job)),
        (None, own(job) + "x"),
    ):
        [answer] = [each async for each in graph.follow(query, caller, id=wrong)]
        assert (answer.data, answer.codes) == (None, ["NOT_FOUND"])


async def test_progress_begins_with_the_job_as_it_is(graph: Graph, jobs: Jobs) -> None:
    job = await jobs.become(await jobs.made(), BatchStatus.FAILED)
    found = await every(graph.follow(PROGRESS, id=own(job)))
    assert found == [{"status": "FAILED", "counts": {"completed": 0}, "outputFile": None}]


def counts(answers: list[Answer]) -> list[int]:
    return [answer.data["batchJobProgress"]["counts"]["completed"] for answer in answers]


async def collecting(stream: AsyncGenerator[Answer, None], into: list[Answer]) -> None:
    async with aclosing(stream):
        async for answer in stream:
            into.append(answer)  # noqa: PERF401  they are looked at meanwhile


async def test_progress_comes_ten_times_a_second_at_most_and_the_last_time_always(
    graph: Graph, jobs: Jobs, timer: TestTimer
) -> None:
    job = await jobs.running(total=1_000)
    seen: list[Answer] = []
    following = asyncio.create_task(collecting(graph.follow(PROGRESS, id=own(job)), seen))
    await settle()
    assert counts(seen) == [0]
    for done in range(1, 101):  # a hundred commits within a second
        job = await jobs.progress(job, completed=done)
        await timer.pass_(0.01)
    assert len(seen) <= 11
    assert counts(seen) == sorted(set(counts(seen)))
    await timer.pass_(0.1)
    assert counts(seen)[-1] == 100
    known = len(seen)
    await timer.pass_(5)
    assert len(seen) == known
    file = await jobs.uploaded()
    job = await jobs.become(job, BatchStatus.FINALIZING)
    job = await jobs.become(job, BatchStatus.COMPLETED, output_file_id=file.id, completed=1_000)
    await timer.pass_(0.1)
    await following
    assert len(seen) == known + 1
    assert seen[-1].data["batchJobProgress"] == {
        "status": "COMPLETED",
        "counts": {"completed": 1_000},
        "outputFile": {"id": global_id("File", file.id)},
    }


async def test_what_shows_no_change_is_not_told(graph: Graph, jobs: Jobs, timer: TestTimer) -> None:
    job = await jobs.running()
    seen: list[Answer] = []
    following = asyncio.create_task(collecting(graph.follow(PROGRESS, id=own(job)), seen))
    await settle()
    await jobs.put(job, BatchJobPaused(batch_job_id=job.id))
    await timer.pass_(1)
    assert len(seen) == 1
    following.cancel()
    await asyncio.wait({following})


async def test_a_job_that_ends_as_it_is_first_seen_is_not_followed_for_ever(
    graph: Graph, jobs: Jobs, timer: TestTimer
) -> None:
    """Its end lies between the log's head, which is read first, and the job."""
    job = await jobs.running()
    seen: list[Answer] = []
    following = asyncio.create_task(collecting(graph.follow(PROGRESS, id=own(job)), seen))
    job = await jobs.become(job, BatchStatus.CANCELLING)
    job = await jobs.become(job, BatchStatus.CANCELLED, failed=10)
    await timer.pass_(1)
    await following
    assert seen[-1].data["batchJobProgress"]["status"] == "CANCELLED"


async def changes(*steps: Any) -> AsyncGenerator[Any, None]:
    for step in steps:
        if isinstance(step, Exception):
            raise step
        yield step


async def test_a_sign_stands_for_all_that_came_and_fails_as_the_changes_do() -> None:
    timer = TestTimer(TestClock())
    away = StorageUnavailable(where="the log", problem="x")
    signs = [sign async for sign in coalesced(changes(1, 2, 3), 0.0, timer)]
    assert len(signs) == 1
    with pytest.raises(StorageUnavailable):
        await anext(coalesced(changes(1, away), 0.0, timer))


async def test_who_leaves_ends_what_was_followed() -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncGenerator[int, None]:
        try:
            while True:
                yield 1
                await asyncio.sleep(0)
        finally:
            ended.set()

    async with aclosing(coalesced(endless(), 0.0, TestTimer(TestClock()))) as signs:
        await anext(signs)
    assert ended.is_set()
