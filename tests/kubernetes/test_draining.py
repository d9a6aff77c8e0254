"""A node that is drained, in a cluster that is this test's alone: its node only pretends to run pods."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from infra.k8s import objects
from infra.k8s.cluster import Cluster, opened
from infra.k8s.config import ClusterConfig
from infra.k8s.kinds import Kind
from tests.support.api import Api, a_client
from tests.support.clusters import OwnCluster, gone, kit, own_cluster, there
from tests.support.pod_flows import (
    Place,
    a_server,
    delete,
    left,
    pods_of,
    serving,
    stands,
    told,
)

pytestmark = pytest.mark.kubernetes

NAMESPACE, NODE = "default", "fake1"
PLACE = Place("localhost/never-run:1", NAMESPACE)


@asynccontextmanager
async def a_yard(own: OwnCluster, folder: Path) -> AsyncIterator[tuple[Cluster, Api]]:
    async with opened(ClusterConfig(own.kubeconfig)) as cluster:
        await there(cluster, Kind.SERVICE_ACCOUNT, NAMESPACE, "default")
        with a_server(folder, PLACE, kubernetes_config=str(own.kubeconfig)) as server:
            async with a_client(server.url) as api:
                yield cluster, api


async def test_what_a_drained_node_had_is_replaced_one_by_one_as_soon_as_there_is_a_node(
    tmp_path: Path,
) -> None:
    with own_cluster(kit(), "cp --fake-node") as own:
        async with (
            a_yard(own, tmp_path / "data") as (cluster, api),
            pods_of(cluster, NAMESPACE) as pods,
        ):
            deployment = await serving(api, "drained", PLACE, replicas=3)
            own.kubectl("cordon", NODE)
            leaving = [objects.name(each) for each in pods.ready()]
            assert len(leaving) == 3
            for number, pod in enumerate(leaving, start=1):
                await cluster.evict(NAMESPACE, pod)
                await gone(cluster, Kind.POD, NAMESPACE, pod)
                staying = set(leaving[number:])
                assert staying == {objects.name(e) for e in pods.ready()}  # no healthy one is lost
            await told(api, deployment, "EVICTED")
            said = await told(api, deployment, "UNSCHEDULABLE")
            assert "unschedulable" in said["statusMessage"]
            own.kubectl("uncordon", NODE)
            await stands(api, deployment, "READY")
            await pods.once(lambda now: len(now.all()) == len(now.ready()) == 3)
            assert set(leaving).isdisjoint(map(objects.name, pods.all()))
            await delete(api, deployment)
            assert await left(cluster, NAMESPACE) == {}
