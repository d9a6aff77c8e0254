"""How a wait ends, told from what the API shows: pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

ENDINGS = {
    "RolloutSucceeded": "SUCCEEDED",
    "RolloutFailed": "FAILED",
    "RolloutAborted": "ABORTED",
    "RolloutReplaced": "REPLACED",
}  # events that end a rollout, and its status from there on
GONE = ("STOPPING", "STOPPED")


class Outcome(StrEnum):
    READY = "ready"
    FAILED = "failed"
    ABORTED = "aborted"
    REPLACED = "replaced"
    DELETED = "deleted"
    NOTHING_ACTIVE = "nothing_active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A deployment as it is, and what is known of the rollout that is waited for: its id and status
    are None where it is the deployment alone. The last three tell of its failure."""

    deployment: Mapping[str, Any] | None
    rollout_id: str | None = None
    rollout_status: str | None = None
    reason: str | None = None
    message: str = ""
    log_tail: tuple[str, ...] = ()


def ready(seen: Seen) -> Outcome | None:
    """None while it is open."""
    deployment = seen.deployment
    if deployment is None or deployment["status"] in GONE:
        return Outcome.DELETED
    match seen.rollout_status:
        case "FAILED":
            return Outcome.FAILED
        case "ABORTED":
            return Outcome.ABORTED
        case "REPLACED":
            return Outcome.REPLACED
        case "RUNNING" | "PAUSED":
            return None
    if deployment["rollout"] is not None:  # of another revision: this one's is over, and went well
        return Outcome.READY if seen.rollout_status else None
    if deployment["activeRevision"] is None:
        return Outcome.FAILED if deployment["status"] == "DEGRADED" else Outcome.NOTHING_ACTIVE
    served = deployment["status"] == "READY" and healthy(deployment) == desired(deployment)
    return Outcome.READY if served else None


def gone(seen: Seen) -> Outcome | None:
    deployment = seen.deployment
    over = deployment is None or deployment["status"] == "STOPPED"
    return Outcome.DELETED if over else None


def active_group(deployment: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return group(deployment, deployment["activeRevision"])


def group(
    deployment: Mapping[str, Any], revision: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """The replicas of that revision."""
    groups = deployment["replicaGroups"]
    return next((g for g in groups if revision and g["revision"]["id"] == revision["id"]), None)


def healthy(deployment: Mapping[str, Any]) -> int:
    """How many replicas of the active revision are."""
    found = active_group(deployment)
    return int(found["replicaCounts"]["healthy"]) if found else 0


def desired(deployment: Mapping[str, Any]) -> int:
    return int(deployment["desiredReplicas"])
