"""Transactions, reads and the event log, as the domain sees them.

A unit of work is the only way to write: rows and events commit together, or neither does. Reads
for display go through `Reads` and see what is committed.
"""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeAlias, TypeVar

from domain.access.access import ApiKey, Project
from domain.autoscaling.rule import AutoscalingRule
from domain.batches.batch import Batch
from domain.batches.dedicated import Dedicated
from domain.batches.external_endpoint import ExternalEndpoint
from domain.batches.ports import Claim
from domain.batches.profile import BatchProfile
from domain.batches.shard import Progress, Segment, Shard
from domain.deployments.deployment import Deployment, Revision, RevisionHead
from domain.deployments.ports import Lease
from domain.deployments.replica import Replica, ReplicaGroup
from domain.deployments.rollout import Rollout
from domain.events import Cursor, Event, Fact, Scope
from domain.files.file import File
from domain.folders.folder import Folder
from domain.listing import Listing, Page
from domain.secrets.secret import Secret
from domain.templates.template import Template
from domain.webhooks.webhook import Delivery, Webhook

T = TypeVar("T")


class FixedRows(Protocol[T]):
    """The rows of a noun that is never changed.

    `add` raises NameTaken (with an empty path) where a unique name is taken, InvalidValue for text
    that no database keeps (NUL characters, unpaired surrogates). Nothing of a unit of work is kept
    after a NameTaken: where the block goes on, it is raised again at the block's end.
    """

    async def get(self, id: str) -> T | None: ...

    async def add(self, value: T) -> None: ...


class Rows(FixedRows[T], Protocol[T]):
    """The rows of one noun inside a unit of work; `put` raises what `add` does."""

    async def lock(self, id: str) -> T | None:
        """As `get`, and nobody else changes the row before this unit of work ends."""

    async def put(self, value: T) -> None:
        """Replace the row of that id; raises NotFound where there is none."""

    async def remove(self, id: str) -> None:
        """Whether or not the row was there, it is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An idempotent mutation's first answer: `result` is the id of the node that it made."""

    project_id: str
    operation: str
    key: str
    fingerprint: str
    result: str
    expires_at: datetime


class AnswerReads(Protocol):
    async def get(
        self, project_id: str, operation: str, key: str, now: datetime
    ) -> Answered | None:
        """The answer kept under the key, if it has not expired."""


class Answers(AnswerReads, Protocol):
    async def claim(self, answered: Answered, now: datetime) -> Answered | None:
        """Keep the answer; or wait for a concurrent twin and return what it kept."""


class Shards(Protocol):
    """The shards of batches inside a unit of work. Lock the batch first."""

    async def add(self, shards: Sequence[Shard]) -> None: ...

    async def of(self, batch_id: str) -> Sequence[Shard]:
        """All of them, in their order."""

    async def store(self, progress: Progress) -> bool:
        """Put the shard, and add the commit's segment; False, and nothing is written, where the shard has
        another token by now: somebody else took it, or its batch is ending."""

    async def close(self, batch_id: str) -> Sequence[Shard]:
        """Take all of them from whoever has them, for good: nobody stores anything any more."""

    async def repoint(self, segments: Sequence[Segment]) -> None:
        """Say anew where stored answers are (same sequence, shard and lines)."""


class Work(Protocol):
    projects: Rows[Project]
    keys: Rows[ApiKey]
    secrets: Rows[Secret]
    folders: Rows[Folder]
    templates: Rows[Template]
    deployments: Rows[Deployment]
    revisions: FixedRows[Revision]
    rollouts: Rows[Rollout]
    groups: Rows[ReplicaGroup]
    replicas: Rows[Replica]
    rules: Rows[AutoscalingRule]
    files: Rows[File]
    batches: Rows[Batch]
    batch_shards: Shards
    batch_profiles: Rows[BatchProfile]
    external_endpoints: Rows[ExternalEndpoint]
    dedicated: Rows[Dedicated]
    webhooks: Rows[Webhook]
    deliveries: Rows[Delivery]
    answers: Answers

    async def live_rollout(self, deployment_id: str) -> Rollout | None:
        """The deployment's rollout that has not ended. Lock the deployment first."""

    async def has_replicas(self, deployment_id: str) -> bool:
        """Whether one of the deployment's has not exited. Lock the deployment first."""

    async def last_promoted(self, deployment_id: str, but: str) -> str | None:
        """The id of the revision that last succeeded in a rollout and is not `but`."""

    async def look(self, deployment_id: str, at: datetime | None) -> None:
        """Have the reconciler look at the deployment by then; None: not before it is asked to."""

    async def holds(self, lease: Lease) -> bool:
        """Whether the lease is still its holder's; if so it stays so until this unit of work ends."""

    async def look_at_batch(self, batch_id: str, at: datetime | None) -> None:
        """As `look`: have a worker look at the batch."""

    async def holds_batch(self, claim: Claim) -> bool:
        """Whether the claim is still its worker's; if so it stays so until this unit of work ends."""

    async def needs_file(self, file_id: str) -> bool:
        """Whether a batch that is not final has the file as its input. Lock the file first."""

    async def active_batches(self, project_id: str, profile_id: str | None) -> int:
        """How many of the project's batches under the profile (None: under no profile) are not final.
        Lock the profile first."""

    async def default_profile(self, project_id: str) -> BatchProfile | None:
        """Lock the project first."""

    async def needs_endpoint(self, endpoint: ExternalEndpoint) -> bool:
        """Whether a batch that is not final runs there, or asks for it by name. Lock the endpoint first."""

    async def latest_template_version(self, project_id: str, name: str) -> int:
        """The highest version of a template's name, 0 where there is none. Lock the project first."""

    def record(self, project_id: str | None, fact: Fact) -> None:
        """Add a fact to the log; it commits with this unit of work."""


