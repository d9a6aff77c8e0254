"""Batches as Kubernetes Jobs: pods that come and go, and nothing that stays."""

import pytest

from infra.k8s.kinds import Kind
from tests.support.kill_jobs import check
from tests.support.kubernetes_jobs import Yard, a_job, has_done, is_final, template

pytestmark = pytest.mark.kubernetes

BROKEN = "echo no weights at $PORT >&2; exit 3"


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
