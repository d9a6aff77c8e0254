"""The way to a pod through the API server."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from domain.errors import Unreachable
from infra.k8s.routing import ThroughApiServer
from tests.support.pod_proxy import PodProxy, a_pod_proxy


@pytest.fixture
async def server() -> AsyncIterator[PodProxy]:
    async with a_pod_proxy() as server:
        yield server


async def test_the_cluster_is_opened_once_and_not_before_it_is_needed(server: PodProxy) -> None:
    proxy = ThroughApiServer(server.opened)
    assert server.openings == 0
    ways = await asyncio.gather(*(proxy.way("n/a", 8000, {}) for _ in range(5)))
    assert server.openings == 1
    assert {way.url for way in ways} == {f"{server.url}/api/v1/namespaces/n/pods/a:8000/proxy"}
    await proxy.close()


async def test_each_request_has_the_token_that_is_good_by_then(server: PodProxy) -> None:
    proxy = ThroughApiServer(server.opened)
    first = await proxy.way("n/a", 8000, {"x-request-id": "r"})
    server.given = "second"
    second = await proxy.way("n/a", 8000, {})
    assert first.headers["authorization"] == "Bearer first"
    assert first.headers["x-request-id"] == "r"
    assert second.headers["authorization"] == "Bearer second"
    assert "Bearer" not in repr(second)
    await proxy.close()


async def test_a_cluster_that_is_away_is_opened_when_it_is_back(server: PodProxy) -> None:
    proxy = ThroughApiServer(server.opened)
    server.is_away = True
    with pytest.raises(Unreachable, match="it is away"):
        await proxy.way("n/a", 8000, {})
    server.is_away = False
    assert (await proxy.way("n/a", 8000, {})).url
    await proxy.close()
