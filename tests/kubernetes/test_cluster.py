"""What a real API server makes of our calls."""

import asyncio
from contextlib import aclosing
from typing import Any

import aiohttp
import pytest

from infra.k8s.api import Call
from infra.k8s.cluster import Cluster
from infra.k8s.errors import Conflict, FieldsDropped, Gone, Refused
from infra.k8s.kinds import Kind, Object
from infra.k8s.watch import Scope
from tests.support.clusters import WITHIN, gone

pytestmark = pytest.mark.kubernetes

LABELS = {"app": "web"}
SERVER = (
    "import http.server as h\n"
    "class H(h.BaseHTTPRequestHandler):\n"
    "  def log_message(self, *what): pass\n"
    "  def do_GET(self):\n"
    "    self.send_response(200); self.end_headers(); self.wfile.write(self.path.encode())\n"
    "print('first', flush=True); print('second', flush=True)\n"
    "h.HTTPServer(('', 8080), H).serve_forever()\n"
)


def a_workload(namespace: str, replicas: int = 0, **container: Any) -> dict[str, Any]:
    resources = {
        "limits": {"cpu": "0.5", "memory": "1024Mi"},
        "requests": {"cpu": "0.250", "memory": "10e6"},
    }
    model = {"name": "model", "image": "x", "resources": resources, "readinessProbe": a_probe()}
    template = {
        "metadata": {"labels": LABELS, "annotations": {"size": "1000m"}},
        "spec": {"containers": [{**model, **container}], "nodeSelector": {}, "hostNetwork": False},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace, "labels": LABELS},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": LABELS},
            "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
            "template": template,
        },
    }


def a_probe() -> dict[str, Any]:
    return {"httpGet": {"path": "/", "port": 8080}, "initialDelaySeconds": 0, "periodSeconds": 1}