class StartWork(Protocol):
    def __call__(self, actor: str, cause: str) -> AbstractAsyncContextManager[Work]:
        """Begin a unit of work; it commits when the block ends without an error.

        Raises StorageUnavailable where the database went away; nothing is kept then, unless it
        went away during the commit itself: whether that commit is kept, nobody can tell.
        """


class Lists(Protocol[T]):
    """Committed rows for display.

    `by_ids` leaves out what does not exist, and gives deleted deployments and exited replicas too;
    `page` and `count` leave these out unless the listing says `with_deleted`. A field that can't be
    filtered or ordered by, or a value of the wrong type, is InvalidValue.
    """

    async def by_ids(self, ids: Collection[str]) -> Mapping[str, T]: ...

    async def page(self, listing: Listing) -> Page[T]: ...

    async def count(self, listing: Listing) -> int: ...


class RevisionLists(Lists[Revision], Protocol):
    async def heads(self, ids: Collection[str]) -> Mapping[str, RevisionHead]:
        """As `by_ids`, without the documents."""

    async def pages(
        self, deployment_ids: Collection[str], listing: Listing
    ) -> Mapping[str, Page[RevisionHead]]:
        """One page for each deployment, in one statement."""

    async def counts(
        self, deployment_ids: Collection[str], listing: Listing
    ) -> Mapping[str, int]: ...


class RolloutLists(Lists[Rollout], Protocol):
    async def live(self, deployment_ids: Collection[str]) -> Mapping[str, Rollout]:
        """The rollouts that have not ended, by deployment."""

    async def pages(
        self, deployment_ids: Collection[str], listing: Listing
    ) -> Mapping[str, Page[Rollout]]: ...

    async def counts(
        self, deployment_ids: Collection[str], listing: Listing
    ) -> Mapping[str, int]: ...


class GroupLists(Lists[ReplicaGroup], Protocol):
    async def of(self, deployment_ids: Collection[str]) -> Mapping[str, Sequence[ReplicaGroup]]:
        """The deployments' groups, oldest first."""


ReplicaOwner: TypeAlias = Literal["deployment_id", "revision_id"]


class ReplicaLists(Lists[Replica], Protocol):
    async def present(self, deployment_ids: Collection[str]) -> Mapping[str, Sequence[Replica]]:
        """The replicas that have not exited, by deployment, oldest first."""

    async def pages(
        self, owner_ids: Collection[str], listing: Listing, of: ReplicaOwner = "deployment_id"
    ) -> Mapping[str, Page[Replica]]:
        """One page for each deployment or revision, in one statement."""

    async def counts(
        self, owner_ids: Collection[str], listing: Listing, of: ReplicaOwner = "deployment_id"
    ) -> Mapping[str, int]: ...


class RuleLists(Lists[AutoscalingRule], Protocol):
    async def of(self, deployment_ids: Collection[str]) -> Mapping[str, Sequence[AutoscalingRule]]:
        """The deployments' rules, oldest first."""

    async def live(self) -> Mapping[str, Sequence[AutoscalingRule]]:
        """All rules of deployments that are not deleted, by deployment, oldest first."""


@dataclass(frozen=True, slots=True)
class Due:
    """`asked` counts the times that somebody asked for a look."""

    deployment_id: str
    shard: int
    asked: int


class DueLists(Protocol):
    """Which deployments the reconciler has to look at. Read them before what is to be looked at."""

    async def due(self, shards: Collection[int], now: datetime, limit: int) -> Sequence[Due]:
        """Those whose time has come, the longest waiting first."""

    async def of(self, deployment_ids: Collection[str]) -> Mapping[str, Due]: ...

    async def running(self, shards: Collection[int]) -> Sequence[str]:
        """The ids of the deployments there that have replicas which have not exited."""

    async def postpone(self, looks: Collection[tuple[Due, datetime | None]]) -> None:
        """Look at each then (None: when asked), unless somebody asked for a look meanwhile."""


