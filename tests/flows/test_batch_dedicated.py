"""Batch jobs on deployments that are made for them, by a real server with real processes."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

from schema.relay import parse_id
from tests.support.dedicated_jobs import (
    Event,
    Visitor,
    answering,
    replica_processes,
    visiting,
    within,
)
from tests.support.kill_jobs import Ended, Job, check
from tests.support.kill_watch import watching
from tests.support.server import running

SLOW = "modelyard echo --host {host} --port {port} --name {name} --latency 0.1"
BROKEN = "echo no weights at $PORT >&2; exit 3"
LINES = 300


def a_job(template: str, lines: int = LINES, **options: Any) -> Job:
    said = {"template": {"name": template}, "maxConcurrency": 20, **options}
    return Job([f"line-{n}" for n in range(lines)], model=template, options=said)


async def started(visitor: Visitor, job: Job) -> Event:
    await job.create(visitor.api.http)
    return await visitor.placed(job)


async def is_free(data_dir: Path, deployment_id: str) -> None:
    """Soon, behind its job's end; no client can see it."""
    _, key = parse_id(deployment_id) or ("", "")
    async with (
        watching(f"sqlite+aiosqlite:///{data_dir / 'modelyard.db'}") as watch,
        within() as looks,
    ):
        async for _ in looks:
            if (await watch.reads.dedicated.by_ids([key]))[key].keep_until is not None:
                return


def check_all_answered(job: Job, end: Ended) -> None:
    check(job, end)
    assert (end.shown["status"], end.shown["errors"], end.errors) == ("completed", None, [])
    assert end.shown["modelyard"]["target"] == "DEDICATED"


async def test_a_job_outlives_one_of_its_replicas(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with running(data_dir, "--stop-replicas") as server:
        async with visiting(server.url) as visitor:
            await visitor.template("slow", SLOW)
            job = a_job("slow", replicas=2)
            placed = await started(visitor, job)
            await visitor.heard(job, lambda event: event.get("completed", 0) > 0)
            await visitor.change("pauseBatchJob", job)
            await visitor.all_healthy(placed["placedDeploymentId"], 2)
            paused_at = await visitor.completed(job)
            await visitor.change("resumeBatchJob", job)
            await visitor.heard(job, lambda event: event.get("completed", 0) > paused_at + 40)
            [(killed, victim), _] = replica_processes(data_dir).items()
            os.kill(killed, signal.SIGKILL)
            end = await visitor.end_of(job)
            check_all_answered(job, end)
            assert 0 < answering(end)[victim] < LINES
            await visitor.none_left(data_dir, job)


async def test_a_job_whose_engine_never_becomes_ready_says_why_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    data_dir = tmp_path / "data"
    with running(data_dir, "--stop-replicas") as server:
        async with visiting(server.url) as visitor:
            await visitor.template("broken", BROKEN, ready_timeout=2)
            job = a_job("broken", lines=3, replicas=2)
            await started(visitor, job)
            end = await visitor.end_of(job)
            [error] = end.shown["errors"]["data"]
            assert error["code"] == "deployment_not_ready"
            assert "never became ready" in error["message"]
            assert error["message"].splitlines()[-1].startswith("no weights at ")
            assert (end.shown["status"], end.shown["output_file_id"]) == ("completed", None)
            assert end.shown["request_counts"] == {"total": 3, "completed": 0, "failed": 3}
            assert [line["custom_id"] for line in end.errors] == job.marks
            told = {(line["response"], line["error"]["code"]) for line in end.errors}
            assert told == {(None, "inference_unreachable")}
            await visitor.none_left(data_dir, job)


async def test_two_jobs_at_once_on_one_template_have_a_deployment_each(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with running(data_dir, "--stop-replicas") as server:
        async with visiting(server.url) as visitor:
            await visitor.template("slow", SLOW)
            jobs = [a_job("slow", lines=100), a_job("slow", lines=100)]
            placed = await asyncio.gather(*(started(visitor, job) for job in jobs))
            assert len({each["placedDeploymentId"] for each in placed}) == 2
            ends = [await visitor.end_of(job) for job in jobs]
            for job, end in zip(jobs, ends, strict=True):
                check_all_answered(job, end)
            assert len(answering(ends[0]) + answering(ends[1])) == 2
            await visitor.none_left(data_dir, *jobs)


async def test_a_warm_deployment_is_the_next_jobs_and_goes_when_its_time_is_up(
    tmp_path: Path,
) -> None:
    """The next server's first look is what finds that it is up."""
    data_dir = tmp_path / "data"
    first, second = a_job("slow", lines=40, keepAlive="10m"), a_job("slow", lines=40, keepAlive=1)
    with running(data_dir) as server:
        async with visiting(server.url) as visitor:
            await visitor.template("slow", SLOW)
            made = await started(visitor, first)
            ended_first = await visitor.end_of(first)
            await is_free(data_dir, made["placedDeploymentId"])
            processes = replica_processes(data_dir)
            taken = await started(visitor, second)
            ended_second = await visitor.end_of(second)
            check_all_answered(first, ended_first)
            check_all_answered(second, ended_second)
    assert taken["placedDeploymentId"] == made["placedDeploymentId"]
    assert "A deployment was made" in made["why"]
    assert "warm deployment" in taken["why"]
    assert set(answering(ended_first)) == set(answering(ended_second)) == set(processes.values())
    with running(data_dir, "--stop-replicas") as server:
        async with visiting(server.url) as visitor:
            await visitor.none_left(data_dir, first, second)
