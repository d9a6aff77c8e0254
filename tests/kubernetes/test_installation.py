"""The control plane in a cluster: what an operator applies, under the rights that it has then."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.deployments.shards import shard_of
from infra.k8s import objects
from infra.k8s.cluster import Cluster
from infra.k8s.kinds import Kind, Object
from infra.k8s.manifests import names
from tests.support.api import Api
from tests.support.clusters import a_namespace, kubectl
from tests.support.installed import Installed, Places, installed, may, once
from tests.support.kill_jobs import Job, check, ended
from tests.support.kubernetes_jobs import template
from tests.support.load import load
from tests.support.manifests import FOLDERS, written
from tests.support.postgres import Databases, fetch

pytestmark = pytest.mark.kubernetes

LEFT = (Kind.DEPLOYMENT, Kind.REPLICA_SET, Kind.POD, Kind.SERVICE, Kind.SECRET, Kind.JOB)
OURS = f"{names.MANAGED_BY}={names.MANAGER}"
SHOWN = """query($id: ID!) { modelDeployment(id: $id) { status statusReason statusMessage
  activeRevision { number }
  replicas(first: 20) { nodes { status statusReason statusMessage revision { number } } }
  rollouts(first: 1) { nodes { status statusMessage } } } }"""
ECHO = "modelyard echo --host {host} --port {port} --name {name}"
GRANTED = (
    ("create", "deployments.apps"),
    ("delete", "deployments.apps"),
    ("patch", "deployments.apps/scale"),
    ("update", "deployments.apps/finalizers"),
    ("patch", "pods"),
    ("list", "pods"),
    ("get", "jobs.batch"),
    ("list", "jobs.batch"),
    ("create", "jobs.batch"),
    ("patch", "jobs.batch"),
    ("delete", "jobs.batch"),
    ("update", "jobs.batch/finalizers"),
    ("patch", "secrets"),
    ("get", "pods/log"),
    ("create", "secrets"),
)
WITHHELD = (
    ("get", "secrets"),
    ("list", "secrets"),
    ("update", "deployments.apps"),
    ("watch", "jobs.batch"),
    ("update", "jobs.batch"),
    ("deletecollection", "pods"),
    ("create", "pods"),
    ("create", "pods/exec"),
    ("create", "pods/eviction"),
    ("create", "rolebindings.rbac.authorization.k8s.io"),
    ("create", "serviceaccounts"),
)


@pytest.fixture
async def places(cluster: Cluster, namespace: str) -> AsyncIterator[Places]:
    async with a_namespace(cluster) as models:
        yield Places(namespace, models)


@pytest.mark.parametrize("folder", FOLDERS)
async def test_the_api_server_takes_each_manifest_and_drops_nothing_of_it(
    cluster: Cluster, places: Places, folder: str
) -> None:
    """But for what it is too old for: policy/v1 is checked against the typed models alone."""
    for each in written(folder):
        if each["kind"] == "PodDisruptionBudget" and cluster.version < (1, 21):
            continue
        await cluster.apply(places.moved(each), dry_run=True)


async def test_a_rollout_goes_on_when_the_server_that_runs_it_is_killed(
    cluster: Cluster, places: Places, image: str, databases: Databases
) -> None:
    with databases.cloned() as url:
        async with installed(cluster, places, image, url) as plane:
            pods = await plane.servers()
            async with plane.client(pods[0]) as api:
                chat = await begun(api, 2)
                await activate(api, chat, image, "one")
                await once(lambda: is_ready(api, chat, 1))
            owner, other = await in_order(plane, chat, url)
            async with (
                plane.client(other) as api,
                load(plane.url(other), "chat", headers=plane.headers) as asked,
            ):
                await asked.more(20)
                await activate(api, chat, image, "two")
                await once(lambda: has_replica(api, chat, 2))
                said = await plane.log(owner)
                await plane.kill(owner)
                await once(lambda: is_ready(api, chat, 2))
                before = asked.answered_by["two"]
                await asked.more(20)
                assert asked.answered_by["two"] > before
            assert asked.failures == []
            again = await plane.servers()
            assert objects.name(owner) not in {objects.name(pod) for pod in again}
            said += [line for pod in again for line in await plane.log(pod)]
            kept = await plane.alone()
            async with plane.client(kept) as api:
                await answers_in_pods(api, image)
                await api.change("deleteModelDeployment", {"deploymentId": chat})
                await once(lambda: is_gone(api, chat))
            assert await left(cluster, places.models) == {}
            said += await plane.log(kept)
            assert [line for line in said if "forbidden" in line.lower()] == []


async def test_the_server_s_account_may_do_what_it_does_there_and_nothing_else(
    cluster: Cluster, places: Places
) -> None:
    for each in written(places.variant):
        if each["kind"] in ("Role", "RoleBinding"):
            await cluster.apply(places.moved(each))
    for verb, what in GRANTED:
        assert await may(cluster, places, places.models, verb, what), (verb, what)
        assert not await may(cluster, places, places.server, verb, what), (verb, what)
    for verb, what in WITHHELD:
        assert not await may(cluster, places, places.models, verb, what), (verb, what)
    for verb, what in (("list", "nodes"), ("list", "pods"), ("create", "namespaces")):
        assert not await may(cluster, places, None, verb, what), (verb, what)


async def test_each_project_s_replicas_run_in_a_namespace_that_the_server_makes(
    cluster: Cluster, namespace: str, image: str, databases: Databases
) -> None:
    places = Places(namespace, f"{namespace}-models", "namespace-per-project")
    own = f"{places.models}-default"
    with databases.cloned() as url:
        try:
            async with installed(cluster, places, image, url) as plane:
                pods = await plane.servers()
                async with plane.client(pods[0]) as api:
                    chat = await begun(api, 1)
                    await activate(api, chat, image, "one")
                    await once(lambda: is_ready(api, chat, 1))
                    listing = await cluster.list(Kind.POD, own, selector=OURS)
                    assert len(listing.objects) == 1
                said = [line for pod in pods for line in await plane.log(pod)]
                kept = await plane.alone()
                async with plane.client(kept) as api:
                    await answers_in_pods(api, image)
                    await api.change("deleteModelDeployment", {"deploymentId": chat})
                    await once(lambda: is_gone(api, chat))
                assert await left(cluster, own) == {}
                said += await plane.log(kept)
                assert [line for line in said if "forbidden" in line.lower()] == []
        finally:
            await cluster.delete(Kind.NAMESPACE, None, own)


async def begun(api: Api, replicas: int) -> str:
    """With a secret that its environment names: so a Secret is made too."""
    await api.change("createSecret", {"name": "greeting", "value": "hello"})
    return await api.deployment("chat", replicas)


async def activate(api: Api, deployment_id: str, image: str, name: str) -> None:
    command = ["modelyard", "echo", "--host", "0.0.0.0", "--port", "{port}", "--name", name]
    check = {"interval": 1, "maxRetries": 3, "maxWaitTime": 5, "initialDelay": 120}
    service = {"startCommand": command, "healthCheck": check}
    revision = await api.revision(
        deployment_id,
        image=image,
        modelDefinition={"models": [{"name": name, "service": service}]},
        resources={"cpu": "50m", "memory": "256Mi"},
        environment=[{"name": "GREETING", "secret": "greeting"}],
    )
    await api.change("activateModelRevision", {"revisionId": revision["id"]})


async def shown(api: Api, deployment_id: str) -> Any:
    return (await api.get(SHOWN, id=deployment_id))["modelDeployment"]


async def is_ready(api: Api, deployment_id: str, number: int) -> bool:
    """With replicas of that revision alone."""
    said = await shown(api, deployment_id)
    assert said["status"] not in ("DEGRADED", "ROLLING_BACK"), said
    replicas = said["replicas"]["nodes"]
    return (
        said["status"] == "READY"
        and said["activeRevision"] == {"number": number}
        and said["rollouts"]["nodes"][0]["status"] == "SUCCEEDED"
        and all(each["revision"]["number"] == number for each in replicas)
    )


async def has_replica(api: Api, deployment_id: str, number: int) -> bool:
    replicas = (await shown(api, deployment_id))["replicas"]["nodes"]
    return any(each["revision"]["number"] == number for each in replicas)


async def is_gone(api: Api, deployment_id: str) -> bool:
    said = await shown(api, deployment_id)
    return said is None or said["status"] == "STOPPED"


async def in_order(plane: Installed, deployment_id: str, url: str) -> tuple[Object, Object]:
    """The server that looks after the deployment, and the other one."""
    shard = shard_of(deployment_id)
    owner = await fetch(url, f"SELECT owner FROM shards WHERE id = {shard}")
    first, second = await plane.servers()
    own = await asyncio.to_thread(kubectl_plane, first)
    return (first, second) if own == owner else (second, first)


def kubectl_plane(pod: Object) -> str:
    """As it calls itself among the database's planes."""
    where = ["-n", objects.namespace(pod), objects.name(pod)]
    return kubectl("exec", *where, "--", "cat", "/var/lib/modelyard/planes/0.plane").strip()


async def answers_in_pods(api: Api, image: str) -> None:
    """A batch whose workers are in the pods of a Kubernetes Job, and reach the server by its Service."""
    await template(api, "worked", image, ECHO)
    options = {"target": "KUBERNETES_JOB", "template": {"name": "worked"}, "replicas": 1}
    job = Job([f"line-{n}" for n in range(20)], model="worked", options=options)
    await job.create(api.http)

    async def is_over() -> bool:
        shown = (await api.http.get(f"/v1/batches/{job.id}")).json()
        assert not shown["errors"], shown
        return bool(shown["status"] == "completed")

    await once(is_over)
    end = await ended(api.http, job)
    check(job, end)
    assert end.errors == []


async def left(cluster: Cluster, namespace: str) -> dict[str, list[str]]:
    found = {}
    for kind in LEFT:
        listing = await cluster.list(kind, namespace, selector=OURS)
        if listing.objects:
            found[kind.kind] = [objects.name(each) for each in listing.objects]
    return found