class FileLists(Lists[File], Protocol):
    """Listed are those that are PROCESSED; `by_ids` gives all but those that are UPLOADING."""

    async def expired(self, now: datetime, limit: int) -> Sequence[File]:
        """PROCESSED ones whose time is up, and that no batch that is not final needs."""

    async def to_sweep(self, now: datetime, limit: int) -> Sequence[File]:
        """Those whose `sweep_at` has come."""

    async def uploads_of(self, writer: str) -> Sequence[File]:
        """UPLOADING ones that this server takes in."""


class BatchLists(Lists[Batch], Protocol):
    async def runnable(self, limit: int, now: datetime) -> Sequence[Batch]:
        """IN_PROGRESS ones with a place, neither paused nor ending, that have shards with lines to do which
        nobody has: by priority, then by age. Cheap however many batches and shards are done."""

    async def is_runnable(self, batch_id: str, now: datetime) -> bool:
        """Whether it is among them, however many others are."""

    async def shards(self, batch_id: str) -> Sequence[Shard]: ...

    async def working(self, batch_id: str, now: datetime) -> int:
        """How many of its shards some living worker has."""

    async def segments(self, batch_id: str, after: int, limit: int) -> Sequence[Segment]:
        """Those with a higher sequence, in order."""

    async def segments_of(self, batch_id: str, shard: int) -> Sequence[Segment]: ...


class ProfileLists(Lists[BatchProfile], Protocol):
    async def named(self, project_id: str, name: str) -> BatchProfile | None: ...

    async def default(self, project_id: str) -> BatchProfile | None: ...


class ExternalEndpointLists(Lists[ExternalEndpoint], Protocol):
    async def named(self, project_id: str, name: str) -> ExternalEndpoint | None: ...

    async def serving(self, project_id: str, model: str) -> Sequence[ExternalEndpoint]:
        """Those that list the model, by name."""


class DedicatedLists(Lists[Dedicated], Protocol):
    async def warm(self, project_id: str, digest: str, now: datetime) -> Sequence[Dedicated]:
        """Free ones of that digest whose time is not up, the oldest first."""

    async def abandoned(self, now: datetime) -> Sequence[Dedicated]:
        """What no living batch has, and whose time is up or was never set."""

    async def next_end(self, now: datetime) -> datetime | None:
        """When the first free one's time is up that is not up yet."""


class WebhookLists(Lists[Webhook], Protocol):
    async def all(self) -> Sequence[Webhook]: ...

    async def due(self, now: datetime, limit: int, but: Collection[str] = ()) -> Sequence[Delivery]:
        """PENDING deliveries whose time has come, the longest waiting first; none of the webhooks `but`."""

    async def deliveries(
        self, webhook_ids: Collection[str], limit: int
    ) -> Mapping[str, Sequence[Delivery]]:
        """The newest of each, at most `limit`, the newest first."""


class SecretLists(Lists[Secret], Protocol):
    async def named(self, project_id: str, names: Collection[str]) -> Mapping[str, Secret]: ...

    async def used_by(self, project_id: str, names: Collection[str]) -> Mapping[str, Sequence[str]]:
        """The ids of the live deployments with a revision that names the secret, by secret name."""


class TemplateLists(Lists[Template], Protocol):
    async def versions(self, project_id: str, name: str) -> Sequence[Template]:
        """All versions of a name, newest first."""


class ProjectLists(Lists[Project], Protocol):
    async def named(self, name: str) -> Project | None: ...


class KeyLists(Lists[ApiKey], Protocol):
    async def by_digest(self, digest: str) -> ApiKey | None: ...

    async def any_ever(self) -> bool:
        """Whether a key was ever made, revoked ones included."""


class Reads(Protocol):
    projects: ProjectLists
    keys: KeyLists
    secrets: SecretLists
    folders: Lists[Folder]
    templates: TemplateLists
    deployments: Lists[Deployment]
    revisions: RevisionLists
    rollouts: RolloutLists
    groups: GroupLists
    replicas: ReplicaLists
    rules: RuleLists
    due: DueLists
    files: FileLists
    batches: BatchLists
    batch_profiles: ProfileLists
    external_endpoints: ExternalEndpointLists
    dedicated: DedicatedLists
    webhooks: WebhookLists
    answers: AnswerReads


class EventLog(Protocol):
    async def head(self) -> Cursor:
        """The cursor behind the newest committed event."""

    async def read(self, after: Cursor | None, limit: int, scope: Scope) -> Sequence[Event]:
        """Up to `limit` events behind the cursor (None: the oldest kept), in order of position.

        Raises CursorExpired, CursorUnknown.
        """

    def follow(self, after: Cursor | None, scope: Scope) -> AsyncGenerator[Event, None]:
        """Every event of the scope behind the cursor, once, in order, until the server stops.

        None: behind the head of the moment when the iteration begins. Close it when done.

        Raises CursorExpired, CursorUnknown, before the first event or when a reader fell so far
        behind that what it wants next is no longer kept.
        """