def a_service(namespace: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": namespace}
    ports = [{"port": 80, "protocol": "TCP", "name": "http", "targetPort": 8080}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": LABELS, "ports": ports, **spec},
    }


def a_pod(namespace: str, code: str) -> dict[str, Any]:
    model = {"name": "model", "image": "localhost/python:3.11", "command": ["python3", "-c", code]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": namespace, "labels": LABELS},
        "spec": {"containers": [{**model, "readinessProbe": a_probe()}], "restartPolicy": "Never"},
    }


async def ready(cluster: Cluster, namespace: str) -> None:
    """Once the pod is."""
    scope = Scope(Kind.POD, namespace)
    async with asyncio.timeout(WITHIN), cluster.watch(scope, "0", 60) as events:
        async for event in events:
            conditions = event["object"].get("status", {}).get("conditions", ())
            if any(each["type"] == "Ready" and each["status"] == "True" for each in conditions):
                return
    raise AssertionError


async def test_what_is_applied_comes_back_as_it_was_sent(cluster: Cluster, namespace: str) -> None:
    first = await cluster.apply(a_workload(namespace))
    again = await cluster.apply(a_workload(namespace))
    assert first["metadata"]["uid"] == again["metadata"]["uid"]
    assert await cluster.apply(a_service(namespace))
    secret = {"apiVersion": "v1", "kind": "Secret", "stringData": {"key": "value"}}
    await cluster.apply({**secret, "metadata": {"name": "web", "namespace": namespace}})


async def test_a_dry_run_leaves_nothing(cluster: Cluster, namespace: str) -> None:
    await cluster.apply(a_workload(namespace), dry_run=True)
    assert await cluster.get(Kind.DEPLOYMENT, namespace, "web") is None


async def test_a_field_of_a_newer_version_is_refused_by_name(
    cluster: Cluster, namespace: str
) -> None:
    with pytest.raises(Refused, match="notYet"):
        await cluster.apply(a_workload(namespace, notYet=True))


async def test_what_the_api_server_calls_its_own_fault_is_the_manifests(
    cluster: Cluster, namespace: str
) -> None:
    service = a_service(namespace, ports=[{"port": 80}])  # to be merged, it needs its protocol
    if cluster.version == (1, 20):
        with pytest.raises(Refused, match="protocol"):
            await cluster.apply(service)
    else:
        await cluster.apply(service)


async def test_a_field_that_is_dropped_without_a_word_is_named(
    cluster: Cluster, namespace: str
) -> None:
    """The one that 1.20 knows and has switched off."""
    service = a_service(namespace, type="LoadBalancer", allocateLoadBalancerNodePorts=False)
    if cluster.version == (1, 20):
        with pytest.raises(FieldsDropped) as error:
            await cluster.apply(service)
        assert error.value.pointers == ("/spec/allocateLoadBalancerNodePorts",)
    else:
        await cluster.apply(service)


async def test_what_anfrom_someone_set_is_left_to_it(cluster: Cluster, namespace: str) -> None:
    made = a_workload(namespace)
    await cluster.api.call(from_someone(made))
    with pytest.raises(Conflict) as error:
        await cluster.apply({**made, "spec": {**made["spec"], "replicas": 3}})
    assert error.value.others == ("someone",)
    assert ".spec.replicas" in error.value.fields
    assert "someone" in error.value.message


def from_someone(manifest: Object) -> Call:
    kind = Kind.of(manifest)
    path = kind.path(manifest["metadata"]["namespace"], manifest["metadata"]["name"])
    query = {"fieldManager": "someone", "force": "false"}
    return Call("PATCH", path, "it", query, manifest, "application/apply-patch+yaml")


async def test_a_label_is_set_on_the_version_that_was_seen_alone(
    cluster: Cluster, namespace: str
) -> None:
    seen = await cluster.apply(a_service(namespace))
    version = seen["metadata"]["resourceVersion"]
    named = Kind.SERVICE, namespace, "web"
    labelled = await cluster.patch_labels(*named, {"replica": "r1"}, version)
    assert labelled["metadata"]["labels"] == {"replica": "r1"}
    with pytest.raises(Conflict, match=f"Service {namespace}/web"):
        await cluster.patch_labels(*named, {"replica": "r2"}, version)
    last = await cluster.patch_labels(*named, {"replica": None}, None)
    assert not last["metadata"].get("labels")
    with pytest.raises(Gone, match="nobody"):
        await cluster.patch_labels(Kind.SERVICE, namespace, "nobody", {"a": "b"}, None)


async def test_replicas_are_scaled_without_touching_the_rest(
    cluster: Cluster, namespace: str
) -> None:
    await cluster.apply(a_workload(namespace))
    await cluster.scale(namespace, "web", 2)
    found = await cluster.get(Kind.DEPLOYMENT, namespace, "web")
    assert found is not None
    assert found["spec"]["replicas"] == 2
    with pytest.raises(Gone):
        await cluster.scale(namespace, "nobody", 2)


async def test_deleting_in_the_foreground_ends_what_it_owns_first(
    cluster: Cluster, namespace: str
) -> None:
    await cluster.apply(a_workload(namespace, replicas=1))
    await cluster.delete(Kind.DEPLOYMENT, namespace, "web", propagation="Foreground")
    await gone(cluster, Kind.DEPLOYMENT, namespace, "web")
    assert (await cluster.list(Kind.REPLICA_SET, namespace)).objects == ()


async def test_a_hundred_calls_at_once_are_all_answered(cluster: Cluster, namespace: str) -> None:
    await cluster.apply(a_service(namespace))
    asked = [cluster.get(Kind.SERVICE, namespace, "web") for _ in range(120)]
    assert None not in await asyncio.gather(*asked)


async def test_a_pod_is_read_and_spoken_to(cluster: Cluster, namespace: str) -> None:
    await cluster.apply(a_pod(namespace, SERVER))
    await ready(cluster, namespace)
    lines = [line async for line in cluster.logs(namespace, "web", "model", tail=1)]
    assert lines == ["second"]
    proxied = await cluster.pod_proxy(namespace, "web", 8080)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{proxied.url}/v1/x", headers=proxied.headers, ssl=proxied.ssl) as answer,
    ):
        assert (answer.status, await answer.text()) == (200, "/v1/x")
    async with (
        asyncio.timeout(WITHIN),
        aclosing(cluster.logs(namespace, "web", "model", tail=9, follow=True)) as following,
    ):
        assert [await anext(following), await anext(following)] == ["first", "second"]


async def test_a_pod_is_evicted_and_no_other_of_its_name_is_deleted(
    cluster: Cluster, namespace: str
) -> None:
    pod = await cluster.apply(a_pod(namespace, "input()"))
    await cluster.delete(Kind.POD, namespace, "web", uid="of-the-one-before", grace=0)
    assert await cluster.get(Kind.POD, namespace, "web") is not None
    await cluster.evict(namespace, "web", grace=0)
    await gone(cluster, Kind.POD, namespace, "web")
    await cluster.delete(Kind.POD, namespace, "web", uid=pod["metadata"]["uid"])
    with pytest.raises(Gone):
        await cluster.evict(namespace, "web")
