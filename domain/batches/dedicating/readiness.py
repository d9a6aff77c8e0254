"""Whether the deployment that a batch waits for serves, will, or never will. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.batches.batch import BatchReason
from domain.deployments.deployment import Deployment
from domain.deployments.replica import Replica, ReplicaGroup, ReplicaStatus
from domain.deployments.rollout import Rollout, RolloutStatus

LOOK = timedelta(seconds=5)  # events of the deployment come sooner
AGAIN = timedelta(seconds=1)
FAILED = frozenset({RolloutStatus.FAILED, RolloutStatus.ABORTED})


@dataclass(frozen=True, slots=True)
class Provided:
    """At least one of its replicas is healthy."""

    deployment_id: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """`message` tells how the deployment stands; look again by `look_at`."""

    reason: BatchReason
    message: str
    look_at: datetime


@dataclass(frozen=True, slots=True)
class Hopeless:
    """It will never serve. `message` has the reason and the last lines of the log."""

    message: str


Providing = Provided | Waiting | Hopeless


@dataclass(frozen=True, slots=True)
class Failed:
    """What `Hopeless` is made of; no lines where nothing ended yet that left some."""

    problem: str
    log_tail: tuple[str, ...]

    def told(self, log_tail: tuple[str, ...] = ()) -> Hopeless:
        lines = self.log_tail or log_tail
        log = "\n".join(["", "The last lines of its log:", *lines]) if lines else ""
        return Hopeless(f"The deployment for the batch never became ready. {self.problem}{log}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """`rollout` is the newest, whose progress deadline is the template's ready timeout; `made_at` is
    when the deployment was made for the batch."""

    deployment: Deployment
    rollout: Rollout | None
    groups: tuple[ReplicaGroup, ...]
    replicas: tuple[Replica, ...]  # those that have not exited
    made_at: datetime


def judge(seen: Seen, now: datetime) -> Provided | Waiting | Failed:
    """What once served is waited for as long as the batch's window lasts: its failing is an outage."""
    deployment, rollout = seen.deployment, seen.rollout
    if any(replica.status is ReplicaStatus.HEALTHY for replica in seen.replicas):
        return Provided(deployment.id)
    if rollout is None:
        return unmade(now)
    if rollout.status in FAILED and deployment.active_revision_id is None:
        return Failed(rollout.message or _standing(deployment), _log_tail(seen))
    if _ever_served(seen):
        return Waiting(BatchReason.PROVISIONING, _standing(deployment), now + LOOK)
    patience = rollout.progress_deadline
    until = seen.made_at + timedelta(seconds=patience)
    if until <= now:
        said = f"No replica was ready within {patience:g} s. {_standing(deployment)}"
        return Failed(said, _log_tail(seen))
    return Waiting(BatchReason.PROVISIONING, _standing(deployment), min(until, now + LOOK))


def unmade(now: datetime) -> Waiting:
    message = "The deployment for the batch is being made."
    return Waiting(BatchReason.PROVISIONING, message, now + AGAIN)


def _ever_served(seen: Seen) -> bool:
    ever = any(replica.first_healthy_at is not None for replica in seen.replicas)
    return ever or seen.deployment.active_revision_id is not None


def _standing(deployment: Deployment) -> str:
    reason = f" ({deployment.reason.name})" if deployment.reason is not None else ""
    said = f"Its deployment {deployment.name!r} is {deployment.status.name}{reason}"
    return f"{said}: {deployment.message}" if deployment.message else f"{said}."


def _log_tail(seen: Seen) -> tuple[str, ...]:
    return next((group.log_tail for group in reversed(seen.groups) if group.log_tail), ())
