"""What the store in memory holds."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from domain.batches.dedicated import Dedicated
from domain.batches.ports import Worker
from domain.batches.profile import BatchProfile
from domain.batches.shard import Segment
from domain.batches.shard import Shard as BatchShard
from domain.deployments.deployment import FINAL, Deployment
from domain.deployments.ports import SHARDS, GatewayReport
from domain.deployments.replica import Replica, ReplicaStatus
from domain.deployments.rollout import Rollout
from domain.deployments.shards import Shard
from domain.errors import NameTaken
from domain.events import Event, Extent, Fact, subject
from domain.files.file import File, FileStatus
from domain.work import Answered, Due
from tests.support.memory_rules import BrokenRule

T = TypeVar("T")

UNIQUE: Mapping[str, tuple[str, ...]] = {
    "project": ("name",),
    "key": ("digest",),
    "secret": ("project_id", "name"),
    "folder": ("project_id", "name"),
    "template": ("project_id", "name", "version"),
    "deployment": ("project_id", "name"),
    "revision": ("deployment_id", "number"),
    "rollout": ("deployment_id",),
    "replica group": ("deployment_id", "revision_id"),
    "replica": ("id",),
    "autoscaling rule": ("deployment_id", "metric"),
    "file": ("id",),
    "batch": ("id",),
    "batch profile": ("project_id", "name"),
    "external endpoint": ("project_id", "name"),
    "dedicated deployment": ("id",),
    "webhook": ("project_id", "name"),
    "delivery": ("webhook_id", "batch_job_id", "event"),
}
CALLED = {
    "revision": "number",
    "rollout": "deployment_id",
    "replica group": "revision_number",
    "replica": "id",
    "autoscaling rule": "metric",
    "file": "id",
    "batch": "id",
    "dedicated deployment": "id",
    "delivery": "batch_job_id",
}


@dataclass(frozen=True, slots=True)
class Look:
    due: Due
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Plane:
    until: datetime
    host: str | None


@dataclass(frozen=True, slots=True)
class Reservation:
    replica_id: str
    model: str


@dataclass(frozen=True, slots=True)
class BatchLook:
    due_at: datetime | None
    asked: int = 0
    owner: str | None = None
    token: int = 0
    until: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        free = self.until is None or self.until <= now
        return free and self.due_at is not None and self.due_at <= now


@dataclass(frozen=True, slots=True)
class KeptShard:
    """`is_open`: it has lines to do, and its batch was not closed."""

    shard: BatchShard
    is_open: bool
    owner: str | None = None
    until: datetime | None = None

    def is_free(self, now: datetime) -> bool:
        return self.is_open and (self.until is None or self.until <= now)

    def freed(self) -> "KeptShard":
        """Its token rises: whoever had it stores nothing more."""
        shard = replace(self.shard, token=self.shard.token + 1)
        return replace(self, shard=shard, owner=None, until=None)


@dataclass(frozen=True, slots=True)
class LivingWorker:
    worker: Worker
    until: datetime


@dataclass
class Kept:
    """Everything that the store holds; a unit of work has a copy of its rows, looks, shards and answers.

    `turn` is whose turn it is to change anything.
    """

    tables: dict[str, dict[str, Any]]
    answers: dict[tuple[str, str, str], Answered] = field(default_factory=dict)
    looks: dict[str, Look] = field(default_factory=dict)
    shards: list[Shard] = field(default_factory=lambda: [Shard(n, None, 0) for n in range(SHARDS)])
    batch_looks: dict[str, BatchLook] = field(default_factory=dict)
    batch_shards: dict[tuple[str, int], KeptShard] = field(default_factory=dict)
    segments: dict[str, tuple[Segment, ...]] = field(default_factory=dict)
    workers: dict[str, LivingWorker] = field(default_factory=dict)
    planes: dict[str, Plane] = field(default_factory=dict)
    gateways: dict[str, GatewayReport] = field(default_factory=dict)
    places: dict[tuple[str, int], Reservation] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    extent: Extent = field(default_factory=lambda: Extent(epoch="", swept=0, head=0))
    refusal: NameTaken | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def draft(self) -> "Kept":
        tables = {kind: dict(rows) for kind, rows in self.tables.items()}
        return Kept(
            tables,
            dict(self.answers),
            dict(self.looks),
            shards=self.shards,
            batch_looks=dict(self.batch_looks),
            batch_shards=dict(self.batch_shards),
            segments=dict(self.segments),
        )

    def accept(self, draft: "Kept") -> None:
        self.tables, self.answers, self.looks = draft.tables, draft.answers, draft.looks
        self.batch_looks, self.batch_shards = draft.batch_looks, draft.batch_shards
        self.segments = draft.segments

    def append(
        self, at: datetime, project_id: str | None, actor: str, cause: str, fact: Fact
    ) -> None:
        kind, subject_id = subject(fact)
        self.extent = replace(self.extent, head=self.extent.head + 1)
        self.events.append(
            Event(
                epoch=self.extent.epoch,
                position=self.extent.head,
                at=at,
                project_id=project_id,
                subject_kind=kind,
                subject_id=subject_id,
                actor=actor,
                cause=cause,
                fact=fact,
            )
        )

    def require_free(self, kind: str, value: Any) -> None:
        if is_past(value):
            return
        wanted = [getattr(value, name) for name in UNIQUE[kind]]
        for other in self.tables[kind].values():
            twin = [getattr(other, name) for name in UNIQUE[kind]] == wanted
            if twin and other.id != value.id and not is_past(other):
                name = str(getattr(value, CALLED.get(kind, "name")))
                self.refusal = NameTaken(kind=kind, name=name)
                raise self.refusal

    def require_single(self, value: Any) -> None:
        """The unique indexes that stand for no name."""
        match value:
            case BatchProfile() if value.is_default:
                held = self.tables["batch profile"].values()
                twins = [p for p in held if p.is_default and p.project_id == value.project_id]
            case Dedicated() if value.batch_id is not None:
                held = self.tables["dedicated deployment"].values()
                twins = [d for d in held if d.batch_id == value.batch_id]
            case _:
                return
        if any(twin.id != value.id for twin in twins):
            raise BrokenRule(f"There is another like {value}")

    def cascade(self, kind: str, row_id: str) -> None:
        """What goes with the row."""
        if kind == "batch":
            self.batch_looks.pop(row_id, None)
            self.segments.pop(row_id, None)
            for place in [place for place in self.batch_shards if place[0] == row_id]:
                del self.batch_shards[place]
        if kind == "webhook":
            deliveries = self.tables["delivery"].values()
            for id_ in [one.id for one in deliveries if one.webhook_id == row_id]:
                del self.tables["delivery"][id_]

    def has_exited(self, replica_id: str) -> bool:
        replica = self.tables["replica"].get(replica_id)
        return replica is not None and replica.status is ReplicaStatus.EXITED


def is_past(value: object) -> bool:
    """Whether it leaves room for another of its unique name."""
    match value:
        case Deployment():
            return value.status in FINAL
        case Rollout():
            return not value.is_live
        case _:
            return False


def is_listed(value: object) -> bool:
    """Whether lists show it where nobody asks for what is over and done with, too."""
    match value:
        case Deployment():
            return value.status not in FINAL
        case Replica():
            return value.status is not ReplicaStatus.EXITED
        case File():
            return value.status is FileStatus.PROCESSED
        case _:
            return True
