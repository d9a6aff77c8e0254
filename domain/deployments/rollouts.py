"""What users decide about rollouts; each decision is one unit of work."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from domain import checks, idempotency
from domain.access.access import Caller, Role
from domain.clock import Clock
from domain.definitions.notices import DriverKind
from domain.deployments import decisions, locking
from domain.deployments.decisions import Decided, Start
from domain.deployments.deployment import Deployment, Revision
from domain.deployments.rollout import Rollout, RolloutKind
from domain.errors import InvalidValue, NoRollout, NotFound, Path
from domain.idempotency import Repeat
from domain.ids import NewId
from domain.work import Reads, StartWork, Work

NOTE_LIMIT = 4_096
SHORTEST, LONGEST = 1.0, 30 * 24 * 3_600.0  # seconds of a progress deadline
Decide: TypeAlias = Callable[[Deployment, Rollout, str, datetime], Decided | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """No deadline: the default of the revision's definition."""

    revision_id: str
    progress_deadline: float | None = None  # seconds
    note: str = ""
    expected_etag: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RollBack:
    """No revision: the active one while a rollout is live, else the one that was active before."""

    deployment_id: str
    to_revision_id: str | None = None
    note: str = ""
    expected_etag: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`rollout` is the one that the decision was about, None where none is live."""

    deployment: Deployment
    rollout: Rollout | None
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollouts:
    start_work: StartWork
    reads: Reads
    driver: DriverKind
    clock: Clock
    new_id: NewId

    async def activate(self, caller: Caller, said: Activation) -> Outcome:
        checks.text(said.note, ("note",), NOTE_LIMIT)
        _check_deadline(said.progress_deadline)
        found = (await self.reads.revisions.heads([said.revision_id])).get(said.revision_id)
        missing = _missing(said.revision_id, "revision_id")
        head = caller.owned(found, Role.EDITOR, missing)
        repeat = idempotency.repeat(
            head.project_id, "activateModelRevision", said.idempotency_key, said
        )
        order = _Order(
            deployment_id=head.deployment_id,
            revision_id=head.id,
            kind=RolloutKind.ACTIVATION,
            progress_deadline=said.progress_deadline,
            note=said.note,
            expected_etag=said.expected_etag,
            path=("revision_id",),
        )
        return await self._begin(caller, repeat, order)

    async def roll_back(self, caller: Caller, said: RollBack) -> Outcome:
        """Raises NoRollout where no revision is said and there is none to go back to."""
        checks.text(said.note, ("note",), NOTE_LIMIT)
        found = await locking.readable(self.reads, caller, said.deployment_id, Role.EDITOR)
        repeat = idempotency.repeat(
            found.project_id, "rollBackModelDeployment", said.idempotency_key, said
        )
        order = _Order(
            deployment_id=found.id,
            revision_id=said.to_revision_id,
            kind=RolloutKind.ROLLBACK,
            progress_deadline=None,
            note=said.note,
            expected_etag=said.expected_etag,
            path=("to_revision_id",),
        )
        return await self._begin(caller, repeat, order)

    async def pause(
        self, caller: Caller, deployment_id: str, note: str = "", expected_etag: str | None = None
    ) -> Outcome:
        return await self._decide(caller, deployment_id, note, expected_etag, decisions.pause)

    async def resume(
        self, caller: Caller, deployment_id: str, note: str = "", expected_etag: str | None = None
    ) -> Outcome:
        return await self._decide(caller, deployment_id, note, expected_etag, decisions.resume)

    async def abort(
        self, caller: Caller, deployment_id: str, note: str = "", expected_etag: str | None = None
    ) -> Outcome:
        return await self._decide(caller, deployment_id, note, expected_etag, decisions.abort)

    async def promote(
        self, caller: Caller, deployment_id: str, note: str = "", expected_etag: str | None = None
    ) -> Outcome:
        """Raises PromotionRefused for a rolling one."""
        return await self._decide(caller, deployment_id, note, expected_etag, decisions.promote)

    async def _decide(
        self,
        caller: Caller,
        deployment_id: str,
        note: str,
        expected_etag: str | None,
        decide: Decide,
    ) -> Outcome:
        checks.text(note, ("note",), NOTE_LIMIT)
        async with self.start_work(caller.actor, caller.cause) as work:
            deployment = await locking.open_to_decisions(work, caller, deployment_id, expected_etag)
            live = await work.live_rollout(deployment.id)
            if live is None:
                raise NoRollout(problem="No rollout is under way.", path=("deployment_id",))
            now = self.clock()
            decided = decide(deployment, live, note, now)
            if decided is None:
                return Outcome(deployment=deployment, rollout=live, changed=False)
            await locking.keep(work, decided, now)
        return Outcome(deployment=decided.deployment, rollout=decided.rollout, changed=True)

    async def _begin(self, caller: Caller, repeat: Repeat, order: "_Order") -> Outcome:
        """Under an idempotency key the new rollout's id is kept, also where none came to be."""
        if first := await repeat.answered(self.reads, self.clock()):
            return await self._again(order.deployment_id, first)
        rollout_id, now = self.new_id(), self.clock()
        async with self.start_work(caller.actor, caller.cause) as work:
            twin = await repeat.claim(work, rollout_id, now)
            if twin is None:
                return await self._begun(work, caller, order, rollout_id, now)
        return await self._again(order.deployment_id, twin)

    async def _begun(
        self, work: Work, caller: Caller, order: "_Order", rollout_id: str, now: datetime
    ) -> Outcome:
        deployment = await locking.open_to_decisions(
            work, caller, order.deployment_id, order.expected_etag
        )
        live = await work.live_rollout(deployment.id)
        revision = await _target(work, deployment, live, order)
        start = Start(
            id=rollout_id,
            kind=order.kind,
            revision=revision,
            progress_deadline=order.progress_deadline,
            note=order.note,
            actor=caller.actor,
        )
        decided = decisions.begin(deployment, live, start, now)
        if decided is None:
            return Outcome(deployment=deployment, rollout=live, changed=False)
        decisions.check_ports(self.driver, revision, deployment.desired_replicas, order.path)
        await locking.keep(work, decided, now)
        return Outcome(deployment=decided.deployment, rollout=decided.begun, changed=True)

    async def _again(self, deployment_id: str, rollout_id: str) -> Outcome:
        """The answer to a repetition: what the first one began, as it is now."""
        deployments = await self.reads.deployments.by_ids([deployment_id])
        if deployment_id not in deployments:
            raise locking.missing(deployment_id)
        begun = (await self.reads.rollouts.by_ids([rollout_id])).get(rollout_id)
        changed = begun is not None
        if begun is None:
            begun = (await self.reads.rollouts.live([deployment_id])).get(deployment_id)
        return Outcome(deployment=deployments[deployment_id], rollout=begun, changed=changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """A rollout that is to begin; `path` is where the input names its revision."""

    deployment_id: str
    revision_id: str | None
    kind: RolloutKind
    progress_deadline: float | None
    note: str
    expected_etag: str | None
    path: Path


async def _target(
    work: Work, deployment: Deployment, live: Rollout | None, order: _Order
) -> Revision:
    """The revision that the order names, or the one to go back to."""
    wanted = order.revision_id or await _before(work, deployment, live)
    if wanted is None:
        problem = "There is no revision to go back to: none was active before."
        raise NoRollout(problem=problem, path=("deployment_id",))
    revision = await work.revisions.get(wanted)
    if revision is None or revision.deployment_id != deployment.id:
        raise _missing(wanted, *order.path)
    return revision


async def _before(work: Work, deployment: Deployment, live: Rollout | None) -> str | None:
    active = deployment.active_revision_id
    if live is not None or active is None:
        return active
    return await work.last_promoted(deployment.id, but=active)


def _check_deadline(said: float | None) -> None:
    if said is not None and not SHORTEST <= said <= LONGEST:
        problem = f"{said:g} seconds is no progress deadline: it is from one second to 30 days."
        raise InvalidValue(path=("progress_deadline",), problem=problem)


def _missing(id: str, *path: str | int) -> NotFound:
    return NotFound(kind="model revision", id=id, path=path)
