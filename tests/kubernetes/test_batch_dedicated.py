"""Batch jobs on deployments that are made for them, whose replicas are pods."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.k8s import objects
from infra.k8s.cluster import Cluster
from infra.k8s.kinds import Kind
from infra.k8s.manifests import names
from schema.relay import global_id
from tests.support.dedicated_jobs import JOB, Visitor, answering, visiting
from tests.support.kill_jobs import Ended, Job, check
from tests.support.pod_flows import Place, a_server, healthy, left, pods_of, until
from tests.support.server import Running

pytestmark = pytest.mark.kubernetes

LINES = 1_000
GRACE = 10  # seconds
ECHO = "modelyard echo --host {host} --port {port} --name {name}"
CHECK = {"interval": 0.5, "max_retries": 3, "max_wait_time": 5, "initial_delay": 60}
SLOW = {"start_command": f"{ECHO} --latency 0.2", "port": 8000, "health_check": CHECK}


@pytest.fixture(params=["pod", "proxy"])
def server(request: pytest.FixtureRequest, tmp_path: Path, place: Place) -> Iterator[Running]:
    with a_server(tmp_path / "data", place, kubernetes_routing=request.param) as server:
        yield server


@pytest.fixture
async def visitor(server: Running) -> AsyncIterator[Visitor]:
    async with visiting(server.url) as visitor:
        yield visitor


async def a_template(
    visitor: Visitor, image: str, service: dict[str, Any], ready_timeout: int = 400
) -> None:
    said = {
        "name": "pods",
        "runtimeVariant": "ECHO",
        "spec": {"image": image, "models": [{"name": "pods", "service": service}]},
        "batch": {"readyTimeout": f"PT{ready_timeout}S"},
        "status": "ACTIVE",
    }
    await visitor.api.change("createDeploymentTemplate", said)


def a_job(lines: int = LINES, **options: Any) -> Job:
    said = {"template": {"name": "pods"}, "maxConcurrency": 16, **options}
    return Job([f"line-{n}" for n in range(lines)], model="pods", options=said)


async def start(visitor: Visitor, job: Job) -> Any:
    """Told when it has its deployment."""
    await job.create(visitor.api.http)
    return await patiently(lambda: visitor.placed(job))


async def end_of(visitor: Visitor, job: Job) -> Ended:
    end: Ended = await patiently(lambda: visitor.end_of(job))
    return end


async def patiently(hearing: Any) -> Any:
    """A pod takes longer to start than a follower waits for the next event."""
    found: list[Any] = []

    async def heard() -> bool:
        try:
            found.append(await hearing())
        except TimeoutError:
            return False
        return True

    await until(heard)
    return found[0]


def check_all_answered(job: Job, end: Ended) -> None:
    check(job, end)
    assert (end.shown["status"], end.shown["errors"], end.errors) == ("completed", None, [])
    assert end.shown["modelyard"]["target"] == "DEDICATED"


async def check_nothing_left(
    visitor: Visitor, cluster: Cluster, namespace: str, *jobs: Job
) -> None:
    async def is_over() -> bool:
        return {each["status"] for each in await visitor.dedicated()} <= {"STOPPED"}

    await until(is_over)

    async def is_empty() -> bool:
        return await left(cluster, namespace) == {}

    await until(is_empty)
    for job in jobs:
        shown = await visitor.api.get(JOB, id=global_id("BatchJob", job.key))
        assert shown["batchJob"]["deployment"]["status"] == "STOPPED"


async def test_a_job_of_a_thousand_lines_outlives_one_of_its_two_pods(
    visitor: Visitor, image: str, cluster: Cluster, namespace: str
) -> None:
    await a_template(visitor, image, SLOW)
    job = a_job(replicas=2)
    placed = await start(visitor, job)
    await patiently(lambda: visitor.heard(job, lambda event: event.get("completed", 0) > 0))
    await visitor.change("pauseBatchJob", job)

    async def are_both_healthy() -> bool:
        return len(await healthy(visitor.api, placed["placedDeploymentId"])) == 2

    await until(are_both_healthy)
    paused_at = await visitor.completed(job)
    await visitor.change("resumeBatchJob", job)
    await patiently(
        lambda: visitor.heard(job, lambda event: event.get("completed", 0) > paused_at + 100)
    )
    async with pods_of(cluster, namespace) as pods:
        victim = pods.ready()[0]
    owner = str(objects.label(victim, names.REPLICA))
    await cluster.delete(Kind.POD, namespace, objects.name(victim), grace=GRACE)
    end = await end_of(visitor, job)
    check_all_answered(job, end)
    assert 0 < answering(end)[owner] < LINES
    await check_nothing_left(visitor, cluster, namespace, job)


async def test_a_job_whose_engine_never_becomes_ready_says_why_and_leaves_nothing(
    visitor: Visitor, image: str, cluster: Cluster, namespace: str
) -> None:
    broken = {"start_command": "echo no weights at $PORT >&2; exit 3", "port": 8000}
    await a_template(visitor, image, broken, 30)
    job = a_job(lines=3, replicas=2)
    await start(visitor, job)
    end = await end_of(visitor, job)
    [error] = end.shown["errors"]["data"]
    assert error["code"] == "deployment_not_ready"
    assert "never became ready" in error["message"]
    assert error["message"].splitlines()[-1] == "no weights at 8000"
    assert (end.shown["status"], end.shown["output_file_id"]) == ("completed", None)
    assert end.shown["request_counts"] == {"total": 3, "completed": 0, "failed": 3}
    assert [line["custom_id"] for line in end.errors] == job.marks
    told = {(line["response"], line["error"]["code"]) for line in end.errors}
    assert told == {(None, "inference_unreachable")}
    await check_nothing_left(visitor, cluster, namespace, job)


async def test_a_warm_deployment_is_the_next_jobs_and_goes_when_its_time_is_up(
    visitor: Visitor, image: str, cluster: Cluster, namespace: str
) -> None:
    await a_template(visitor, image, SLOW)
    first, second = a_job(lines=40, keepAlive="10m"), a_job(lines=40, keepAlive=1)
    made = await start(visitor, first)
    ended_first = await end_of(visitor, first)
    async with pods_of(cluster, namespace) as pods:
        assert len(pods.ready()) == 1
    taken = await start(visitor, second)
    ended_second = await end_of(visitor, second)
    check_all_answered(first, ended_first)
    check_all_answered(second, ended_second)
    assert taken["placedDeploymentId"] == made["placedDeploymentId"]
    assert "warm deployment" in taken["why"]
    assert set(answering(ended_first)) == set(answering(ended_second))
    await check_nothing_left(visitor, cluster, namespace, first, second)
