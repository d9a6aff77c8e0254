from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.k8s.cluster import Cluster, opened
from infra.k8s.config import ClusterConfig
from tests.support.api import Api, a_client
from tests.support.clusters import a_namespace, given
from tests.support.images import modelyard_image
from tests.support.kubernetes_jobs import JobPods, Yard, relaying, settings
from tests.support.pod_flows import Place, a_server, left, until


@pytest.fixture
def kubeconfig() -> Path:
    return given()


@pytest.fixture
async def cluster(kubeconfig: Path) -> AsyncIterator[Cluster]:
    """The cluster that all tests share: what isn't in the test's namespace is others'."""
    async with opened(ClusterConfig(kubeconfig)) as found:
        yield found


@pytest.fixture
async def namespace(cluster: Cluster) -> AsyncIterator[str]:
    async with a_namespace(cluster) as name:
        yield name


@pytest.fixture(scope="session")
def image() -> str:
    return modelyard_image()


@pytest.fixture
def place(image: str, namespace: str) -> Place:
    return Place(image, namespace)


@pytest.fixture
async def yard(
    tmp_path: Path, kubeconfig: Path, cluster: Cluster, namespace: str, image: str
) -> AsyncIterator[Yard]:
    async with relaying() as relay:
        env = settings(kubeconfig, namespace, image, relay)
        yield Yard(tmp_path / "data", relay, JobPods(cluster, namespace), image, env)


@pytest.fixture
async def api(cluster: Cluster, place: Place, tmp_path: Path) -> AsyncIterator[Api]:
    """At the test's end nothing is left; of what the cluster refused, as soon as that is undone."""
    with a_server(tmp_path / "data", place) as server:
        async with a_client(server.url) as made:
            yield made

            async def is_empty() -> bool:
                return await left(cluster, place.namespace) == {}

            await until(is_empty)
