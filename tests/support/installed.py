"""The control plane as an operator installs it: in pods, by the manifests of examples/kubernetes.

async with installed(cluster, places, image, database_url) as plane: ...
plane.key, await plane.servers(), plane.url(pod), await plane.kill(pod)

Its PostgreSQL is the test run's, on this machine; pods reach it by this machine's address on the node's
link, where a port is passed on to it.
"""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import psutil

from infra.k8s import objects
from infra.k8s.api import Call
from infra.k8s.cluster import Cluster
from infra.k8s.kinds import Kind, Object
from tests.support.api import Api
from tests.support.clusters import marked
from tests.support.manifests import EXAMPLES, moved, read, written
from tests.support.pumping import joined

T = TypeVar("T")

WITHIN = 180.0
SERVER = "app.kubernetes.io/component=server"
SECRET_KEY = "bW9kZWx5YXJkIHRlc3RzOiBub3QgYSBzZWNyZXQuLi4="
SERVER_URL = "MODELYARD_KUBERNETES_SERVER_URL"
QUICK = {"MODELYARD_STOP_GRACE": "2s", "MODELYARD_DRAIN_TIMEOUT": "20s"}
IMAGE = "modelyard:0.1.0"


@dataclass(frozen=True)
class Places:
    """Namespaces: the server's, and the one of all replicas (or what those of projects begin with)."""

    server: str
    models: str
    variant: str = "one-namespace"

    def moved(self, manifest: Object) -> dict[str, Any]:
        found = moved(manifest, {"modelyard": self.server, "modelyard-models": self.models})
        if manifest["kind"] in ("ClusterRole", "ClusterRoleBinding"):
            found["metadata"] |= {"name": self.cluster_wide, "labels": marked()}
        if manifest["kind"] == "ClusterRoleBinding":
            found["roleRef"] = {**manifest["roleRef"], "name": self.cluster_wide}
        return found

    @property
    def cluster_wide(self) -> str:
        return f"modelyard-{self.server}"


@dataclass(frozen=True)
class Installed:
    cluster: Cluster
    places: Places
    key: str

    async def servers(self, count: int = 2) -> Sequence[Object]:
        """So many, ready."""

        async def ready() -> Sequence[Object]:
            pods = await self.pods()
            found = [p for p in pods if objects.holds(p, "Ready") and not objects.is_leaving(p)]
            return found if len(found) == count else ()

        return await once(ready)

    async def alone(self) -> Object:
        """The one server that is kept: each has files of its own here."""
        await self.cluster.scale(self.places.server, "modelyard", 1)

        async def kept() -> Object | None:
            pods = await self.pods()
            return pods[0] if len(pods) == 1 else None

        server = await once(kept)
        assert server is not None
        return server

    async def pods(self) -> Sequence[Object]:
        listing = await self.cluster.list(Kind.POD, self.places.server, selector=SERVER)
        return listing.objects

    @asynccontextmanager
    async def client(self, pod: Object) -> AsyncIterator[Api]:
        async with httpx.AsyncClient(
            base_url=self.url(pod), headers=self.headers, timeout=60.0
        ) as http:
            yield Api(http)

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def url(self, pod: Object) -> str:
        return f"http://{pod['status']['podIP']}:8400"

    async def kill(self, pod: Object) -> None:
        """Without a word to it where its process is of this machine, and so that it does not come back."""
        for process in psutil.process_iter():
            if _environment(process).get("HOSTNAME") == objects.name(pod):
                os.kill(process.pid, signal.SIGKILL)
        place = objects.namespace(pod), objects.name(pod)
        await self.cluster.delete(Kind.POD, *place, uid=objects.uid(pod), grace=0)

    async def log(self, pod: Object) -> list[str]:
        place = objects.namespace(pod), objects.name(pod)
        return [line async for line in self.cluster.logs(*place, "modelyard", tail=10_000)]


