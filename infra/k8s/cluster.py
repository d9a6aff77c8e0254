"""A Kubernetes cluster: what we ask of its API. Objects are plain JSON.

async with opened(ClusterConfig(file)) as cluster: ...

Every method raises ClusterUnavailable where nobody can tell what came of the call, and Refused where the
cluster will not; what else, each says.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any, Literal

from domain.clock import MonotonicTimer, Timer
from infra.k8s import config, pod_logs
from infra.k8s.api import Api, Call, Patience, connected
from infra.k8s.config import ClusterConfig
from infra.k8s.errors import Conflict, Expired, FieldsDropped, Gone
from infra.k8s.kinds import Kind, Object, quoted
from infra.k8s.likeness import dropped
from infra.k8s.pod_logs import Log
from infra.k8s.watch import Event, Scope, watching

OURS = {"fieldManager": "modelyard"}
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
PAGE = 500
PAGED_ANEW = 3  # times, where a list runs out of its time between pages
PATIENT = Patience()

Propagation = Literal["Background", "Foreground", "Orphan"]


@dataclass(frozen=True, slots=True)
class Listing:
    """`version` is the moment at which the cluster was like that: watch from there."""

    objects: tuple[Object, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Proxied:
    """How to speak to a port of a pod through the API server: append to `url`, add the headers."""

    url: str
    headers: Mapping[str, str]
    ssl: SSLContext
    server_name: str | None = None  # in its certificate, where that is another than the url's host


@asynccontextmanager
async def opened(
    where: ClusterConfig, patience: Patience = PATIENT, timer: Timer | None = None
) -> AsyncIterator["Cluster"]:
    """Raises ClusterUnknown, ClusterUnavailable."""
    credentials = await config.load(where)
    async with connected(credentials) as client:
        api = Api(client, credentials, patience, timer or MonotonicTimer())
        said = await api.call(Call("GET", "/version", "the version"))
        yield Cluster(api, (_number(said["major"]), _number(said["minor"])))


@dataclass(frozen=True, slots=True)
class Cluster:
    api: Api
    version: tuple[int, int]

    async def apply(self, manifest: Object, *, dry_run: bool = False) -> Object:
        """As it is then. Raises Conflict where a field is another manager's, FieldsDropped after it was
        taken without some of its fields."""
        kind, namespace, name = _named(manifest)
        what = kind.called(namespace, name)
        query = {**OURS, "force": "false", **({"dryRun": "All"} if dry_run else {})}
        call = Call("PATCH", kind.path(namespace, name), what, query, manifest, APPLY)
        got: Object = await self.api.call(call)
        if pointers := dropped(manifest, got):
            raise FieldsDropped(what=what, pointers=pointers)
        return got

    async def create(self, manifest: Object) -> Object:
        """Raises Conflict where there is one of that name."""
        kind, namespace, name = _named(manifest)
        what = kind.called(namespace, name)
        got: Object = await self.api.call(
            Call("POST", kind.path(namespace), what, OURS, body=manifest)
        )
        return got

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object | None:
        """None: it is not there."""
        call = Call("GET", kind.path(namespace, name), kind.called(namespace, name))
        try:
            found: Object = await self.api.call(call)
        except Gone:
            return None
        return found

    async def list(
        self, kind: Kind, namespace: str | None = None, *, selector: str = "", fields: str = ""
    ) -> Listing:
        """Of one moment, in as many pages as it takes; namespace None: in all of them. Raises Expired."""
        left = PAGED_ANEW
        while True:
            try:
                return await self._listed(Scope(kind, namespace, selector, fields))
            except Expired:
                left -= 1
                if not left:
                    raise

    def watch(
        self, scope: Scope, version: str, seconds: int
    ) -> AbstractAsyncContextManager[AsyncGenerator[Event, None]]:
        """As infra.k8s.watch.watching."""
        return watching(self.api, scope, version, seconds)

    async def patch_labels(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        labels: Mapping[str, str | None],
        resource_version: str | None,
    ) -> Object:
        """None takes a label away. Raises Gone, and Conflict where it is no longer of that version."""
        metadata: dict[str, Any] = {"labels": dict(labels)}
        if resource_version is not None:
            metadata["resourceVersion"] = resource_version
        what, body = kind.called(namespace, name), {"metadata": metadata}
        call = Call("PATCH", kind.path(namespace, name), what, OURS, body, MERGE)
        got: Object = await self.api.call(call)
        return got

    async def scale(
        self, namespace: str, name: str, replicas: int, kind: Kind = Kind.DEPLOYMENT
    ) -> None:
        """Raises Gone."""
        what, body = kind.called(namespace, name), {"spec": {"replicas": replicas}}
        path = kind.path(namespace, name, "scale")
        await self.api.call(Call("PATCH", path, what, OURS, body, MERGE))

    async def parallel(self, namespace: str, name: str, pods: int) -> None:
        """How many pods a Job may have at a time, which has no scale. Raises Gone."""
        what, body = Kind.JOB.called(namespace, name), {"spec": {"parallelism": pods}}
        path = Kind.JOB.path(namespace, name)
        await self.api.call(Call("PATCH", path, what, OURS, body, MERGE))

    async def delete(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        version: str | None = None,
        grace: int | None = None,
        propagation: Propagation = "Background",
    ) -> None:
        """Begin to; nothing happens where it is not there, or is another one (than `uid`) by now, or is on
        its way already. Raises Conflict, as where it is no longer of that version."""
        options: dict[str, Any] = {"propagationPolicy": propagation}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        known = {"uid": uid, "resourceVersion": version}
        if preconditions := {key: value for key, value in known.items() if value is not None}:
            options["preconditions"] = preconditions
        what = kind.called(namespace, name)
        try:
            await self.api.call(Call("DELETE", kind.path(namespace, name), what, body=options))
        except Gone:
            return
        except Conflict:
            if not await self._is_over(kind, namespace, name, uid):
                raise

    async def evict(self, namespace: str, name: str, *, grace: int | None = None) -> None:
        """As a node that drains does: ClusterUnavailable where a disruption budget is against it. Raises
        Gone."""
        body: dict[str, Any] = {
            "apiVersion": "policy/v1" if self.version >= (1, 22) else "policy/v1beta1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
        }
        if grace is not None:
            body["deleteOptions"] = {"gracePeriodSeconds": grace}
        path, what = Kind.POD.path(namespace, name, "eviction"), Kind.POD.called(namespace, name)
        await self.api.call(Call("POST", path, what, body=body))

    def logs(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        tail: int,
        previous: bool = False,
        follow: bool = False,
    ) -> AsyncGenerator[str, None]:
        """The last lines that it wrote, then, where followed, each as it is written, until it ends; of the
        container's run before this one if `previous`. None where it wrote none yet. A line that is too
        long comes in parts. Close it when done. Raises Gone."""
        return pod_logs.written(self.api, Log(namespace, pod, container, previous), tail, follow)

    async def pod_proxy(self, namespace: str, pod: str, port: int) -> Proxied:
        """The headers are good for a minute at least, but no secret for ever: ask for each connection."""
        path = f"{Kind.POD.path(namespace)}/{quoted(pod)}:{port}/proxy"
        url, headers = f"{self.api.host}{path}", await self.api.headers()
        return Proxied(url, headers, self.api.ssl, self.api.server_name)

    async def renew(self) -> None:
        """Read anew who we are: the cluster no longer knew what `pod_proxy` gave. Raises
        ClusterUnavailable."""
        await self.api.reload()

    async def _listed(self, scope: Scope) -> Listing:
        kind = scope.kind
        typed = {"apiVersion": kind.version, "kind": kind.kind}
        objects: list[Object] = []
        query = {**scope.query, "limit": str(PAGE)}
        while True:
            call = Call("GET", kind.path(scope.namespace), f"a list of {kind.plural}", query)
            said = await self.api.call(call)
            objects += [{**typed, **each} for each in said.get("items") or ()]
            if not (after := said["metadata"].get("continue")):
                return Listing(tuple(objects), said["metadata"]["resourceVersion"])
            query = {**query, "continue": after}

    async def _is_over(self, kind: Kind, namespace: str | None, name: str, uid: str | None) -> bool:
        found = await self.get(kind, namespace, name)
        if found is None or (uid is not None and found["metadata"]["uid"] != uid):
            return True
        return "deletionTimestamp" in found["metadata"]


def _named(manifest: Object) -> tuple[Kind, str | None, str]:
    metadata = manifest["metadata"]
    return Kind.of(manifest), metadata.get("namespace"), metadata["name"]


def _number(text: str) -> int:
    """Of a version's part: some clouds write 27+."""
    found = re.match(r"\d+", text)
    return int(found[0]) if found else 0
