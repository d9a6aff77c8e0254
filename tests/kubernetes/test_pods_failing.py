"""What a user is told of each way in which a pod can fail, on a real cluster."""

from typing import Any

import pytest

from infra.k8s import objects
from infra.k8s.cluster import Cluster
from tests.support.api import Api
from tests.support.load import load
from tests.support.pod_flows import (
    Place,
    activate,
    begun,
    delete,
    echo,
    engine,
    pods_of,
    serving,
    stands,
    told,
)

pytestmark = pytest.mark.kubernetes
HOG = "x = bytearray(600 * 1024 ** 2)"


async def test_what_no_node_has_room_for_says_so_in_the_schedulers_words(
    api: Api, place: Place
) -> None:
    wants = {"cpu": "1000", "memory": "64Mi"}
    deployment = await begun(api, "huge", place, resources=wants)
    said = await told(api, deployment, "UNSCHEDULABLE")
    assert "Insufficient cpu" in said["statusMessage"]
    await delete(api, deployment)


async def test_what_asks_for_gpus_where_there_are_none_says_so(api: Api, place: Place) -> None:
    wants = {"memory": "64Mi", "nvidia.com/gpu": "1"}
    deployment = await begun(api, "gpu", place, resources=wants)
    said = await told(api, deployment, "UNSCHEDULABLE")
    assert "Insufficient nvidia.com/gpu" in said["statusMessage"]
    await delete(api, deployment)


async def test_an_image_that_is_not_there_says_so(api: Api, place: Place) -> None:
    deployment = await begun(api, "missing", place, image="localhost/nothing:1")
    said = await told(api, deployment, "IMAGE_UNAVAILABLE")
    assert "localhost/nothing:1" in said["statusMessage"]
    await delete(api, deployment)


async def test_an_engine_that_ends_again_and_again_says_how_and_shows_its_last_lines(
    api: Api, place: Place
) -> None:
    crashing = engine("one", startCommand=["sh", "-c", "echo the weights are broken; exit 3"])
    deployment = await begun(api, "crashing", place, crashing)
    said = await told(api, deployment, "CRASH_LOOP")
    assert said["exitCode"] in (3, None)
    assert "exit code 3" in said["statusMessage"]
    assert said["logTail"] == ["the weights are broken"]
    await delete(api, deployment)


async def test_an_engine_that_takes_more_memory_than_it_may_says_so(api: Api, place: Place) -> None:
    greedy = engine("one", startCommand=["python3", "-c", HOG])
    wants = {"memory": "64Mi"}
    deployment = await begun(api, "greedy", place, greedy, resources=wants)
    said = await told(api, deployment, "OUT_OF_MEMORY")
    assert "ran out of memory" in said["statusMessage"]
    await delete(api, deployment)


async def test_a_pre_start_action_that_fails_says_which(api: Api, place: Place) -> None:
    actions: list[Any] = [{"action": "RUN_COMMAND", "args": {"command": ["false"]}}]
    deployment = await begun(api, "unprepared", place, engine("one", preStartActions=actions))
    said = await told(api, deployment, "PRE_START_FAILED")
    assert "it ended with exit code 1" in said["statusMessage"]
    await delete(api, deployment)


async def test_a_secret_of_the_cluster_that_is_not_there_says_so(api: Api, place: Place) -> None:
    environment = [{"name": "TOKEN", "secret": "k8s:absent/token"}]
    deployment = await begun(api, "secretless", place, environment=environment)
    said = await told(api, deployment, "CONFIG_INVALID")
    assert 'secret "absent" not found' in said["statusMessage"]
    await delete(api, deployment)


async def test_a_model_folder_that_can_not_be_fetched_says_why(api: Api, place: Place) -> None:
    new = {"name": "weights", "uri": "s3://bucket/weights"}
    made = await api.change("createModelFolder", new, "folder { id }")
    folder = {"folderId": made["folder"]["id"]}
    deployment = await begun(api, "unfetched", place, modelFolder=folder)
    said = await told(api, deployment, "FOLDER_UNREADABLE")
    assert said["statusMessage"]
    await delete(api, deployment)


async def test_a_quota_that_is_used_up_says_so(api: Api, place: Place, cluster: Cluster) -> None:
    await cluster.create(quota(place, pods="0"))
    deployment = await begun(api, "over", place)
    said = await told(api, deployment, "UNSCHEDULABLE")
    assert "exceeded quota: none" in said["statusMessage"]
    await delete(api, deployment)


async def test_an_object_that_the_cluster_refuses_says_so(
    api: Api, place: Place, cluster: Cluster
) -> None:
    await cluster.create(quota(place, services="0"))
    deployment = await begun(api, "refused", place)
    said = await told(api, deployment, "MANIFEST_REFUSED")
    assert "exceeded quota: none" in said["statusMessage"]
    await delete(api, deployment)


def quota(place: Place, **hard: str) -> dict[str, Any]:
    metadata = {"name": "none", "namespace": place.namespace}
    spec = {"hard": hard}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": spec}


async def test_a_pod_that_others_take_away_is_replaced_and_no_request_fails(
    api: Api, place: Place, cluster: Cluster
) -> None:
    async with pods_of(cluster, place.namespace) as pods:
        deployment = await serving(api, "evicted", place, replicas=2)
        first = pods.ready()[0]
        async with load(str(api.http.base_url), "evicted", clients=2) as asked:
            await asked.more(10)
            await cluster.evict(place.namespace, objects.name(first))
            said = await told(api, deployment, "EVICTED")
            assert "took its pod away" in said["statusMessage"]
            await pods.once(lambda now: first not in now.ready() and len(now.ready()) == 2)
            await stands(api, deployment, "READY")
            await asked.more(10)
        assert asked.failures == []
        await delete(api, deployment)


async def test_an_engine_that_crashes_once_is_started_again_in_its_pod(
    api: Api, place: Place
) -> None:
    deployment = await serving(api, "fragile", place, echo("one", "--crash-after", "3"))
    async with load(str(api.http.base_url), "fragile", clients=1) as asked:
        await asked.more(3)
        said = await told(api, deployment, "EXITED")
        assert said["status"] in ("UNHEALTHY", "DRAINING", "STOPPING", "EXITED")
    await stands(api, deployment, "READY")
    await activate(api, deployment, place, engine("two"))
    await stands(api, deployment, "READY")
    await delete(api, deployment)
