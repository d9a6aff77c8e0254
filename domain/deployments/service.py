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
from domain.deployments import decisions, locking, strategy
from domain.deployments.decisions import Decided, Start, decided_again
from domain.deployments.deployment import (
    MAX_IN_FLIGHT,
    Deployment,
    DeploymentStatus,
    Revision,
)
from domain.deployments.facts import DeploymentUpdated, RevisionAdded
from domain.deployments.rollout import RolloutKind
from domain.deployments.sizing import keep_size
from domain.deployments.strategy import Rolling, Strategy
from domain.errors import InvalidValue, NotFound
from domain.ids import NewId
from domain.work import Reads, StartWork, Work

REPLICAS_LIMIT = 1_000
LEAST_IN_FLIGHT, MOST_IN_FLIGHT = (
    2,
    100_000,
)  # of two, one is kept for clients and one left for batches
NOTE_LIMIT = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDeployment:
    name: str
    tags: tuple[str, ...] = ()
    desired_replicas: int = 1
    strategy: Strategy = field(default_factory=Rolling)
    max_in_flight: int = MAX_IN_FLIGHT


class DeploymentPatch(TypedDict, total=False):
    name: str | None
    tags: tuple[str, ...] | None
    desired_replicas: int | None
    strategy: Strategy | None
    max_in_flight: int | None


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
        made = decisions.create(self.new_id(), project_id, caller.actor, now, **decided)
        deployment = made.deployment
        async with self.start_work(caller.actor, caller.cause) as work:
            twin = await repeat.claim(work, deployment.id, now)
            if twin is None:
                await work.deployments.add(deployment)
                for fact in made.facts:
                    work.record(project_id, fact)
        return deployment if twin is None else await self._deployment(twin)

    async def update(
        self, caller: Caller, id: str, patch: DeploymentPatch, expected_etag: str | None = None
    ) -> Deployment:
        decided = _checked(patch)
        async with self.start_work(caller.actor, caller.cause) as work:
            deployment = await locking.open_to_decisions(work, caller, id, expected_etag)
            changed = replace(deployment, **decided)
            if changed == deployment:
                return deployment
            changed = decided_again(changed, self.clock())
            names = tuple(k for k, v in decided.items() if v != getattr(deployment, k))
            fact = DeploymentUpdated(
                deployment_id=id,
                name=changed.name,
                tags=changed.tags,
                desired_replicas=changed.desired_replicas,
                changed=names,
            )
            work.record(deployment.project_id, fact)
            await keep_size(work, self.definitions.driver, deployment, changed)
        return changed

    async def scale(
        self, caller: Caller, id: str, desired_replicas: int, expected_etag: str | None = None
    ) -> tuple[Deployment, bool]:
        """The deployment as it is now, and whether that changed it."""
        decided = _checked({"desired_replicas": desired_replicas})
        async with self.start_work(caller.actor, caller.cause) as work:
            deployment = await locking.open_to_decisions(work, caller, id, expected_etag)
            changed = replace(deployment, **decided)
            if changed == deployment:
                return deployment, False
            changed = decided_again(changed, self.clock())
            await keep_size(work, self.definitions.driver, deployment, changed)
        return changed, True

    async def delete(self, caller: Caller, id: str, expected_etag: str | None = None) -> Deployment:
        """Its replicas drain and stop first. Its history and events stay, found by id; its name is
        free once it is STOPPED."""
        async with self.start_work(caller.actor, caller.cause) as work:
            deployment = await locking.locked(work, caller, id, expected_etag)
            if deployment.status is DeploymentStatus.STOPPING:
                return deployment
            now = self.clock()
            live = await work.live_rollout(id)
            runs = await work.has_replicas(id)
            decided = decisions.delete(deployment, live, now, runs=runs)
            await locking.keep(work, decided, now)
        return decided.deployment

    async def preview_revision(self, caller: Caller, request: RevisionRequest) -> Resolution:
        """All of `add_revision` but the writing; drafts of templates may be named."""
        deployment = await locking.readable(self.reads, caller, request.deployment_id, Role.VIEWER)
        checks.text(request.note, ("note",), NOTE_LIMIT)
        return await self.definitions.resolve(deployment.project_id, request, preview=True)

    async def add_revision(self, caller: Caller, request: RevisionRequest) -> Revision:
        deployment = await locking.readable(self.reads, caller, request.deployment_id, Role.EDITOR)
        project_id = deployment.project_id
        repeat = idempotency.repeat(
            project_id, "addModelRevision", request.idempotency_key, request
        )
        if first := await repeat.answered(self.reads, self.clock()):
            return await self._revision(first)
        locking.check_etag(deployment, request.expected_etag)
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
        deployment = await locking.open_to_decisions(
            work, caller, request.deployment_id, request.expected_etag
        )
        now = self.clock()
        revision = resolution.revision(
            id=revision_id,
            deployment_id=deployment.id,
            number=deployment.last_revision + 1,
            note=request.note,
            created_at=now,
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
        deployment = replace(deployment, last_revision=revision.number)
        if request.activate:
            await locking.keep(work, await self._begun(work, caller, deployment, revision), now)
        else:
            await work.deployments.put(decided_again(deployment, now))
        return revision

    async def _begun(
        self, work: Work, caller: Caller, deployment: Deployment, revision: Revision
    ) -> Decided:
        """As `Rollouts.activate` would, with the default deadline."""
        driver, desired = self.definitions.driver, deployment.desired_replicas
        decisions.check_ports(driver, revision, desired, ("activate",))
        live = await work.live_rollout(deployment.id)
        start = Start(
            id=self.new_id(),
            kind=RolloutKind.ACTIVATION,
            revision=revision,
            note=revision.note,
            actor=caller.actor,
        )
        decided = decisions.begin(deployment, live, start, revision.created_at)
        assert decided is not None, "nothing leads to a new revision yet"
        return decided

    async def _deployment(self, id: str) -> Deployment:
        found = await self.reads.deployments.by_ids([id])
        if id not in found:
            raise locking.missing(id)
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
    if "max_in_flight" in said:
        decided["max_in_flight"] = _checked_in_flight(said["max_in_flight"])
    if "strategy" in said:
        decided["strategy"] = chosen = said["strategy"] or Rolling()
        if found := strategy.problem(chosen):
            raise InvalidValue(path=("strategy",), problem=found)
    return decided


def _checked_in_flight(said: int | None) -> int:
    if said is None:
        return MAX_IN_FLIGHT
    if not LEAST_IN_FLIGHT <= said <= MOST_IN_FLIGHT:
        problem = f"{said} is not between {LEAST_IN_FLIGHT} and {MOST_IN_FLIGHT}."
        raise InvalidValue(path=("max_in_flight",), problem=problem)
    return said
