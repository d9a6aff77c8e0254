from collections.abc import AsyncIterator

import pytest

from infra.k8s.cluster import Cluster, opened
from tests.support.api_server import ApiServer, api_server
from tests.support.hasty import HastyTimer


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with api_server() as made:
        yield made


@pytest.fixture
def timer() -> HastyTimer:
    return HastyTimer()


@pytest.fixture
async def cluster(server: ApiServer, timer: HastyTimer) -> AsyncIterator[Cluster]:
    async with opened(server.config, timer=timer) as made:
        yield made
