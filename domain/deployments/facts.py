"""What is recorded of deployments, their rollouts and their replicas."""

from dataclasses import dataclass

from domain.autoscaling.rule import Metric
from domain.deployments.deployment import DeploymentStatus
from domain.deployments.reason import Reason
from domain.deployments.rollout import RolloutKind


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentCreated:
    deployment_id: str
    name: str
    desired_replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentUpdated:
    """`changed` names the fields that are different since: name, tags, desired_replicas, strategy."""

    deployment_id: str
    name: str
    tags: tuple[str, ...]
    desired_replicas: int
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentDeleted:
    deployment_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentStatusChanged:
    """Also recorded where only the reason is another."""

    deployment_id: str
    status_before: DeploymentStatus
    status_after: DeploymentStatus
    reason: Reason | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionAdded:
    deployment_id: str
    revision_id: str
    number: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionActivated:
    deployment_id: str
    revision_id: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentScaled:
    """`rule_id` is the autoscaling rule that decided, on `measured` against its `target`, each a number
    per replica; all three are None where a user decided."""

    deployment_id: str
    replicas_before: int
    replicas_after: int
    rule_id: str | None = None
    metric: Metric | None = None
    measured: float | None = None
    target: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutStarted:
    deployment_id: str
    rollout_id: str
    revision_id: str
    number: int
    kind: RolloutKind
    strategy: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutAdvanced:
    """`weight` is the percentage of requests that the new revision gets, None where replicas share them;
    `healthy_replicas` counts its own."""

    deployment_id: str
    rollout_id: str
    number: int
    step: int
    weight: int | None
    healthy_replicas: int
    desired_replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutPaused:
    deployment_id: str
    rollout_id: str
    number: int
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutResumed:
    deployment_id: str
    rollout_id: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutPromoted:
    """A user's go-ahead."""

    deployment_id: str
    rollout_id: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutSucceeded:
    """Its revision is the active one from here on."""

    deployment_id: str
    rollout_id: str
    revision_id: str
    number: int
    duration_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutFailed:
    """The way back begins; RolledBack ends it."""

    deployment_id: str
    rollout_id: str
    revision_id: str
    number: int
    reason: Reason
    message: str
    log_tail: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutAborted:
    deployment_id: str
    rollout_id: str
    revision_id: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutReplaced:
    deployment_id: str
    rollout_id: str
    revision_id: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack:
    """The active revision serves all that is desired again; nothing of the other is left."""

    deployment_id: str
    revision_id: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaStarted:
    deployment_id: str
    replica_id: str
    revision_id: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaProgressed:
    """It is not healthy yet: what it waits for is another thing than before."""

    deployment_id: str
    replica_id: str
    number: int
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaBecameHealthy:
    deployment_id: str
    replica_id: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaBecameUnhealthy:
    deployment_id: str
    replica_id: str
    number: int
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaDraining:
    """Gateways send it nothing new from here on."""

    deployment_id: str
    replica_id: str
    number: int
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaStopping:
    deployment_id: str
    replica_id: str
    number: int
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaExited:
    """`wanted`: it was told to end. `reason` is None where it simply did as told."""

    deployment_id: str
    replica_id: str
    number: int
    wanted: bool
    exit_code: int | None
    reason: Reason | None
    message: str


Fact = (
    DeploymentCreated
    | DeploymentUpdated
    | DeploymentDeleted
    | DeploymentStatusChanged
    | RevisionAdded
    | RevisionActivated
    | DeploymentScaled
    | RolloutStarted
    | RolloutAdvanced
    | RolloutPaused
    | RolloutResumed
    | RolloutPromoted
    | RolloutSucceeded
    | RolloutFailed
    | RolloutAborted
    | RolloutReplaced
    | RolledBack
    | ReplicaStarted
    | ReplicaProgressed
    | ReplicaBecameHealthy
    | ReplicaBecameUnhealthy
    | ReplicaDraining
    | ReplicaStopping
    | ReplicaExited
)
