"""Requests to pods: at their own addresses, and through the API server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from infra.k8s import objects
from infra.k8s.cluster import Cluster
from infra.k8s.kinds import Kind
from tests.support.api import Api, a_client
from tests.support.load import load
from tests.support.pod_flows import (
    Place,
    a_server,
    activate,
    delete,
    echo,
    healthy,
    left,
    pods_of,
    serving,
    stands,
    until,
)
from tests.support.server import Running
from tests.support.streams import streams

pytestmark = pytest.mark.kubernetes

MORE = 100  # requests that are answered before and after something
SLOWLY = ("--latency", "0.15", "--tokens-per-second", "10")  # so that pods can start beside it
GRACE = 10  # seconds
SLEEP = 5  # seconds that a pod waits before its engine is told to end


@pytest.fixture(params=["pod", "proxy"])
def server(request: pytest.FixtureRequest, tmp_path: Path, place: Place) -> Iterator[Running]:
    said = {"kubernetes_routing": request.param, "stop_grace": f"{GRACE}s"}
    with a_server(tmp_path / "data", place, **said) as server:
        yield server


@pytest.fixture
async def api(server: Running) -> AsyncIterator[Api]:
    async with a_client(server.url) as api:
        yield api


async def test_scaling_down_and_rolling_fail_no_request_and_no_stream(
    server: Running, api: Api, place: Place, cluster: Cluster
) -> None:
    deployment = await serving(api, "chat", place, echo("one", *SLOWLY), replicas=3)
    async with (
        load(server.url, "chat") as asked,
        streams(server.url, "chat") as told,
        pods_of(cluster, place.namespace) as pods,
    ):
        await asked.more(MORE)
        said = {"deploymentId": deployment, "desiredReplicas": 1}
        await api.change("scaleModelDeployment", said)
        await stands(api, deployment, "READY")
        await pods.once(lambda now: len(now.all()) == 1)
        await asked.more(MORE)
        await activate(api, deployment, place, echo("two", *SLOWLY))
        await stands(api, deployment, "READY")
        asked.answered_by.clear()
        await asked.more(MORE)
        await told.more(3)
    assert (asked.failures, told.failures) == ([], [])
    assert set(asked.answered_by) == {"two"}
    await delete(api, deployment)
    assert await left(cluster, place.namespace) == {}


async def test_a_pod_that_somebody_deletes_costs_no_more_than_the_streams_that_it_had_begun(
    server: Running, api: Api, place: Place, cluster: Cluster
) -> None:
    deployment = await serving(api, "chat", place, echo("one", *SLOWLY), replicas=2)
    loop = asyncio.get_running_loop()

    async def is_replaced() -> bool:
        serve = await healthy(api, deployment)
        return len(serve) == len(before) and serve != before

    async with (
        load(server.url, "chat") as asked,
        streams(server.url, "chat") as told,
        pods_of(cluster, place.namespace) as pods,
    ):
        await asked.more(MORE)
        before = await healthy(api, deployment)
        victim = objects.name(pods.ready()[0])
        await cluster.delete(Kind.POD, place.namespace, victim, grace=GRACE)
        deleted_at = loop.time()
        await until(is_replaced)
        await asked.more(MORE)
        await told.more(3)
    assert asked.failures == []
    late = [each for each in told.failures if each[0] is None or each[0] > deleted_at + SLEEP]
    assert late == []
    await delete(api, deployment)
    assert await left(cluster, place.namespace) == {}
