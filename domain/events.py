"""The event log's vocabulary: committed facts, and cursors into the log.

One class a fact, named in the past tense; its fields show what was true then. The class name is
the stored type and the GraphQL type's name.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.autoscaling.rule import Metric
from domain.deployments.deployment import DeploymentStatus
from domain.deployments.reason import Reason
from domain.deployments.rollout import RolloutKind
from domain.errors import CursorExpired, CursorUnknown


class SubjectKind(StrEnum):
    PROJECT = "project"
    KEY = "key"
    SECRET = "secret"
    FOLDER = "folder"
    TEMPLATE = "template"
    DEPLOYMENT = "deployment"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectCreated:
    project_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCreated:
    key_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevoked:
    key_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretCreated:
    secret_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretDeleted:
    secret_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderCreated:
    folder_id: str
    name: str
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderUpdated:
    folder_id: str
    name: str
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderDeleted:
    folder_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateCreated:
    template_id: str
    name: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateUpdated:
    template_id: str
    name: str
    version: int
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateDeleted:
    template_id: str
    name: str
    version: int


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
class AutoscalingRuleCreated:
    deployment_id: str
    rule_id: str
    metric: Metric
    target: float
    min_replicas: int
    max_replicas: int
    cooldown_up: float
    cooldown_down: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoscalingRuleUpdated:
    """`changed` names the fields that are different since: target, min_replicas, max_replicas,
    cooldown_up, cooldown_down."""

    deployment_id: str
    rule_id: str
    metric: Metric
    target: float
    min_replicas: int
    max_replicas: int
    cooldown_up: float
    cooldown_down: float
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoscalingRuleDeleted:
    deployment_id: str
    rule_id: str
    metric: Metric


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
    ProjectCreated
    | KeyCreated
    | KeyRevoked
    | SecretCreated
    | SecretDeleted
    | FolderCreated
    | FolderUpdated
    | FolderDeleted
    | TemplateCreated
    | TemplateUpdated
    | TemplateDeleted
    | DeploymentCreated
    | DeploymentUpdated
    | DeploymentDeleted
    | DeploymentStatusChanged
    | RevisionAdded
    | RevisionActivated
    | DeploymentScaled
    | AutoscalingRuleCreated
    | AutoscalingRuleUpdated
    | AutoscalingRuleDeleted
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
    | ReplicaBecameHealthy
    | ReplicaBecameUnhealthy
    | ReplicaDraining
    | ReplicaStopping
    | ReplicaExited
)
FACTS: Mapping[str, type] = {fact.__name__: fact for fact in Fact.__args__}
SUBJECTS: Mapping[str, SubjectKind] = {f"{kind.value}_id": kind for kind in SubjectKind}


def subject(fact: Fact) -> tuple[SubjectKind, str]:
    """What a fact is about: the kind and id in its first field."""
    name = next(iter(fact.__dataclass_fields__))
    return SUBJECTS[name], getattr(fact, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`cause` is what led to it: "request:<id>" or "event:<position>". `project_id` is None for what
    belongs to the whole server (keys). `epoch` is the log's when the event was read."""

    epoch: str
    position: int
    at: datetime
    project_id: str | None
    subject_kind: SubjectKind
    subject_id: str
    actor: str
    cause: str
    fact: Fact

    @property
    def cursor(self) -> "Cursor":
        return Cursor(self.epoch, self.position)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in one log: everything up to and including `position` lies before it."""

    epoch: str
    position: int

    def encode(self) -> str:
        return urlsafe_b64encode(f"{self.epoch}:{self.position}".encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        try:
            plain = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
            epoch, position = plain.split(":")
            return cls(epoch, int(position))
        except (binascii.Error, ValueError) as error:
            raise CursorUnknown() from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What a log holds: the events behind `swept`, up to and with `head`."""

    epoch: str
    swept: int
    head: int

    @property
    def oldest(self) -> Cursor:
        return Cursor(self.epoch, self.swept)

    @property
    def newest(self) -> Cursor:
        return Cursor(self.epoch, self.head)

    def resume(self, after: Cursor) -> int:
        """The position to go on behind; raises CursorExpired, CursorUnknown."""
        if after.epoch != self.epoch or not 0 <= after.position <= self.head:
            raise CursorUnknown()
        if after.position < self.swept:
            raise CursorExpired(oldest=self.oldest.encode())
        return after.position


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which events a reader wants; None means any."""

    project_id: str | None = None
    subject: tuple[SubjectKind, str] | None = None
    types: frozenset[str] | None = None

    def covers(self, event: Event) -> bool:
        return (
            (self.project_id is None or event.project_id == self.project_id)
            and (self.subject is None or (event.subject_kind, event.subject_id) == self.subject)
            and (self.types is None or type(event.fact).__name__ in self.types)
        )
