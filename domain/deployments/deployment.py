"""Deployments and their revisions, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.definitions.definition import Definition
from domain.definitions.kubernetes import KubernetesUse
from domain.definitions.layers import WrittenLayer
from domain.definitions.merge import Origin
from domain.definitions.variants import Variant
from domain.deployments.reason import Reason
from domain.deployments.strategy import Strategy


class DeploymentStatus(StrEnum):
    PENDING = "pending"  # nothing active, nor to be. A user's activation moves it on
    DEPLOYING = "deploying"  # an activated revision is not yet served. The reconciler moves it on
    READY = "ready"  # the desired replicas serve (also none, if none are desired)
    DEGRADED = "degraded"  # fewer healthy replicas than desired
    ROLLING_BACK = "rolling_back"  # a failed rollout goes back. The reconciler moves it on
    STOPPING = "stopping"  # deleted, replicas drain. The reconciler moves it on
    STOPPED = "stopped"  # deleted, nothing left. Final


S = DeploymentStatus
TRANSITIONS: Mapping[DeploymentStatus, frozenset[DeploymentStatus]] = {
    S.PENDING: frozenset({S.DEPLOYING, S.STOPPING, S.STOPPED}),
    S.DEPLOYING: frozenset({S.PENDING, S.READY, S.DEGRADED, S.ROLLING_BACK, S.STOPPING, S.STOPPED}),
    S.READY: frozenset({S.DEPLOYING, S.DEGRADED, S.ROLLING_BACK, S.STOPPING, S.STOPPED}),
    S.DEGRADED: frozenset({S.DEPLOYING, S.READY, S.ROLLING_BACK, S.STOPPING, S.STOPPED}),
    S.ROLLING_BACK: frozenset({S.PENDING, S.DEPLOYING, S.READY, S.DEGRADED, S.STOPPING, S.STOPPED}),
    S.STOPPING: frozenset({S.STOPPED}),
    S.STOPPED: frozenset(),
}
FINAL = frozenset(s for s, onward in TRANSITIONS.items() if not onward)
MAX_IN_FLIGHT = 256  # where nobody says otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """`generation` counts the decisions of users: the etag is made from it, and from nothing else.

    `active_revision_id` is the revision that was last promoted; a live rollout may be on its way to
    another. `reason`, `message` and `next_retry_at` tell why the status is what it is.
    `max_in_flight` is how many requests batches may have one of its replicas answer at a time, those of
    clients counted in.
    """

    id: str
    project_id: str
    name: str
    tags: tuple[str, ...]
    desired_replicas: int
    strategy: Strategy
    status: DeploymentStatus
    status_since: datetime
    reason: Reason | None = None
    message: str = ""
    next_retry_at: datetime | None = None
    max_in_flight: int = MAX_IN_FLIGHT
    is_dedicated: bool = False  # made for batches: in no list that does not ask for it
    active_revision_id: str | None
    last_revision: int  # the highest revision number given out, 0 before the first
    generation: int
    created_at: datetime
    created_by: str
    updated_at: datetime
    deleted_at: datetime | None = None

    @property
    def etag(self) -> str:
        return f"{self.id[:8]}-{self.generation}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderUse:
    """The model folder as it was used: the folder itself may be renamed or deleted since.

    `file` is the definition file that was read, None where none was.
    """

    folder_id: str
    name: str
    uri: str
    mount_path: str
    file: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateUse:
    template_id: str
    name: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentValue:
    """Exactly one of the two is set; `secret` is a secret's name, never its value."""

    value: str | None = None
    secret: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionHead:
    """A revision without its documents, which are nearly all of its size: what lists show."""

    id: str
    project_id: str
    deployment_id: str
    number: int
    digest: str
    variant: Variant
    image: str | None
    mount_path: str
    folder: FolderUse | None
    template: TemplateUse | None
    note: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision(RevisionHead):
    """What was resolved when the revision was added; nothing of it is ever read again elsewhere."""

    definition: Definition  # commands with their placeholders
    environment: Mapping[str, EnvironmentValue]
    resources: Mapping[str, str]
    kubernetes: KubernetesUse = field(default_factory=KubernetesUse)
    provenance: tuple[Origin, ...]
    layers: tuple[WrittenLayer, ...]
