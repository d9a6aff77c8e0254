"""What users decide about deployments; each decision is one unit of work."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypedDict

from domain import checks, idempotency
from domain.access.access import Caller, Role
from domain.clock import Clock
from domain.definitions.request import RevisionRequest
from domain.definitions.resolution import Resolution
from domain.definitions.service import Definitions
from domain.deployments import strategy
from domain.deployments.deployment import FINAL, Deployment, DeploymentStatus, Revision
from domain.deployments.strategy import Rolling, Strategy
from domain.errors import EtagMismatch, InvalidValue, NotFound
from domain.events import (
    DeploymentCreated,
    DeploymentDeleted,
    DeploymentStatusChanged,
    DeploymentUpdated,
    RevisionActivated,
    RevisionAdded,
)
from domain.ids import NewId
from domain.work import Reads, StartWork, Work

REPLICAS_LIMIT = 1_000
NOTE_LIMIT = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDeployment:
    name: str
    tags: tuple[str, ...] = ()
    desired_replicas: int = 1
    strategy: Strategy = field(default_factory=Rolling)


class DeploymentPatch(TypedDict, total=False):
    name: str | None
    tags: tuple[str, ...] | None
    desired_replicas: int | None
    strategy: Strategy | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployments:
    start_work: StartWork
    reads: Reads
    definitions: Definitions
    clock: Clock
    new_id: NewId

    async def create(
        self, caller: Caller, new: NewDeployment, key: str | None = None
    ) -> Deployment:
        project_id = caller.project_id
        caller.require_selected(Role.EDITOR)
        repeat = idempotency.repeat(project_id, "createModelDeployment", key, new)
        if first := await repeat.answered(self.reads, self.clock()):
            return await self._deployment(first)
        decided = _checked(asdict(new) | {"strategy": new.strategy})
        now = self.clock()
        deployment = Deployment(
            id=self.new_id(),
            project_id=project_id,
            status=DeploymentStatus.PENDING,
            status_since=now,
            active_revision_id=None,
            last_revision=0,
            generation=1,
            created_at=now,
            created_by=caller.actor,
            updated_at=now,
            **decided,
        )
        async with self.start_work(caller.actor, caller.cause) as work:
            twin = await repeat.claim(work, deployment.id, now)
            if twin is None:
                await work.deployments.add(deployment)
                fact = DeploymentCreated(
                    deployment_id=deployment.id,
                    name=deployment.name,
                    desired_replicas=deployment.desired_replicas,
                )
                work.record(project_id, fact)
        return deployment if twin is None else await self._deployment(twin)

    async def update(
        self, caller: Caller, id: str, patch: DeploymentPatch, expected_etag: str | None = None
    ) -> Deployment:
        decided = _checked(patch)
        async with self.start_work(caller.actor, caller.cause) as work:
            deployment = await self._lock(work, caller, id, expected_etag)
            changed = replace(deployment, **decided)
            if changed == deployment:
                return deployment
            changed = self._next(changed)
            await work.deployments.put(changed)
            names = tuple(k for k, v in decided.items() if v != getattr(deployment, k))
            fact = DeploymentUpdated(
                deployment_id=id,
                name=changed.name,
                tags=changed.tags,
                desired_replicas=changed.desired_replicas,
                changed=names,
            )
            work.record(deployment.project_id, fact)
        return changed

    async def delete(self, caller: Caller, id: str, expected_etag: str | None = None) -> Deployment:
        """Its history and events stay, found by id; its name is free."""
        async with self.start_work(caller.actor, caller.cause) as work:
            deployment = await self._lock(work, caller, id, expected_etag)
            changed = self._next(deployment)
            changed = self._become(work, changed, DeploymentStatus.STOPPED)
            changed = replace(changed, deleted_at=changed.updated_at)
            await work.deployments.put(changed)
            fact = DeploymentDeleted(deployment_id=id, name=deployment.name)
            work.record(deployment.project_id, fact)
        return changed

    async def preview_revision(self, caller: Caller, request: RevisionRequest) -> Resolution:
        """All of `add_revision` but the writing; drafts of templates may be named."""
        deployment = await self._readable(caller, request.deployment_id, Role.VIEWER)
        checks.text(request.note, ("note",), NOTE_LIMIT)
        return await self.definitions.resolve(deployment.project_id, request, preview=True)

    async def add_revision(self, caller: Caller, request: RevisionRequest) -> Revision:
        deployment = await self._readable(caller, request.deployment_id, Role.EDITOR)
        project_id = deployment.project_id
        repeat = idempotency.repeat(
            project_id, "addModelRevision", request.idempotency_key, request
        )
        if first := await repeat.answered(self.reads, self.clock()):
            return await self._revision(first)
        _check_etag(deployment, request.expected_etag)
        checks.text(request.note, ("note",), NOTE_LIMIT)
        resolution = await self.definitions.resolve(project_id, request, preview=False)
        revision_id = self.new_id()
        async with self.start_work(caller.actor, caller.cause) as work:
            twin = await repeat.claim(work, revision_id, self.clock())
            if twin is None:
                revision = await self._add(work, caller, request, resolution, revision_id)
        return revision if twin is None else await self._revision(twin)

    async def _add(
        self,
        work: Work,
        caller: Caller,
        request: RevisionRequest,
        resolution: Resolution,
        revision_id: str,
    ) -> Revision:
        """The next revision, numbered under the lock of its deployment's row."""
        deployment = await self._lock(work, caller, request.deployment_id, request.expected_etag)
        revision = resolution.revision(
            id=revision_id,
            deployment_id=deployment.id,
            number=deployment.last_revision + 1,
            note=request.note,
            created_at=self.clock(),
            created_by=caller.actor,
        )
        await work.revisions.add(revision)
        fact = RevisionAdded(
            deployment_id=deployment.id,
            revision_id=revision_id,
            number=revision.number,
            digest=revision.digest,
        )
        work.record(deployment.project_id, fact)
        changed = self._next(replace(deployment, last_revision=revision.number))
        if request.activate:
            changed = self._activated(work, changed, revision)
        await work.deployments.put(changed)
        return revision

    def _activated(self, work: Work, deployment: Deployment, revision: Revision) -> Deployment:
        fact = RevisionActivated(
            deployment_id=deployment.id, revision_id=revision.id, number=revision.number
        )
        work.record(deployment.project_id, fact)
        deployment = replace(deployment, active_revision_id=revision.id)
        return self._become(work, deployment, DeploymentStatus.DEPLOYING)

    def _become(self, work: Work, deployment: Deployment, status: DeploymentStatus) -> Deployment:
        if deployment.status is status:
            return deployment
        fact = DeploymentStatusChanged(
            deployment_id=deployment.id, before=deployment.status, after=status
        )
        work.record(deployment.project_id, fact)
        return replace(deployment, status=status, status_since=deployment.updated_at)

    def _next(self, deployment: Deployment) -> Deployment:
        """The deployment after one more decision of a user."""
        return replace(deployment, generation=deployment.generation + 1, updated_at=self.clock())

    async def _lock(
        self, work: Work, caller: Caller, id: str, expected_etag: str | None
    ) -> Deployment:
        locked = await work.deployments.lock(id)
        deployment = caller.owned(locked, Role.EDITOR, _missing(id))
        if deployment.status in FINAL:
            raise _missing(id)
        _check_etag(deployment, expected_etag)
        return deployment

    async def _readable(self, caller: Caller, id: str, role: Role) -> Deployment:
        found = (await self.reads.deployments.by_ids([id])).get(id)
        deployment = caller.owned(found, role, _missing(id))
        if deployment.status in FINAL:
            raise _missing(id)
        return deployment

    async def _deployment(self, id: str) -> Deployment:
        found = await self.reads.deployments.by_ids([id])
        if id not in found:
            raise _missing(id)
        return found[id]

    async def _revision(self, id: str) -> Revision:
        found = await self.reads.revisions.by_ids([id])
        if id not in found:
            raise NotFound(kind="model revision", id=id)
        return found[id]


def _checked(said: Mapping[str, Any] | DeploymentPatch) -> dict[str, Any]:
    """The decided fields, checked; null puts a field back to its default."""
    decided: dict[str, Any] = {}
    if "name" in said:
        decided["name"] = checks.name(said["name"], ("name",))
    if "tags" in said:
        decided["tags"] = checks.tags(said["tags"] or (), ("tags",))
    if "desired_replicas" in said:
        replicas = 1 if said["desired_replicas"] is None else said["desired_replicas"]
        decided["desired_replicas"] = checks.count(replicas, ("desired_replicas",), REPLICAS_LIMIT)
    if "strategy" in said:
        decided["strategy"] = chosen = said["strategy"] or Rolling()
        if found := strategy.problem(chosen):
            raise InvalidValue(path=("strategy",), problem=found)
    return decided


def _check_etag(deployment: Deployment, expected: str | None) -> None:
    if expected is not None and expected != deployment.etag:
        raise EtagMismatch(current=deployment.etag, path=("expected_etag",))


def _missing(id: str) -> NotFound:
    return NotFound(kind="model deployment", id=id, path=("deployment_id",))
