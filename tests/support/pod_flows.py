"""Real servers whose replicas are pods of a real cluster, and what is then there.

with a_server(folder, place) as server: ...       # `modelyard serve`; place says image and namespace
async with pods_of(cluster, namespace) as pods:   # pods.fewest: of those that were ready at once
"""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from infra.k8s import objects
from infra.k8s.cluster import Cluster
from infra.k8s.informer import Informer
from infra.k8s.kinds import Kind, Object
from infra.k8s.manifests import names
from infra.k8s.watch import Scope
from tests.support.api import Api
from tests.support.clusters import given, informed
from tests.support.load import replicas, rollouts
from tests.support.server import Running, running

T = TypeVar("T")
WITHIN = 240.0  # seconds: a kubelet starts pods slowly where much runs beside
PAUSE = 0.1
QUICK = (Path(__file__).parent / "engines" / "quick.py").read_text()
LEFT = (Kind.DEPLOYMENT, Kind.REPLICA_SET, Kind.POD, Kind.SERVICE, Kind.SECRET)
STANDS = "query($id: ID!) { modelDeployment(id: $id) { status statusReason statusMessage } }"
REPLICAS = """query($id: ID!) { modelDeployment(id: $id) { statusReason statusMessage
  replicas(first: 20, filter: {isExited: {in: [true, false]}}) { nodes {
    id status statusReason statusMessage exitCode logTail revision { number } } } } }"""


@dataclass(frozen=True)
class Place:
    image: str
    namespace: str


@contextmanager
def a_server(folder: Path, place: Place, **said: str) -> Iterator[Running]:
    """`said` are settings by their names."""
    settings = {
        "driver": "kubernetes",
        "kubernetes_config": str(given()),
        "kubernetes_namespace": place.namespace,
        "kubernetes_image": place.image,
        "kubernetes_routing": "pod",
        "stop_grace": "2s",
        "drain_timeout": "20s",
        **said,
    }
    env = {f"MODELYARD_{name.upper()}": value for name, value in settings.items()}
    with running(folder, env=env) as server:
        yield server


def engine(name: str, *, port: int = 8000, **service: Any) -> dict[str, Any]:
    """A model whose engine calls itself by its name and is ready at once."""
    check = {"interval": 1, "maxRetries": 3, "maxWaitTime": 5, "initialDelay": 60}
    command = ["python3", "-S", "-c", QUICK, name, "{port}"]
    said = {"startCommand": command, "healthCheck": check, "port": port, **service}
    return {"name": name, "modelPath": "/models", "service": said}


def echo(name: str, *knobs: str) -> dict[str, Any]:
    """The echo engine that calls itself by its name."""
    command = ["modelyard", "echo", "--host", "0.0.0.0", "--port", "{port}", "--name", name]
    return engine(name, startCommand=[*command, *knobs])


async def activate(
    api: Api, deployment_id: str, place: Place, *models: dict[str, Any], **said: Any
) -> str:
    """The id of a new revision that is on its way now."""
    own = {
        "image": place.image,
        "runtimeVariant": "ECHO",
        "modelDefinition": {"models": list(models)},
        "resources": {"cpu": None, "memory": "256Mi"},
    }
    rollout = {k: said.pop(k) for k in ("progressDeadline",) if k in said}
    revision = await api.revision(deployment_id, **{**own, **said})
    await api.change("activateModelRevision", {"revisionId": revision["id"], **rollout})
    return str(revision["id"])


async def serving(
    api: Api, name: str, place: Place, *models: dict[str, Any], replicas: int = 1, **said: Any
) -> str:
    """The id of a deployment whose first revision, an engine `one` unless said, is ready."""
    deployment_id = await begun(api, name, place, *models, replicas=replicas, **said)
    await stands(api, deployment_id, "READY")
    return deployment_id


async def begun(
    api: Api, name: str, place: Place, *models: dict[str, Any], replicas: int = 1, **said: Any
) -> str:
    deployment_id = await api.deployment(name, replicas)
    await activate(api, deployment_id, place, *(models or (engine("one"),)), **said)
    return deployment_id


