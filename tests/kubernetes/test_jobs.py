"""Batches as Kubernetes Jobs: pods that come and go, and nothing that stays."""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.k8s.cluster import Cluster
from infra.k8s.kinds import Kind
from tests.support.dedicated_jobs import Visitor, visiting, within
from tests.support.kill_jobs import Job, check, ended
from tests.support.kubernetes_jobs import JobPods, Relay, relaying, settings, template
from tests.support.server import running

pytestmark = pytest.mark.kubernetes

BROKEN = "echo no weights at $PORT >&2; exit 3"


@dataclass(frozen=True)
class Yard:
    data_dir: Path
    relay: Relay
    place: JobPods
    image: str
    env: Mapping[str, str]

    @asynccontextmanager
    async def served(self) -> AsyncIterator[Visitor]:
        with running(self.data_dir, env=self.env) as server:
            self.relay.lead(server.url)
            try:
                async with visiting(server.url) as visitor:
                    yield visitor
            finally:
                self.relay.lead(None)


@pytest.fixture
async def yard(
    tmp_path: Path, kubeconfig: Path, cluster: Cluster, namespace: str, image: str
) -> AsyncIterator[Yard]:
    async with relaying() as relay:
        env = settings(kubeconfig, namespace, image, relay)
        yield Yard(tmp_path / "data", relay, JobPods(cluster, namespace), image, env)


def a_job(model: str, lines: int, window: str = "24h", **options: Any) -> Job:
    said = {
        "target": "KUBERNETES_JOB",
        "template": {"name": model},
        "replicas": 2,
        "maxConcurrency": 8,
        **options,
    }
    marks = [f"line-{n}" for n in range(lines)]
    return Job(marks, model=model, window=window, options=said)


async def has_done(visitor: Visitor, job: Job, lines: int, seconds: float = 120.0) -> int:
    async with within(seconds) as looks:
        async for _ in looks:
            if (done := await visitor.completed(job)) >= lines:
                return done
    raise AssertionError


async def is_final(visitor: Visitor, job: Job, seconds: float = 180.0) -> Any:
    async with within(seconds) as looks:
        async for _ in looks:
            shown = (await visitor.api.http.get(f"/v1/batches/{job.id}")).json()
            if shown["status"] in ("completed", "cancelled", "expired", "failed"):
                return await ended(visitor.api.http, job)
    raise AssertionError


async def test_every_line_is_answered_once_though_pods_are_deleted_midway(yard: Yard) -> None:
    chance = random.Random(5)
    async with yard.served() as visitor:
        await template(visitor.api, "slow", yard.image)
        job = a_job("slow", 1_000, maxConcurrency=20)
        job.padding = 9_000  # three shards
        await job.create(visitor.api.http)
        await yard.place.has_pods(2)
        for threshold in (60, 250, 500):
            await has_done(visitor, job, threshold)
            pods = await yard.place.pods()
            await yard.place.kill(chance.choice(pods))
        end = await is_final(visitor, job)
        check(job, end)
        assert (end.shown["status"], end.errors) == ("completed", [])
        assert end.shown["modelyard"]["target"] == "KUBERNETES_JOB"
        assert {line["response"]["modelyard"]["revision"] for line in end.output} == {1}
        await yard.place.is_empty()


async def test_an_engine_that_never_becomes_ready_is_told_of_with_its_last_lines(
    yard: Yard,
) -> None:
    async with yard.served() as visitor:
        await template(visitor.api, "broken", yard.image, BROKEN, ready_timeout=10)
        job = a_job("broken", 3)
        await job.create(visitor.api.http)
        end = await is_final(visitor, job)
        [error] = end.shown["errors"]["data"]
        assert error["code"] == "deployment_not_ready"
        assert "never became ready" in error["message"]
        assert "no weights at 8000" in error["message"]
        assert end.shown["request_counts"] == {"total": 3, "completed": 0, "failed": 3}
        await yard.place.is_empty()


async def test_a_cancelled_job_keeps_what_was_done_and_leaves_nothing(yard: Yard) -> None:
    async with yard.served() as visitor:
        await template(visitor.api, "slow", yard.image)
        job = a_job("slow", 1_000)
        await job.create(visitor.api.http)
        done = await has_done(visitor, job, 20)
        await visitor.api.http.post(f"/v1/batches/{job.id}/cancel")
        end = await is_final(visitor, job)
        check(job, end)
        assert end.shown["status"] == "cancelled"
        assert done <= len(end.output) < 1_000
        await yard.place.is_empty()


async def test_a_job_whose_window_closes_expires_and_leaves_nothing(yard: Yard) -> None:
    async with yard.served() as visitor:
        await template(visitor.api, "slow", yard.image)
        job = a_job("slow", 1_000, window="1m", maxConcurrency=2)
        await job.create(visitor.api.http)
        end = await is_final(visitor, job)
        check(job, end)
        assert end.shown["status"] == "expired"
        assert 0 < len(end.output) < 1_000
        await yard.place.is_empty()


async def test_pods_go_on_with_another_server_on_the_same_data(yard: Yard) -> None:
    async with yard.served() as visitor:
        await template(visitor.api, "slow", yard.image)
        job = a_job("slow", 400)
        await job.create(visitor.api.http)
        done = await has_done(visitor, job, 40)
        before = {pod["metadata"]["uid"] for pod in await yard.place.pods()}
    async with yard.served() as visitor:
        await has_done(visitor, job, done + 40)
        assert {pod["metadata"]["uid"] for pod in await yard.place.pods()} == before
        end = await is_final(visitor, job)
        check(job, end)
        assert (end.shown["status"], end.errors) == ("completed", [])
        await yard.place.is_empty()


async def test_a_paused_job_has_no_pods_until_it_is_resumed(yard: Yard) -> None:
    async with yard.served() as visitor:
        await template(visitor.api, "slow", yard.image)
        job = a_job("slow", 200)
        await job.create(visitor.api.http)
        await has_done(visitor, job, 20)
        await visitor.change("pauseBatchJob", job)
        assert await yard.place.has_pods(0) == []
        assert len(await yard.place.of(Kind.JOB)) == 1
        await visitor.change("resumeBatchJob", job)
        end = await is_final(visitor, job)
        check(job, end)
        assert (end.shown["status"], end.errors) == ("completed", [])
        await yard.place.is_empty()
