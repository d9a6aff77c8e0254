"""Rollouts of pods on a real cluster, with requests that keep coming."""

import asyncio
import signal
from pathlib import Path

import pytest

from infra.k8s import objects
from infra.k8s.cluster import Cluster
from tests.support.api import a_client
from tests.support.load import chat, load, replicas, rollouts
from tests.support.pod_flows import (
    Place,
    a_server,
    activate,
    delete,
    echo,
    engine,
    failed,
    left,
    never_below,
    plain_id,
    pods_of,
    serving,
    stands,
)

pytestmark = pytest.mark.kubernetes
MORE = 20  # requests that have to be answered before and after something


async def test_a_rolling_rollout_fails_no_request_and_what_is_deleted_leaves_nothing(
    cluster: Cluster, place: Place, tmp_path: Path
) -> None:
    with a_server(tmp_path / "data", place) as server:
        async with a_client(server.url) as api, pods_of(cluster, place.namespace) as pods:
            deployment = await serving(api, "rolling", place, echo("one"), replicas=2)
            async with load(server.url, "rolling", clients=2) as asked, never_below(2, pods):
                await asked.more(MORE)
                await activate(api, deployment, place, echo("two"))
                await stands(api, deployment, "READY")
                asked.answered_by.clear()
                await asked.more(MORE)
            assert asked.failures == []
            assert set(asked.answered_by) == {"two"}
            serve = [r for r in await replicas(api, deployment) if r["status"] == "HEALTHY"]
            assert [r["revision"]["number"] for r in serve] == [2, 2]
            await delete(api, deployment)
            assert await left(cluster, place.namespace) == {}


async def test_blue_green_serves_the_old_pods_until_it_is_promoted(
    cluster: Cluster, place: Place, tmp_path: Path
) -> None:
    with a_server(tmp_path / "data", place) as server:
        async with a_client(server.url) as api:
            deployment = await serving(api, "colours", place)
            strategy = {"blueGreen": {"autoPromote": False}}
            said = {"deploymentId": deployment, "strategy": strategy}
            await api.change("updateModelDeployment", said)
            async with load(server.url, "colours", clients=2) as asked:
                await activate(api, deployment, place, engine("two"))
                await stands(api, deployment, "DEPLOYING", "AWAITING_PROMOTION")
                await asked.more(MORE)
                assert set(asked.answered_by) == {"one"}
                assert await chat(api.http, "colours@2") == "Echo from two: hello"
                await api.change("promoteRollout", {"deploymentId": deployment})
                await stands(api, deployment, "READY")
                asked.answered_by.clear()
                await asked.more(MORE)
                assert set(asked.answered_by) == {"two"}
            assert asked.failures == []
            await delete(api, deployment)
            assert await left(cluster, place.namespace) == {}


async def test_an_image_that_is_not_there_is_rolled_back_while_the_old_pods_answer(
    cluster: Cluster, place: Place, tmp_path: Path
) -> None:
    with a_server(tmp_path / "data", place) as server:
        async with a_client(server.url) as api, pods_of(cluster, place.namespace) as pods:
            deployment = await serving(api, "broken", place)
            async with load(server.url, "broken", clients=2) as asked, never_below(1, pods):
                said = {"image": "localhost/nothing:1", "progressDeadline": "PT6S"}
                await activate(api, deployment, place, engine("two"), **said)
                await failed(api, deployment)
                await stands(api, deployment, "READY")
                await asked.more(MORE)
            assert asked.failures == []
            assert set(asked.answered_by) == {"one"}
            [last, first] = await rollouts(api, deployment)
            assert (last["status"], first["status"]) == ("FAILED", "SUCCEEDED")
            assert last["statusReason"] == "PROGRESS_DEADLINE"
            assert "image" in last["statusMessage"]
            await delete(api, deployment)
            assert await left(cluster, place.namespace) == {}


async def test_a_control_plane_killed_midway_in_a_rollout_goes_on_where_it_was(
    cluster: Cluster, place: Place, tmp_path: Path
) -> None:
    async with pods_of(cluster, place.namespace) as pods:
        with a_server(tmp_path / "data", place) as server:
            async with a_client(server.url) as api:
                deployment = await serving(api, "killed", place, replicas=2)
                before = {objects.name(each) for each in pods.all()}
                await activate(api, deployment, place, engine("two"))
                await pods.once(lambda now: {objects.name(p) for p in now.all()} - before)
            assert await asyncio.to_thread(server.stop, signal.SIGKILL) == -signal.SIGKILL
        async with never_below(2, pods):
            with a_server(tmp_path / "data", place) as server:
                async with a_client(server.url) as api:
                    async with load(server.url, "killed", clients=2) as asked:
                        await asked.more(1)
                        asked.failures.clear()
                        await stands(api, deployment, "READY")
                        asked.answered_by.clear()
                        await asked.more(MORE)
                    assert asked.failures == []
                    assert set(asked.answered_by) == {"two"}
                    await pods.once(lambda now: len(now.all()) == 2)
                    rows = await replicas(api, deployment)
                    healthy = [r for r in rows if r["status"] == "HEALTHY"]
                    assert set(pods.owned()) == {plain_id(r["id"]) for r in healthy}
        with a_server(tmp_path / "data", place) as server:
            async with a_client(server.url) as api:
                await delete(api, deployment)
                assert await left(cluster, place.namespace) == {}


async def test_two_control_planes_share_the_work_and_one_may_be_killed_midway(
    cluster: Cluster, place: Place, tmp_path: Path, postgres_url: str
) -> None:
    said = {"database_url": postgres_url}
    async with pods_of(cluster, place.namespace) as pods:
        with (
            a_server(tmp_path / "one", place, **said) as one,
            a_server(tmp_path / "two", place, **said) as two,
        ):
            async with a_client(two.url) as api:
                deployment = await serving(api, "shared", place, replicas=2)
                before = {objects.name(each) for each in pods.all()}
                async with load(two.url, "shared", clients=2) as asked, never_below(2, pods):
                    await activate(api, deployment, place, engine("two"))
                    await pods.once(lambda now: {objects.name(p) for p in now.all()} - before)
                    killed = await asyncio.to_thread(one.stop, signal.SIGKILL)
                    assert killed == -signal.SIGKILL
                    await stands(api, deployment, "READY")
                    asked.answered_by.clear()
                    await asked.more(MORE)
                assert asked.failures == []
                assert set(asked.answered_by) == {"two"}
                await delete(api, deployment)
                assert await left(cluster, place.namespace) == {}
