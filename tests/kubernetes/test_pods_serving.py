"""What a revision says of its replicas, and what pods on a real cluster make of it."""

from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from infra.k8s import objects
from infra.k8s.cluster import Cluster
from infra.k8s.kinds import Kind
from infra.k8s.manifests import names
from tests.support.api import Api, a_client, following
from tests.support.clusters import gone
from tests.support.load import chat, replicas
from tests.support.pod_flows import (
    QUICK,
    Place,
    a_server,
    activate,
    begun,
    delete,
    engine,
    healthy,
    left,
    pods_of,
    serving,
    stands,
    told,
    until,
)

pytestmark = pytest.mark.kubernetes
LOGS = "query($id: ID!) { node(id: $id) { ... on ModelReplica { logs(tail: 50) } } }"
FOLLOWED = "subscription($id: ID!) { replicaLogs(replicaId: $id, tail: 10) { text } }"


async def test_a_pod_has_its_secrets_and_what_its_pre_start_actions_made(
    api: Api, place: Place
) -> None:
    await api.change("createSecret", {"name": "token", "value": "hush"})
    written = {"filename": "/tmp/made/greeting", "body": ["good morning"]}
    actions = [{"action": "WRITE_FILE", "args": written}]
    script = 'echo "$TOKEN $PLAIN"; cat /tmp/made/greeting; exec python3 -S -c "$0" one 8000'
    service: dict[str, Any] = {
        "startCommand": ["sh", "-c", script, QUICK],
        "preStartActions": actions,
    }
    environment = [{"name": "TOKEN", "secret": "token"}, {"name": "PLAIN", "value": "$(HOME) %"}]
    deployment = await serving(api, "env", place, engine("one", **service), environment=environment)
    [replica] = await replicas(api, deployment)
    lines = (await api.get(LOGS, id=replica["id"]))["node"]["logs"]
    assert "hush $(HOME) %" in lines
    assert any("good morning" in line for line in lines)
    await delete(api, deployment)


async def test_scaling_to_none_leaves_nothing_and_back_serves_again(
    api: Api, place: Place, cluster: Cluster
) -> None:
    deployment = await serving(api, "scaled", place)

    async def nothing() -> bool:
        return await left(cluster, place.namespace) == {}

    async def serves() -> bool:
        return len(await healthy(api, deployment)) == 1

    for count, is_so in ((0, nothing), (1, serves)):
        said = {"deploymentId": deployment, "desiredReplicas": count}
        await api.change("scaleModelDeployment", said)
        await until(is_so)
    assert await chat(api.http, "scaled") == "Echo from one: hello"
    await delete(api, deployment)


async def test_two_models_of_one_pod_are_two_containers_that_both_answer(
    api: Api, place: Place, cluster: Cluster
) -> None:
    models = engine("left", port=8001), engine("right", port=8002)
    deployment = await serving(api, "pair", place, *models)
    async with pods_of(cluster, place.namespace) as pods:
        [pod] = pods.ready()
        assert len(pod["spec"]["containers"]) == 2
    assert await chat(api.http, "pair/left") == "Echo from left: hello"
    assert await chat(api.http, "pair/right") == "Echo from right: hello"
    await delete(api, deployment)


async def test_a_log_is_followed_over_a_containers_restart(api: Api, place: Place) -> None:
    crashing = engine("one", startCommand=["sh", "-c", "echo begun; sleep 2; exit 3"])
    deployment = await begun(api, "restarting", place, crashing)
    await told(api, deployment, "LOADING")
    [replica] = await replicas(api, deployment)
    url = str(api.http.base_url)
    begins = 0
    async with following(url, FOLLOWED, id=replica["id"]) as payloads, aclosing(payloads):
        async for payload in payloads:
            begins += payload["data"]["replicaLogs"]["text"] == "begun"
            if begins == 2:
                break
    assert begins == 2
    await delete(api, deployment)


async def test_a_workload_that_somebody_else_changes_is_left_as_it_is(
    api: Api, place: Place, cluster: Cluster
) -> None:
    deployment = await serving(api, "edited", place)
    [workload] = (await cluster.list(Kind.DEPLOYMENT, place.namespace)).objects
    name = objects.name(workload)
    await cluster.patch_labels(Kind.DEPLOYMENT, place.namespace, name, {"team": "red"}, None)
    said = {"deploymentId": deployment, "desiredReplicas": 2}
    await api.change("scaleModelDeployment", said)
    await stands(api, deployment, "READY")
    [after] = (await cluster.list(Kind.DEPLOYMENT, place.namespace)).objects
    assert objects.label(after, "team") == "red"
    assert objects.uid(after) == objects.uid(workload)
    assert after["spec"]["template"] == workload["spec"]["template"]
    await delete(api, deployment)


async def test_each_project_may_have_a_namespace_of_its_own(
    place: Place, cluster: Cluster, tmp_path: Path
) -> None:
    own = f"{place.namespace}-default"
    try:
        with a_server(tmp_path / "data", place, kubernetes_namespace_per_project="true") as server:
            async with a_client(server.url) as api:
                deployment = await serving(api, "own", place)
                assert await left(cluster, place.namespace) == {}
                [pod] = (await cluster.list(Kind.POD, own)).objects
                assert objects.label(pod, names.DEPLOYMENT) == "own"
                assert await chat(api.http, "own") == "Echo from one: hello"
                await delete(api, deployment)
                assert await left(cluster, own) == {}
    finally:
        await cluster.delete(Kind.NAMESPACE, None, own)
    await gone(cluster, Kind.NAMESPACE, None, own)


async def test_deployments_come_and_go_and_the_last_leaves_nothing(api: Api, place: Place) -> None:
    ids: list[Any] = [await begun(api, name, place) for name in ("first", "second")]
    await activate(api, ids[0], place, engine("two"))
    for each in ids:
        await api.change("deleteModelDeployment", {"deploymentId": each})
    for each in ids:
        await stands(api, each, "STOPPED")
