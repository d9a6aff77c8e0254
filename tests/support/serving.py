"""Deployments that serve, as rows and events, and engines to serve them.

async with engine() as port: ...                     # an echo in this process
chat = await a_served(store, "chat", [port])         # one revision, a healthy replica a port
await chat.becomes(replica, ReplicaStatus.DRAINING)  # the row and its event, in one unit of work
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from domain.access.access import Project
from domain.deployments.deployment import Deployment, DeploymentStatus
from domain.deployments.facts import (
    DeploymentCreated,
    DeploymentUpdated,
    ReplicaBecameHealthy,
    ReplicaBecameUnhealthy,
    ReplicaDraining,
)
from domain.deployments.reason import Reason
from domain.deployments.replica import Endpoint, Replica, ReplicaGroup, ReplicaStatus
from domain.deployments.rollout import Rollout, RolloutKind, RolloutStatus
from domain.deployments.strategy import Rolling
from domain.events import Fact
from infra.echo.engine import Echo, Knobs
from infra.store import Store
from tests.support.builders import NOON, a_deployment, a_revision, fresh
from tests.support.memory import MemoryStore

AnyStore = Store | MemoryStore
MODEL = "echo-model"


def a_group(deployment: Deployment, number: int = 1, **said: Any) -> ReplicaGroup:
    own = {"id": fresh(), "project_id": deployment.project_id, "deployment_id": deployment.id}
    numbered = {"revision_id": f"{deployment.id[:30]}-{number}", "revision_number": number}
    return ReplicaGroup(**{**own, **numbered, "created_at": NOON, **said})


def a_replica(group: ReplicaGroup, port: int = 8000, **said: Any) -> Replica:
    return Replica(
        **{
            "id": fresh(),
            "project_id": group.project_id,
            "deployment_id": group.deployment_id,
            "group_id": group.id,
            "revision_id": group.revision_id,
            "revision_number": group.revision_number,
            "status": ReplicaStatus.HEALTHY,
            "status_since": NOON,
            "endpoints": (Endpoint(model=MODEL, host="127.0.0.1", port=port),),
            "created_at": NOON,
            **said,
        }
    )


def a_rollout(deployment: Deployment, number: int, **said: Any) -> Rollout:
    return Rollout(
        **{
            "id": fresh(),
            "project_id": deployment.project_id,
            "deployment_id": deployment.id,
            "kind": RolloutKind.ACTIVATION,
            "revision_id": f"{deployment.id[:30]}-{number}",
            "revision_number": number,
            "from_revision_id": deployment.active_revision_id,
            "strategy": Rolling(),
            "status": RolloutStatus.RUNNING,
            "status_since": NOON,
            "progress_deadline": 600.0,
            "progressed_at": NOON,
            "created_at": NOON,
            "created_by": "ada",
            **said,
        }
    )


@dataclass
class Served:
    """A deployment in a store; what changes it leaves an event, as the reconciler does."""

    store: AnyStore
    deployment: Deployment
    replicas: list[Replica] = field(default_factory=list)
    groups: dict[int, ReplicaGroup] = field(default_factory=dict)

    @property
    def ids(self) -> list[str]:
        return [replica.id for replica in self.replicas]

    async def revision(self, number: int, ports: Sequence[int], **said: Any) -> list[Replica]:
        """A healthy replica of that revision for each port, in a group that is made where there is none."""
        group = self.groups.get(number) or a_group(self.deployment, number, **said)
        replicas = [a_replica(group, port) for port in ports]
        async with self.store.start_work("reconciler", "sweep") as work:
            if number not in self.groups:
                revision = a_revision(self.deployment, id=group.revision_id, number=number)
                await work.revisions.add(revision)
                await work.groups.add(group)
            for replica in replicas:
                await work.replicas.add(replica)
                work.record(group.project_id, _fact(replica))
        self.groups[number] = group
        self.replicas += replicas
        return replicas

    async def becomes(self, replica: Replica, status: ReplicaStatus, **said: Any) -> None:
        changed = replace(replica, status=status, **said)
        async with self.store.start_work("reconciler", "sweep") as work:
            await work.replicas.put(changed)
            work.record(changed.project_id, _fact(changed))
        self.replicas = [changed if each.id == replica.id else each for each in self.replicas]

    async def put(self, **said: Any) -> None:
        self.deployment = deployment = replace(self.deployment, **said)
        fact = DeploymentUpdated(
            deployment_id=deployment.id,
            name=deployment.name,
            tags=(),
            desired_replicas=deployment.desired_replicas,
            changed=tuple(said),
        )
        async with self.store.start_work("ada", "request:1") as work:
            await work.deployments.put(deployment)
            work.record(deployment.project_id, fact)


async def a_served(
    store: AnyStore,
    name: str,
    ports: Sequence[int] = (),
    project: Project | None = None,
    **said: Any,
) -> Served:
    """A deployment whose first revision is active, with a healthy replica for each port."""
    if project is None:
        project = await store.reads.projects.named("default")
        assert project is not None
    made = a_deployment(project, name=name, status=DeploymentStatus.READY, **said)
    async with store.start_work("ada", "request:1") as work:
        await work.deployments.add(made)
        desired = made.desired_replicas
        fact = DeploymentCreated(deployment_id=made.id, name=name, desired_replicas=desired)
        work.record(made.project_id, fact)
    served = Served(store, made)
    await served.revision(1, ports)
    await served.put(active_revision_id=served.groups[1].revision_id, last_revision=1)
    return served


def _fact(replica: Replica) -> Fact:
    ids = {"deployment_id": replica.deployment_id, "replica_id": replica.id}
    number = replica.revision_number
    match replica.status:
        case ReplicaStatus.HEALTHY:
            return ReplicaBecameHealthy(**ids, number=number)
        case ReplicaStatus.DRAINING:
            return ReplicaDraining(**ids, number=number, reason=Reason.ROLLED_OUT)
        case _:
            reason = Reason.HEALTH_CHECK_FAILED
            return ReplicaBecameUnhealthy(**ids, number=number, reason=reason, message="")


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncIterator[int]:
    """The application on a socket of this process; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False)
        server = _Quiet(config)
        task = asyncio.create_task(server.serve([listener]))
        await server.is_up.wait()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = server.force_exit = True
            await task


@asynccontextmanager
async def engine(**knobs: Any) -> AsyncIterator[int]:
    """An echo in this process."""
    echo = Echo(knobs=Knobs(name=MODEL, **knobs), replica=fresh())
    async with listening(echo.app()) as port:
        yield port


@contextmanager
def nobody_listens() -> Iterator[int]:
    """A port that refuses connections, and that nobody else can take meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


class _Quiet(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
