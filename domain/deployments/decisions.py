"""What a decision of a user makes of a deployment and its live rollout, as values.

Each function returns None where nothing is to be changed.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from domain.definitions.definition import Definition
from domain.definitions.notices import DriverKind
from domain.definitions.render import has_fixed_port
from domain.deployments.deployment import Deployment, DeploymentStatus, Revision
from domain.deployments.facts import (
    DeploymentCreated,
    DeploymentDeleted,
    DeploymentStatusChanged,
    RevisionActivated,
    RolloutAborted,
    RolloutPaused,
    RolloutPromoted,
    RolloutReplaced,
    RolloutResumed,
    RolloutStarted,
)
from domain.deployments.reason import Reason
from domain.deployments.rollout import (
    Rollout,
    RolloutKind,
    RolloutStatus,
    default_progress_deadline,
)
from domain.deployments.strategy import Rolling
from domain.errors import FixedPort, Path, PromotionRefused
from domain.events import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """`rollout` is the live one as it is to be, also where that ends it; `begun` the one that begins."""

    deployment: Deployment
    rollout: Rollout | None = None
    begun: Rollout | None = None
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a rollout begins with. No deadline: the default of the revision's definition."""

    id: str
    kind: RolloutKind
    revision: Revision
    progress_deadline: float | None = None  # seconds
    note: str = ""
    actor: str


def create(
    id: str, project_id: str, actor: str, now: datetime, *, name: str, **decided: Any
) -> Decided:
    """A deployment of which nothing runs yet; `decided` are its other fields that users decide."""
    made = Deployment(
        id=id,
        project_id=project_id,
        name=name,
        status=DeploymentStatus.PENDING,
        status_since=now,
        active_revision_id=None,
        last_revision=0,
        generation=1,
        created_at=now,
        created_by=actor,
        updated_at=now,
        **decided,
    )
    desired = made.desired_replicas
    fact = DeploymentCreated(deployment_id=id, name=name, desired_replicas=desired)
    return Decided(deployment=made, facts=(fact,))


def leads_to(deployment: Deployment, live: Rollout | None) -> str | None:
    """The revision that is active, or is to be once the live rollout succeeds."""
    return deployment.active_revision_id if live is None else live.revision_id


def begin(
    deployment: Deployment, live: Rollout | None, start: Start, now: datetime
) -> Decided | None:
    """A rollout to the revision, in the live one's place."""
    revision = start.revision
    if leads_to(deployment, live) == revision.id:
        return None
    begun = _begun(deployment, start, now)
    changed, told = become(
        decided_again(deployment, now), DeploymentStatus.DEPLOYING, Reason.REPLICAS_STARTING
    )
    facts: list[Fact] = []
    if live is not None:
        facts.append(
            RolloutReplaced(
                deployment_id=deployment.id,
                rollout_id=live.id,
                revision_id=live.revision_id,
                number=live.revision_number,
            )
        )
        live = _ended(live, RolloutStatus.REPLACED, Reason.REPLACED, now)
    facts += (
        RolloutStarted(
            deployment_id=deployment.id,
            rollout_id=begun.id,
            revision_id=revision.id,
            number=revision.number,
            kind=begun.kind,
            strategy=begun.strategy.kind,
            note=begun.note,
        ),
        RevisionActivated(
            deployment_id=deployment.id, revision_id=revision.id, number=revision.number
        ),
        *told,
    )
    return Decided(deployment=changed, rollout=live, begun=begun, facts=tuple(facts))


def pause(deployment: Deployment, live: Rollout, note: str, now: datetime) -> Decided | None:
    if live.status is RolloutStatus.PAUSED:
        return None
    paused = replace(
        live,
        status=RolloutStatus.PAUSED,
        status_since=now,
        reason=Reason.PAUSED_BY_USER,
        message=note,
    )
    fact = RolloutPaused(
        deployment_id=deployment.id,
        rollout_id=live.id,
        number=live.revision_number,
        reason=Reason.PAUSED_BY_USER,
    )
    return Decided(deployment=decided_again(deployment, now), rollout=paused, facts=(fact,))


def resume(deployment: Deployment, live: Rollout, note: str, now: datetime) -> Decided | None:
    """At a canary's step that waited for this, on to the next one; else on where it was paused."""
    if live.status is not RolloutStatus.PAUSED:
        return None
    resumed = replace(_running(live, now), message=note)
    if live.reason is Reason.CANARY_STEP:
        resumed = replace(resumed, step=live.step + 1, ready_at=None, progressed_at=now)
    fact = RolloutResumed(
        deployment_id=deployment.id, rollout_id=live.id, number=live.revision_number
    )
    return Decided(deployment=decided_again(deployment, now), rollout=resumed, facts=(fact,))


