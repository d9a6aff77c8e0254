"""A driver over a cluster in memory, with the rows of one deployment.

world = await a_world(); await world.start("a"); world.kube.replicate(); (await world.observe())["a"]
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from domain.deployments.deployment import Deployment, Revision
from domain.deployments.ports import Observed
from domain.deployments.replica import Replica, ReplicaGroup, ReplicaStatus
from infra.k8s import objects
from infra.k8s.driver import KubernetesDriver
from infra.k8s.kinds import Kind
from tests.support.builders import NOON, a_deployment, a_revision, secrets_of
from tests.support.k8s import a_model, a_pods_revision
from tests.support.kube import Kube
from tests.support.memory import MemoryStore
from tests.support.pods import running

GRACE = timedelta(seconds=2)
READY = running(ready=True)


@dataclass
class Vault:
    values: dict[str, str] = field(default_factory=lambda: {"key": "s3cret"})

    async def open(self, project_id: str, names: Collection[str]) -> Mapping[str, str]:
        return {name: self.values[name] for name in names if name in self.values}


@dataclass
class DriverWorld:
    store: MemoryStore
    kube: Kube
    vault: Vault
    deployment: Deployment
    revision: Revision
    group: ReplicaGroup
    driver: KubernetesDriver
    rows: dict[str, Replica] = field(default_factory=dict)

    def anew(self) -> None:
        """Another control plane takes over."""
        self.driver = KubernetesDriver(self.kube.parts(self.store.reads, self.vault))

    async def row(self, id: str, **said: Any) -> Replica:
        """Of that replica, written as it is now."""
        old = self.rows.get(id)
        new = replace(old, **said) if old else self._new(id, **said)
        async with self.store.start_work("test", "test") as work:
            await (work.replicas.put if old else work.replicas.add)(new)
        self.rows[id] = new
        return new

    async def start(self, id: str) -> None:
        await self.driver.start(self.rows.get(id) or await self.row(id), self.revision)

    async def stop(self, id: str) -> None:
        row = await self.row(id, status=ReplicaStatus.STOPPING)
        await self.driver.stop(row, GRACE)

    async def observe(self) -> Mapping[str, Observed]:
        """What is seen is laid into the rows, as far as it says where they are."""
        present = [r for r in self.rows.values() if r.status is not ReplicaStatus.EXITED]
        seen = await self.driver.observe(present)
        for replica_id, observed in seen.items():
            if observed.placement is not None:
                await self.row(
                    replica_id, placement=observed.placement, endpoints=observed.endpoints
                )
        return seen

    async def exited(self, id: str) -> None:
        await self.row(id, status=ReplicaStatus.EXITED, exited_at=NOON)

    async def healthy(self, id: str) -> None:
        await self.row(id, status=ReplicaStatus.HEALTHY, first_healthy_at=NOON)

    def pods(self) -> list[str]:
        """Those that nothing takes away."""
        pods = self.kube.all(Kind.POD)
        return [objects.name(p) for p in pods if not objects.is_leaving(p)]

    def pod_of(self, id: str) -> str:
        placement = self.rows[id].placement
        assert placement is not None
        return str(placement["pod"])

    @property
    def size(self) -> int:
        [workload] = self.kube.all(Kind.DEPLOYMENT)
        return objects.size(workload)

    def _new(self, id: str, **said: Any) -> Replica:
        own = {"id": id, "status": ReplicaStatus.STARTING, "status_since": NOON}
        of = {"project_id": self.deployment.project_id, "deployment_id": self.deployment.id}
        whose = {"group_id": self.group.id, "revision_id": self.revision.id}
        return Replica(**{**own, **of, **whose, "revision_number": 1, "created_at": NOON, **said})


async def a_world(kube: Kube | None = None, **said: Any) -> DriverWorld:
    """Its revision needs the secret `key`."""
    store, kube, vault = MemoryStore(), kube or Kube(), Vault()
    deployment = a_deployment(store.default, name="chat")
    like = a_pods_revision(a_model(), environment=secrets_of(KEY="key"), **said)
    fields = ("image", "folder", "resources", "definition", "environment")
    revision = a_revision(deployment, **{name: getattr(like, name) for name in fields})
    group = ReplicaGroup(
        id="ab" * 16,
        project_id=deployment.project_id,
        deployment_id=deployment.id,
        revision_id=revision.id,
        revision_number=1,
        created_at=NOON,
    )
    async with store.start_work("test", "test") as work:
        await work.deployments.add(deployment)
        await work.revisions.add(revision)
        await work.groups.add(group)
    driver = KubernetesDriver(kube.parts(store.reads, vault))
    return DriverWorld(store, kube, vault, deployment, revision, group, driver)


async def begun(*ids: str) -> DriverWorld:
    """With a pod for each replica, which serves."""
    world = await a_world()
    for each in ids:
        await world.start(each)
    world.kube.replicate()
    await world.observe()
    for each in ids:
        world.kube.become(world.pod_of(each), **READY)
        await world.healthy(each)
    return world
