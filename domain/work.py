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
from domain.deployments.deployment import Deployment, Revision, RevisionHead
from domain.deployments.ports import Lease
from domain.deployments.replica import Replica, ReplicaGroup
from domain.deployments.rollout import Rollout
from domain.events import Cursor, Event, Fact, Scope
from domain.folders.folder import Folder
from domain.listing import Listing, Page
from domain.secrets.secret import Secret
from domain.templates.template import Template

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