def promote(deployment: Deployment, live: Rollout, note: str, now: datetime) -> Decided | None:
    """A user's go-ahead, also for one that is paused. Raises PromotionRefused."""
    if isinstance(live.strategy, Rolling):
        raise PromotionRefused(path=("deployment_id",))
    if live.promoted and live.status is RolloutStatus.RUNNING:
        return None
    promoted = replace(_running(live, now), promoted=True, message=note)
    fact = RolloutPromoted(
        deployment_id=deployment.id, rollout_id=live.id, number=live.revision_number
    )
    return Decided(deployment=decided_again(deployment, now), rollout=promoted, facts=(fact,))


def abort(deployment: Deployment, live: Rollout, note: str, now: datetime) -> Decided:
    """The way back is the reconciler's, also where there is no revision to go back to."""
    aborted = replace(
        _ended(live, RolloutStatus.ABORTED, Reason.ABORTED_BY_USER, now), message=note
    )
    fact = RolloutAborted(
        deployment_id=deployment.id,
        rollout_id=live.id,
        revision_id=live.revision_id,
        number=live.revision_number,
    )
    changed, told = become(
        decided_again(deployment, now), DeploymentStatus.ROLLING_BACK, Reason.ABORTED_BY_USER
    )
    return Decided(deployment=changed, rollout=aborted, facts=(fact, *told))


def delete(deployment: Deployment, live: Rollout | None, now: datetime, *, runs: bool) -> Decided:
    """STOPPED where nothing `runs` and nothing is to; else the reconciler gets it there."""
    stays = runs or live is not None
    status = DeploymentStatus.STOPPING if stays else DeploymentStatus.STOPPED
    changed, facts = become(decided_again(deployment, now), status, Reason.DELETED)
    changed = replace(changed, deleted_at=now)
    if not stays:
        facts += (DeploymentDeleted(deployment_id=deployment.id, name=deployment.name),)
    return Decided(deployment=changed, facts=facts)


def decided_again(deployment: Deployment, now: datetime) -> Deployment:
    """The deployment after one more decision of a user."""
    return replace(deployment, generation=deployment.generation + 1, updated_at=now)


def become(
    deployment: Deployment, status: DeploymentStatus, reason: Reason | None = None
) -> tuple[Deployment, tuple[Fact, ...]]:
    """The deployment in that status as of `updated_at`, and what there is to tell of it."""
    since = deployment.status_since if deployment.status is status else deployment.updated_at
    changed = replace(
        deployment,
        status=status,
        status_since=since,
        reason=reason,
        message="",
        next_retry_at=None,
    )
    if (deployment.status, deployment.reason) == (status, reason):
        return changed, ()
    fact = DeploymentStatusChanged(
        deployment_id=deployment.id,
        status_before=deployment.status,
        status_after=status,
        reason=reason,
    )
    return changed, (fact,)


def check_ports(driver: DriverKind, revision: Revision, desired: int, path: Path) -> None:
    """Raises FixedPort where the driver's one machine would have to give one port twice."""
    if driver == "process" and desired > 1 and _has_fixed_port(revision.definition):
        raise FixedPort(number=revision.number, wanted=desired, path=path)


def _has_fixed_port(definition: Definition) -> bool:
    services = [model.service for model in definition.models if model.service is not None]
    return any(has_fixed_port(service.start_command) for service in services)


def _begun(deployment: Deployment, start: Start, now: datetime) -> Rollout:
    revision, deadline = start.revision, start.progress_deadline
    if deadline is None:
        deadline = default_progress_deadline(revision.definition)
    goes_back = revision.id == deployment.active_revision_id
    return Rollout(
        id=start.id,
        project_id=deployment.project_id,
        deployment_id=deployment.id,
        kind=RolloutKind.ROLLBACK if goes_back else start.kind,
        revision_id=revision.id,
        revision_number=revision.number,
        from_revision_id=deployment.active_revision_id,
        strategy=deployment.strategy,
        status=RolloutStatus.RUNNING,
        status_since=now,
        progress_deadline=deadline,
        progressed_at=now,
        note=start.note,
        created_at=now,
        created_by=start.actor,
    )


def _running(live: Rollout, now: datetime) -> Rollout:
    """As it was, if it was running; while it was paused its deadline and its pauses stood still."""
    if live.status is RolloutStatus.RUNNING:
        return live
    paused = now - live.status_since
    return replace(
        live,
        status=RolloutStatus.RUNNING,
        status_since=now,
        reason=None,
        ready_at=None if live.ready_at is None else live.ready_at + paused,
        progressed_at=live.progressed_at + paused,
    )


def _ended(live: Rollout, status: RolloutStatus, reason: Reason, now: datetime) -> Rollout:
    return replace(
        live, status=status, status_since=now, reason=reason, message="", finished_at=now
    )
