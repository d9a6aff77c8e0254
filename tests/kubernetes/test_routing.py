"""Requests to pods: at their own addresses, and through the API server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from infra.k8s.cluster import Cluster
from infra.k8s.kinds import Kind
from tests.support.api import Api, a_client
from tests.support.images import modelyard_image
from tests.support.load import load
from tests.support.pod_yard import (
    GRACE,
    SLEEP,
    a_server,
    activate,
    an_echo,
    healthy,
    nothing_left,
    pods,
    serving,
    stands,
    streams,
    until,
)
from tests.support.server import Running

pytestmark = pytest.mark.kubernetes

MORE = 100  # requests that are answered before and after something
SLOWLY = ("--latency", "0.15", "--tokens-per-second", "10")  # so that pods can start beside it


@pytest.fixture(scope="session")
def image() -> str:
    return modelyard_image()


@pytest.fixture(params=["pod", "proxy"])
def server(request: pytest.FixtureRequest, tmp_path: Path, namespace: str) -> Iterator[Running]:
    with a_server(tmp_path / "data", namespace, request.param) as server:
        yield server


@pytest.fixture
async def api(server: Running) -> AsyncIterator[Api]:
    async with a_client(server.url) as api:
        yield api


async def test_scaling_down_and_rolling_fail_no_request_and_no_stream(
    server: Running, api: Api, image: str, cluster: Cluster, namespace: str
) -> None:
    deployment = await serving(api, "chat", image, *SLOWLY, replicas=3)
    async with load(server.url, "chat") as asked, streams(server.url, "chat") as told:
        await asked.more(MORE)
        said = {"deploymentId": deployment, "desiredReplicas": 1}
        await api.change("scaleModelDeployment", said)
        await until(lambda: stands(api, deployment, "READY"))
        await until(lambda: are_left(cluster, namespace, 1))
        await asked.more(MORE)
        await activate(api, deployment, image, an_echo("two", *SLOWLY))
        await until(lambda: stands(api, deployment, "READY"))
        asked.answered_by.clear()
        await asked.more(MORE)
        await told.more(3)
    assert (asked.failures, told.failures) == ([], [])
    assert set(asked.answered_by) == {"two"}
    await api.change("deleteModelDeployment", {"deploymentId": deployment})
    await until(lambda: stands(api, deployment, "STOPPED"))
    await nothing_left(cluster, namespace)


async def are_left(cluster: Cluster, namespace: str, count: int) -> bool:
    return len((await cluster.list(Kind.POD, namespace)).objects) == count


async def test_a_pod_that_somebody_deletes_costs_no_more_than_the_streams_that_it_had_begun(
    server: Running, api: Api, image: str, cluster: Cluster, namespace: str
) -> None:
    deployment = await serving(api, "chat", image, *SLOWLY, replicas=2)
    loop = asyncio.get_running_loop()
    async with load(server.url, "chat") as asked, streams(server.url, "chat") as told:
        await asked.more(MORE)
        before = await healthy(api, deployment)
        victim = (await pods(cluster, namespace))[0]
        await cluster.delete(Kind.POD, namespace, victim, grace=GRACE)
        deleted_at = loop.time()
        await until(lambda: replaced(api, deployment, before))
        await asked.more(MORE)
        await told.more(3)
    assert asked.failures == []
    late = [each for each in told.failures if each[0] is None or each[0] > deleted_at + SLEEP]
    assert late == []


async def replaced(api: Api, deployment: str, before: set[str]) -> bool:
    serve = await healthy(api, deployment)
    return len(serve) == len(before) and serve != before
