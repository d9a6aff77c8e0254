"""A cluster in memory, for the driver: what its API keeps, informers that lag behind as a test says, and
a ReplicaSet that acts when it is told to.

kube = Kube(); parts = kube.parts(store, ...); kube.replicate(); kube.ready(name); kube.settle()
"""

from collections import defaultdict
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from domain.clock import Clock, utc_now
from domain.deployments.ports import SecretValues
from domain.work import Reads
from infra.k8s import objects
from infra.k8s.cluster import Cluster, Propagation
from infra.k8s.errors import Conflict, Gone
from infra.k8s.informer import Informer
from infra.k8s.kinds import Kind, Object
from infra.k8s.manifests import names
from infra.k8s.mirror import Change
from infra.k8s.parts import Parts
from infra.k8s.settings import KubernetesSettings

Key = tuple[Kind, str]


class Crash(BaseException):
    """The control plane is killed."""


@dataclass
class Kube:
    """`crash_after`: so many calls that change something are done, and the one after that is the end of
    who called, after it was done (`done`) or instead."""

    there: dict[Key, dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    errors: dict[str, list[Exception]] = field(default_factory=lambda: defaultdict(list))
    lines: dict[str, list[str]] = field(default_factory=dict)
    crash_after: int | None = None
    done: bool = True
    in_sync: bool = True
    lagging: set[Kind] = field(default_factory=set)
    seen: dict[Key, dict[str, Any]] = field(default_factory=dict)
    count: int = 0
    version: tuple[int, int] = (1, 27)
    clock: Clock = utc_now

    def parts(self, reads: Reads, secrets: SecretValues, **said: Any) -> Parts:
        own = {"installation": "i" * 32, "version": self.version, "namespace": "n", **said}
        return Parts(
            settings=KubernetesSettings(**own),
            cluster=cast(Cluster, self),
            pods=cast(Informer, View(self, Kind.POD)),
            workloads=cast(Informer, View(self, Kind.DEPLOYMENT)),
            reads=reads,
            secrets=secrets,
            clock=self.clock,
        )

    async def apply(self, manifest: Object) -> Object:
        kind, name = Kind.of(manifest), objects.name(manifest)
        self._begin("apply", kind)
        old = self.there.get((kind, name))
        new = {**manifest, "metadata": dict(manifest["metadata"])}
        if old is not None:  # what others set stays
            new["metadata"]["labels"] = {
                **old["metadata"].get("labels", {}),
                **manifest["metadata"].get("labels", {}),
            }
            new["metadata"]["uid"] = old["metadata"]["uid"]
        self._put(kind, new)
        self._end("apply", kind)
        return self.there[kind, name]

    async def create(self, manifest: Object) -> Object:
        kind, name = Kind.of(manifest), objects.name(manifest)
        self._begin("create", kind)
        if (kind, name) in self.there:
            raise Conflict(what=name, problem="it already exists")
        self._put(kind, dict(manifest))
        self._end("create", kind)
        return self.there[kind, name]

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object | None:
        if errors := self.errors[f"get {kind.kind}"]:
            raise errors.pop(0)
        return self.there.get((kind, name))

    async def patch_labels(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        labels: Mapping[str, str | None],
        resource_version: str | None,
    ) -> Object:
        self._begin("label", kind)
        found = self._found(kind, name)
        if resource_version not in (None, found["metadata"]["resourceVersion"]):
            raise Conflict(what=name, problem="it was changed")
        had = found["metadata"].get("labels", {})
        metadata = {**found["metadata"], "labels": {**had, **labels}}
        self._put(kind, {**found, "metadata": metadata})
        self._end("label", kind)
        return self.there[kind, name]

    async def scale(
        self, namespace: str, name: str, replicas: int, kind: Kind = Kind.DEPLOYMENT
    ) -> None:
        self._begin("scale", kind)
        found = self._found(kind, name)
        self._put(kind, {**found, "spec": {**found["spec"], "replicas": replicas}})
        self._end("scale", kind)

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
        self._begin("delete", kind)
        found = self.there.get((kind, name))
        if found is None or uid not in (None, found["metadata"]["uid"]):
            return
        if version not in (None, found["metadata"]["resourceVersion"]):
            raise Conflict(what=name, problem="it was changed")
        if objects.is_finished(found):  # nothing of it has to end
            self.remove(kind, name)
            self._end("delete", kind)
            return
        metadata = {**found["metadata"], "deletionTimestamp": "2030-01-01T00:00:00Z"}
        metadata["deletionGracePeriodSeconds"] = 30 if grace is None else grace
        self._put(kind, {**found, "metadata": metadata})
        self._end("delete", kind)

    async def logs(
        self, namespace: str, pod: str, container: str, **said: Any
    ) -> AsyncGenerator[str, None]:
        self._found(Kind.POD, pod)
        for line in self.lines.get(pod, ())[-said["tail"] :]:
            yield line

    def replicate(self) -> None:
        """What the ReplicaSets do: as many pods as each workload is to have."""
        for workload in self.all(Kind.DEPLOYMENT):
            group = objects.label(workload, names.GROUP)
            pods = [p for p in self.all(Kind.POD) if objects.label(p, names.GROUP) == group]
            active = [p for p in pods if not (objects.is_leaving(p) or objects.is_finished(p))]
            wanted = 0 if objects.is_leaving(workload) else objects.size(workload)
            for _ in range(wanted - len(active)):
                self.make_pod(workload)
            for pod in active[wanted:]:
                self.remove(Kind.POD, objects.name(pod))

    def make_pod(self, workload: Object) -> str:
        self.count += 1
        name = f"{objects.name(workload)}-{self.count}"
        template = workload["spec"]["template"]
        metadata = {**template["metadata"], "name": name, "namespace": "n"}
        metadata["ownerReferences"] = [{"uid": workload["metadata"]["uid"]}]
        metadata["creationTimestamp"] = f"2029-01-01T00:00:{self.count:02}Z"
        spec = {**template["spec"], "nodeName": "node1"}
        scheduled = [{"type": "PodScheduled", "status": "True"}]
        status = {"phase": "Pending", "conditions": scheduled}
        self._put(Kind.POD, {"metadata": metadata, "spec": spec, "status": status})
        return name

    def become(self, name: str, **status: Any) -> None:
        found = self.there[Kind.POD, name]
        self._put(Kind.POD, {**found, "status": status})

    def settle(self) -> None:
        """All that is being deleted is gone, with what it owns."""
        for (kind, name), each in list(self.there.items()):
            if objects.is_leaving(each):
                self.remove(kind, name)
        uids = {each["metadata"]["uid"] for each in self.there.values()}
        for (kind, name), each in list(self.there.items()):
            owners = {o["uid"] for o in each["metadata"].get("ownerReferences", ())}
            if owners and not owners & uids:
                self.remove(kind, name)

    def remove(self, kind: Kind, name: str) -> None:
        self.there.pop((kind, name), None)
        if kind not in self.lagging:
            self.seen.pop((kind, name), None)

    def catch_up(self) -> None:
        self.lagging.clear()
        self.seen = dict(self.there)

    def all(self, kind: Kind) -> list[dict[str, Any]]:
        return [each for (of, _), each in self.there.items() if of is kind]

    def names(self) -> set[str]:
        """The kinds of what is there."""
        return {kind.kind for kind, _ in self.there}

    def _put(self, kind: Kind, new: dict[str, Any]) -> None:
        self.count += 1
        metadata = {"uid": f"uid-{self.count}", **new["metadata"]}
        metadata["resourceVersion"] = str(self.count)
        key = kind, metadata["name"]
        self.there[key] = {**new, "metadata": metadata}
        if kind not in self.lagging:
            self.seen[key] = self.there[key]

    def _found(self, kind: Kind, name: str) -> dict[str, Any]:
        if (kind, name) not in self.there:
            raise Gone(what=name)
        return self.there[kind, name]

    def _begin(self, verb: str, kind: Kind) -> None:
        call = f"{verb} {kind.kind}"
        self.calls.append(call)
        if self.errors[call]:
            raise self.errors[call].pop(0)
        if not self.done:
            self._crash()

    def _end(self, verb: str, kind: Kind) -> None:
        if self.done:
            self._crash()

    def _crash(self) -> None:
        if self.crash_after is None:
            return
        if self.crash_after == 0:
            self.crash_after = None
            raise Crash
        self.crash_after -= 1


@dataclass(frozen=True)
class View:
    """An informer's: of what it was told."""

    kube: Kube
    kind: Kind

    @property
    def in_sync(self) -> bool:
        return self.kube.in_sync

    def all(self) -> Collection[Object]:
        return [each for (kind, _), each in self.kube.seen.items() if kind is self.kind]

    def labelled(self, value: str) -> Sequence[Object]:
        return [each for each in self.all() if objects.label(each, names.GROUP) == value]

    async def changes(self) -> AsyncGenerator[Change, None]:
        for each in self.all():
            yield Change(each, gone=False)