@asynccontextmanager
async def installed(
    cluster: Cluster, places: Places, image: str, database_url: str
) -> AsyncIterator[Installed]:
    """In the guide's order. What isn't in a namespace goes at the end."""
    manifests = [places.moved(each) for each in written("server", places.variant)]
    manifests = [json.loads(json.dumps(each).replace(IMAGE, image)) for each in manifests]
    try:
        async with passed_on(database_url, await node_address(cluster)) as reached:
            (service,) = [each for each in manifests if each["kind"] == "Service"]
            address = (await cluster.apply(service))["spec"]["clusterIP"]  # without a DNS
            for each in manifests:
                if each["kind"] == "ConfigMap" and each["metadata"]["name"] == "modelyard":
                    each["data"] |= QUICK | {SERVER_URL: f"http://{address}:8400"}
                if each["kind"] not in ("Deployment", "Namespace", "PodDisruptionBudget"):
                    await cluster.apply(each)
            await cluster.apply(_secret(places, reached))
            await _done(cluster, places.server, "modelyard-migrate")
            key = await _first_key(cluster, places, image)
            for each in manifests:
                if each["kind"] == "Deployment":
                    await cluster.apply(each)
            yield Installed(cluster, places, key)
    finally:
        for kind in (Kind.CLUSTER_ROLE_BINDING, Kind.CLUSTER_ROLE):
            await cluster.delete(kind, None, places.cluster_wide)


async def once(look: Callable[[], Awaitable[T]]) -> T:
    """What it sees, as soon as that is something."""
    async with asyncio.timeout(WITHIN):
        while True:
            if found := await look():
                return found
            await asyncio.sleep(0.2)


async def may(
    cluster: Cluster, places: Places, namespace: str | None, verb: str, what: str
) -> bool:
    """Whether the server's account may: `what` as in deployments.apps/scale."""
    named, _, part = what.partition("/")
    resource, _, group = named.partition(".")
    attributes = {"verb": verb, "resource": resource, "group": group, "subresource": part}
    if namespace is not None:
        attributes["namespace"] = namespace
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:{places.server}:modelyard",
            "resourceAttributes": attributes,
        },
    }
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    said = await cluster.api.call(Call("POST", path, "a review", body=body))
    return bool(said["status"]["allowed"])


@asynccontextmanager
async def passed_on(url: str, address: str) -> AsyncIterator[str]:
    """The URL by which the database is reached at another address of this machine."""
    told = urlsplit(url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await joined(reader, writer, told.hostname or "", told.port or 0)

    async with await asyncio.start_server(serve, address, 0) as server:
        host, port = server.sockets[0].getsockname()[:2]
        given = told.netloc.rpartition("@")[0]
        yield told._replace(netloc=f"{given}@{host}:{port}").geturl()


async def node_address(cluster: Cluster) -> str:
    """Of this machine, as the cluster's node reaches it."""
    (node, *_) = (await cluster.list(Kind.NODE)).objects
    addresses = {each["type"]: each["address"] for each in node["status"]["addresses"]}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((addresses["InternalIP"], 9))
        return str(probe.getsockname()[0])


async def _first_key(cluster: Cluster, places: Places, image: str) -> str:
    (job,) = read(EXAMPLES / "first-key.yaml")
    await cluster.apply(json.loads(json.dumps(places.moved(job)).replace(IMAGE, image)))
    name = "modelyard-first-key"
    await _done(cluster, places.server, name)
    (pod,) = (await cluster.list(Kind.POD, places.server, selector=f"job-name={name}")).objects
    lines = cluster.logs(places.server, objects.name(pod), "first-key", tail=10)
    token, *_ = [line async for line in lines]
    return token


async def _done(cluster: Cluster, namespace: str, job: str) -> None:
    async def complete() -> bool:
        found = await cluster.get(Kind.JOB, namespace, job)
        return found is not None and objects.holds(found, "Complete")

    await once(complete)


def _secret(places: Places, database_url: str) -> dict[str, Any]:
    (template,) = read(EXAMPLES / "server" / "secret.example.yaml")
    values = {"MODELYARD_DATABASE_URL": database_url, "MODELYARD_SECRET_KEY": SECRET_KEY}
    data = {**template, "stringData": {**template["stringData"], **values}}
    return places.moved(data)


def _environment(process: psutil.Process) -> Mapping[str, str]:
    try:
        return dict(process.environ())
    except psutil.Error:
        return {}
