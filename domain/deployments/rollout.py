"""A rollout: how a deployment gets from what it serves to another revision."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.definitions.definition import Definition, HealthCheck
from domain.deployments.reason import Reason
from domain.deployments.strategy import Strategy


class RolloutStatus(StrEnum):
    RUNNING = "running"  # The reconciler moves it on
    PAUSED = "paused"  # by a user, or at a canary step that waits for one. A user moves it on
    SUCCEEDED = "succeeded"  # its revision is the active one. Final
    FAILED = "failed"  # rolled back by itself. Final
    ABORTED = "aborted"  # rolled back by a user. Final
    REPLACED = "replaced"  # another rollout took its place. Final


R = RolloutStatus
TRANSITIONS: Mapping[RolloutStatus, frozenset[RolloutStatus]] = {
    R.RUNNING: frozenset({R.PAUSED, R.SUCCEEDED, R.FAILED, R.ABORTED, R.REPLACED}),
    R.PAUSED: frozenset({R.RUNNING, R.SUCCEEDED, R.FAILED, R.ABORTED, R.REPLACED}),
    R.SUCCEEDED: frozenset(),
    R.FAILED: frozenset(),
    R.ABORTED: frozenset(),
    R.REPLACED: frozenset(),
}
LIVE = frozenset({R.RUNNING, R.PAUSED})


class RolloutKind(StrEnum):
    ACTIVATION = "activation"
    ROLLBACK = "rollback"  # a user went back to a revision that was active before


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """`step` indexes a canary's steps, and is their number behind the last one; 0 elsewhere.

    `ready_at` is when what the present step (of blue-green: the whole) wants was first healthy and
    known to every gateway; promote delays and pauses count from it. `promoted` is a user's go-ahead.
    `progressed_at` is when the progress deadline last began to count.
    """

    id: str
    project_id: str
    deployment_id: str
    kind: RolloutKind
    revision_id: str
    revision_number: int
    from_revision_id: str | None  # the active one when it began
    strategy: Strategy  # the deployment's when it began
    status: RolloutStatus
    status_since: datetime
    reason: Reason | None = None
    message: str = ""
    step: int = 0
    ready_at: datetime | None = None
    promoted: bool = False
    progress_deadline: float  # seconds
    progressed_at: datetime
    note: str = ""  # why, in the words of who began it
    created_at: datetime
    created_by: str
    finished_at: datetime | None = None

    @property
    def is_live(self) -> bool:
        return self.status in LIVE


def default_progress_deadline(definition: Definition) -> float:
    """Seconds: what the slowest of its models may take until its probes have failed, but not below 600."""
    checks = [model.service.health_check for model in definition.models if model.service]
    return max([600.0, *(_patience(check) for check in checks if check and check.enable)])


def _patience(check: HealthCheck) -> float:
    return check.initial_delay + check.max_retries * (check.interval + check.max_wait_time)
