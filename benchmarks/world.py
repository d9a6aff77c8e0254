"""A server's insides on a fresh SQLite database, with deployments in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from starlette.types import ASGIApp

from domain.access.access import Caller, Principal
from domain.definitions.request import FolderChoice, RevisionRequest
from domain.definitions.variants import Variant
from domain.deployments.deployment import Deployment, DeploymentStatus, Revision
from domain.deployments.replica import Endpoint, Replica, ReplicaGroup, ReplicaStatus
from domain.deployments.service import NewDeployment
from domain.folders.service import NewFolder
from domain.ids import new_id
from infra import app, serving, wiring
from infra.db.engine import Engines
from infra.settings import Settings
from infra.wiring import Parts

ENDPOINTS = (Endpoint(model="m", host="127.0.0.1", port=20_000),)
PLACEMENT = {"host": "here"}
FILE = """
models:
  - name: chat
    model_path: /models/chat
    service:
      start_command: [python3, serve.py, --port, "{port}"]
      port: 8000
      health_check: {path: /healthz, interval: 5, initial_delay: 30}
    metadata: {author: us, title: Chat, version: "1.0", framework: [torch], label: [demo]}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    parts: Parts
    asgi: ASGIApp
    token: str
    caller: Caller
    folder_id: str

    @property
    def engines(self) -> Engines:
        return self.parts.store.events.engines

    async def deployment(self, name: str, revisions: int, replicas: int = 0) -> Deployment:
        """With so many revisions, the last of them active, and so many replicas of each."""
        deployments = self.parts.services.deployments
        new = NewDeployment(name=name, desired_replicas=2, tags=("demo", "team-a"))
        made = await deployments.create(self.caller, new)
        added = [
            await deployments.add_revision(self.caller, self.request(made.id))
            for _ in range(revisions)
        ]
        async with self.parts.store.start_work("bench", "sweep") as work:
            changed = await work.deployments.lock(made.id)
            assert changed is not None
            changed = replace(
                changed, active_revision_id=added[-1].id, status=DeploymentStatus.READY
            )
            await work.deployments.put(changed)
            for revision in added if replicas else ():
                group = group_of(revision, replicas)
                await work.groups.add(group)
                for _ in range(replicas):
                    await work.replicas.add(healthy(group))
        return changed

    def request(self, deployment_id: str) -> RevisionRequest:
        """Three layers: the variant's, the folder's file, and what is asked for here."""
        return RevisionRequest(
            deployment_id=deployment_id,
            runtime_variant=Variant.VLLM,
            model_folder=FolderChoice(folder_id=self.folder_id),
            enable_model_definition_override=True,
            draft={
                "model_definition": {
                    "models": [{"service": {"port": 9000, "health_check": {"max_retries": 3}}}]
                }
            },
            note="fail sooner",
        )


def group_of(revision: Revision, replicas: int) -> ReplicaGroup:
    return ReplicaGroup(
        id=new_id(),
        project_id=revision.project_id,
        deployment_id=revision.deployment_id,
        revision_id=revision.id,
        revision_number=revision.number,
        weight=100,
        desired_replicas=replicas,
        created_at=revision.created_at,
    )


def healthy(group: ReplicaGroup) -> Replica:
    return Replica(
        id=new_id(),
        project_id=group.project_id,
        deployment_id=group.deployment_id,
        group_id=group.id,
        revision_id=group.revision_id,
        revision_number=group.revision_number,
        status=ReplicaStatus.HEALTHY,
        status_since=group.created_at,
        endpoints=ENDPOINTS,
        placement=PLACEMENT,
        created_at=group.created_at,
        first_healthy_at=group.created_at,
    )


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """The application as `serve` builds it, but for the socket; reached with a key."""
    with TemporaryDirectory(prefix="modelyard-bench-") as place:
        files = Path(place) / "chat"
        files.mkdir()
        (files / "model-definition.yaml").write_text(FILE)
        settings = Settings(data_dir=Path(place) / "data", model_roots=(Path(place),))
        async with wiring.running(settings) as parts:
            access = parts.services.access
            _, token = await access.create_key("benchmark", "bench", {}, server_admin=True)
            principal = Principal(actor="bench", server_admin=True)
            project = await access.project(principal, None)
            caller = Caller(principal=principal, project_id=project.id, request_id="bench")
            new = NewFolder(name="chat", uri=files.as_uri())
            folder = await parts.services.folders.create(caller, new)
            asgi = app.build(parts).asgi
            serving.spare_garbage_collector()
            yield World(
                parts=parts,
                asgi=asgi,
                token=token,
                caller=caller,
                folder_id=folder.id,
            )