async def until(look: Callable[[], Awaitable[T]]) -> T:
    """What it finds, as soon as it finds something."""
    async with asyncio.timeout(WITHIN):
        while True:
            if found := await look():
                return found
            await asyncio.sleep(PAUSE)


async def stands(api: Api, deployment_id: str, status: str, reason: str | None = None) -> Any:
    """The deployment, once it is in that status, for that reason if one is said."""

    async def look() -> Any:
        said = (await api.get(STANDS, id=deployment_id))["modelDeployment"]
        is_so = said["status"] == status and reason in (None, said["statusReason"])
        return said if is_so else None

    return await until(look)


async def told(api: Api, deployment_id: str, reason: str) -> Any:
    """The first replica that stands for that reason, ended ones too."""
    seen: list[Any] = []

    async def look() -> Any:
        said = (await api.get(REPLICAS, id=deployment_id))["modelDeployment"]
        seen[:] = said["replicas"]["nodes"]
        return next((each for each in seen if each["statusReason"] == reason), None)

    try:
        return await until(look)
    except TimeoutError:
        raise AssertionError(f"none is {reason}: {seen}") from None


async def healthy(api: Api, deployment_id: str) -> set[str]:
    """The ids of its replicas that are."""
    found = await replicas(api, deployment_id)
    return {each["id"] for each in found if each["status"] == "HEALTHY"}


async def failed(api: Api, deployment_id: str) -> Any:
    """Its newest rollout, once it is that."""

    async def look() -> Any:
        newest = (await rollouts(api, deployment_id))[0]
        return newest if newest["status"] == "FAILED" else None

    return await until(look)


def plain_id(id: str) -> str:
    """Of what the API calls so."""
    return b64decode(id).decode().rpartition(":")[2]


@dataclass
class Pods:
    """Of one namespace, as they come and go."""

    informer: Informer
    fewest: int | None = None  # ready ones that nothing takes away, since `watch_from`
    events: list[str] = field(default_factory=list)

    def all(self) -> list[Object]:
        return sorted(self.informer.all(), key=objects.name)

    def ready(self) -> list[Object]:
        return [each for each in self.all() if _is_ready(each)]

    def owned(self) -> dict[str, Object]:
        """By the replica that has it."""
        said = ((objects.label(each, names.REPLICA), each) for each in self.all())
        return {owner: pod for owner, pod in said if owner is not None}

    async def once(self, found: Callable[["Pods"], T]) -> T:
        """What it finds, as soon as it finds something."""

        async def look() -> T:
            return found(self)

        return await until(look)

    async def count(self) -> None:
        changes = self.informer.changes()
        self.fewest = len(self.ready())
        try:
            async for _ in changes:
                self.fewest = min(self.fewest, len(self.ready()))
        finally:
            await changes.aclose()


@asynccontextmanager
async def pods_of(cluster: Cluster, namespace: str) -> AsyncIterator[Pods]:
    async with informed(cluster, Scope(Kind.POD, namespace)) as informer:
        yield Pods(informer)


@asynccontextmanager
async def never_below(floor: int, pods: Pods) -> AsyncIterator[None]:
    """While the block runs, so many pods are ready at any moment."""
    counting = asyncio.create_task(pods.count())
    try:
        yield
    finally:
        counting.cancel()
        await asyncio.wait([counting])
    assert pods.fewest is not None
    assert pods.fewest >= floor


async def left(cluster: Cluster, namespace: str) -> Mapping[str, Collection[str]]:
    """What is ours there, by kind."""
    labels = f"{names.MANAGED_BY}={names.MANAGER}"
    found = {}
    for kind in LEFT:
        listing = await cluster.list(kind, namespace, selector=labels)
        if listing.objects:
            found[kind.kind] = [objects.name(each) for each in listing.objects]
    return found


async def delete(api: Api, deployment_id: str) -> None:
    """Until it is gone."""
    await api.change("deleteModelDeployment", {"deploymentId": deployment_id})
    await stands(api, deployment_id, "STOPPED")


def _is_ready(pod: Object) -> bool:
    return objects.holds(pod, "Ready") and not objects.is_leaving(pod)
