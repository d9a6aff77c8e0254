"""Batch jobs that are Kubernetes Jobs of a real cluster, made by a real server on this machine.

Pods reach the server by a relay on the node's link: it stays where it is when the server is another one.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from infra.k8s.cluster import Cluster
from infra.k8s.kinds import Kind, Object
from infra.k8s.manifests import names
from tests.support.api import Api
from tests.support.dedicated_jobs import Visitor, visiting, within
from tests.support.kill_jobs import Ended, Job, ended
from tests.support.pumping import pumped
from tests.support.server import running

LINK = "10.255.0.1"  # this machine, as the pods of ../shared/kubernetes see it
SLOW = "modelyard echo --host {host} --port {port} --name {name} --latency 0.5"
OURS = f"{names.MANAGED_BY}={names.MANAGER}"
KINDS = (Kind.JOB, Kind.POD, Kind.SECRET, Kind.DEPLOYMENT, Kind.SERVICE)


@dataclass
class Relay:
    """From the node's link to wherever the server is now; None: to nowhere."""

    to: int | None = None
    port: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://{LINK}:{self.port}"

    def lead(self, url: str | None) -> None:
        self.to = None if url is None else urlsplit(url).port
        if self.to is None:
            for each in list(self._open):
                each.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, onward = await asyncio.open_connection("127.0.0.1", self.to or 1)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, onward}
        try:
            await asyncio.gather(pumped(reader, onward), pumped(there, writer))
        finally:
            self._open -= {writer, onward}


@asynccontextmanager
async def relaying() -> AsyncIterator[Relay]:
    relay = Relay()
    server = await asyncio.start_server(relay.serve, LINK, 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        relay.lead(None)
        await server.wait_closed()


def settings(kubeconfig: Path, namespace: str, image: str, relay: Relay) -> Mapping[str, str]:
    said = {
        "DRIVER": "kubernetes",
        "KUBERNETES_CONFIG": str(kubeconfig),
        "KUBERNETES_NAMESPACE": namespace,
        "KUBERNETES_ROUTING": "pod",
        "KUBERNETES_IMAGE": image,
        "KUBERNETES_SERVER_URL": relay.url,
        "STOP_GRACE": "2",
    }
    return {f"MODELYARD_{name}": value for name, value in said.items()}


async def template(
    api: Api,
    name: str,
    image: str,
    command: str = SLOW,
    ready_timeout: float | None = None,
) -> None:
    model = {"name": name, "service": {"start_command": command, "port": 8_000}}
    said: dict[str, Any] = {
        "name": name,
        "runtimeVariant": "ECHO",
        "spec": {"models": [model], "image": image},
        "status": "ACTIVE",
    }
    if ready_timeout is not None:
        said["batch"] = {"readyTimeout": f"PT{ready_timeout:g}S"}
    await api.change("createDeploymentTemplate", said)


@dataclass(frozen=True)
class JobPods:
    """What of batches is in a namespace."""

    cluster: Cluster
    namespace: str

    async def of(self, kind: Kind, selector: str = names.BATCH) -> Sequence[Object]:
        return (await self.cluster.list(kind, self.namespace, selector=selector)).objects

    async def pods(self, selector: str = names.BATCH) -> list[Object]:
        """Those that are not being deleted."""
        found = await self.of(Kind.POD, selector)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    async def kill(self, pod: Object) -> None:
        name = pod["metadata"]["name"]
        await self.cluster.delete(Kind.POD, self.namespace, name, grace=0)

    async def has_pods(self, count: int, seconds: float = 60.0) -> list[Object]:
        async with within(seconds) as looks:
            async for _ in looks:
                if len(pods := await self.pods()) == count:
                    return pods
        raise AssertionError

    async def is_empty(self) -> None:
        """Soon nothing is left that anybody made."""
        left: list[str] = []
        with suppress(TimeoutError):
            async with within(90.0) as looks:
                async for _ in looks:
                    left = [
                        f"{kind.kind} {each['metadata']['name']}"
                        for kind in KINDS
                        for each in await self.of(kind, OURS)
                    ]
                    if not left:
                        return
        raise AssertionError(f"there is still {left}")


@dataclass(frozen=True)
class Yard:
    """Servers on the same data, one after the other, and their pods."""

    data_dir: Path
    relay: Relay
    place: JobPods
    image: str
    env: Mapping[str, str]

    @asynccontextmanager
    async def served(self, *, until_killed: bool = False) -> AsyncIterator[Visitor]:
        with running(self.data_dir, env=self.env) as server:
            self.relay.lead(server.url)
            try:
                async with visiting(server.url) as visitor:
                    yield visitor
                if until_killed:
                    await asyncio.to_thread(server.stop, signal.SIGKILL)
            finally:
                self.relay.lead(None)


def a_job(model: str, lines: int, window: str = "24h", **options: Any) -> Job:
    """A batch of two pods that asks eight requests at a time, unless said otherwise."""
    said = {
        "target": "KUBERNETES_JOB",
        "template": {"name": model},
        "replicas": 2,
        "maxConcurrency": 8,
        **options,
    }
    marks = [f"line-{n}" for n in range(lines)]
    return Job(marks, model=model, window=window, options=said)


async def has_done(visitor: Visitor, job: Job, lines: int, seconds: float = 120.0) -> int:
    async with within(seconds) as looks:
        async for _ in looks:
            if (done := await visitor.completed(job)) >= lines:
                return done
    raise AssertionError


async def is_final(visitor: Visitor, job: Job, seconds: float = 180.0) -> Ended:
    async with within(seconds) as looks:
        async for _ in looks:
            shown = (await visitor.api.http.get(f"/v1/batches/{job.id}")).json()
            if shown["status"] in ("completed", "cancelled", "expired", "failed"):
                return await ended(visitor.api.http, job)
    raise AssertionError
