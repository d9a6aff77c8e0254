"""The store in memory, with the semantics of the real ones: for tests of services and resolvers.

    store = MemoryStore(clock=clock)          # has the project named "default" (store.default)
    async with store.start_work("someone", "request:1") as w: ...
    await store.reads.deployments.page(...)
    store.log.follow(None, Scope())

Units of work run one after the other, on a copy that replaces the original when they commit.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime
from functools import cmp_to_key, partial
from typing import Any, Generic, TypeVar
from uuid import uuid4

from pydantic import BaseModel

from domain.access.access import ApiKey, Project
from domain.clock import Clock, utc_now
from domain.deployments.deployment import FINAL, Deployment, Revision, RevisionHead
from domain.errors import InvalidValue, NameTaken, NotFound
from domain.events import Cursor, Event, Extent, Fact, Scope, subject
from domain.folders.folder import Folder
from domain.listing import Listing, Page, field_of, matches, place
from domain.secrets.secret import Secret
from domain.templates.template import Template
from domain.work import (
    Answered,
    AnswerReads,
    Answers,
    EventLog,
    FixedRows,
    KeyLists,
    Lists,
    ProjectLists,
    Reads,
    RevisionLists,
    Rows,
    SecretLists,
    StartWork,
    TemplateLists,
)

T = TypeVar("T")


class MemoryStore:
    """Same attributes as infra.store.Store: start_work, reads, log; sweep and renew_epoch for tests."""

    def __init__(self, clock: Clock = utc_now) -> None:
        self.default = Project(id=uuid4().hex, name="default", created_at=clock())
        self._kept = Kept(tables={kind: {} for kind in UNIQUE}, epoch=uuid4().hex)
        self._kept.tables["project"][self.default.id] = self.default
        self._clock = clock
        self._turn = asyncio.Lock()
        self._log = MemoryLog(self._kept)
        self.log: EventLog = self._log
        self.reads: Reads = MemoryReads(self._kept)
        self.start_work: StartWork = self._start_work

    @asynccontextmanager
    async def _start_work(self, actor: str, cause: str) -> AsyncIterator["MemoryWork"]:
        async with self._turn:
            draft = Kept(
                tables={kind: dict(rows) for kind, rows in self._kept.tables.items()},
                answers=dict(self._kept.answers),
            )
            work = MemoryWork(draft)
            yield work
            if draft.refusal is not None:
                raise draft.refusal
            self._kept.tables, self._kept.answers = draft.tables, draft.answers
            if work.facts:
                at = self._clock()
                for project_id, fact in work.facts:
                    self._kept.append(at, project_id, actor, cause, fact)
                self._log.wake()

    async def sweep(self, before: datetime) -> int:
        """As infra.store.Store.sweep."""
        kept = self._kept
        young = [e.position for e in kept.events if e.at >= before]
        swept = min(young) - 1 if young else kept.extent.head
        gone = [e for e in kept.events if e.position <= swept]
        kept.events = kept.events[len(gone) :]
        kept.extent = replace(kept.extent, swept=max(swept, kept.extent.swept))
        return len(gone)

    async def renew_epoch(self) -> None:
        self._kept.extent = replace(self._kept.extent, epoch=uuid4().hex)
        self._log.wake()

    async def ping(self) -> None:
        return None


UNIQUE: Mapping[str, tuple[str, ...]] = {
    "project": ("name",),
    "key": ("digest",),
    "secret": ("project_id", "name"),
    "folder": ("project_id", "name"),
    "template": ("project_id", "name", "version"),
    "deployment": ("project_id", "name"),
    "revision": ("deployment_id", "number"),
}


class Kept:
    """Everything that the store holds; a unit of work has a copy of its rows and answers."""

    def __init__(
        self,
        tables: dict[str, dict[str, Any]],
        answers: dict[tuple[str, str, str], Answered] | None = None,
        epoch: str = "",
    ) -> None:
        self.tables = tables
        self.answers = answers or {}
        self.events: list[Event] = []
        self.extent = Extent(epoch=epoch, swept=0, head=0)
        self.refusal: NameTaken | None = None

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
        if is_deleted(value):
            return
        wanted = [getattr(value, name) for name in UNIQUE[kind]]
        for other in self.tables[kind].values():
            twin = [getattr(other, name) for name in UNIQUE[kind]] == wanted
            if twin and other.id != value.id and not is_deleted(other):
                self.refusal = NameTaken(kind=kind, name=str(getattr(value, name_field(kind))))
                raise self.refusal


def is_deleted(value: object) -> bool:
    return isinstance(value, Deployment) and value.status in FINAL


def name_field(kind: str) -> str:
    return "number" if kind == "revision" else "name"


@dataclass(frozen=True, slots=True)
class MemoryRows(Generic[T]):
    kept: Kept
    kind: str

    async def get(self, id: str) -> T | None:
        return self.kept.tables[self.kind].get(id)

    async def lock(self, id: str) -> T | None:
        return await self.get(id)

    async def add(self, value: T) -> None:
        require_storable(value)
        self.kept.require_free(self.kind, value)
        self.kept.tables[self.kind][field_of(value, "id")] = value

    async def put(self, value: T) -> None:
        row_id = field_of(value, "id")
        if row_id not in self.kept.tables[self.kind]:
            raise NotFound(kind=self.kind, id=row_id)
        await self.add(value)

    async def remove(self, id: str) -> None:
        self.kept.tables[self.kind].pop(id, None)


@dataclass(frozen=True, slots=True)
class MemoryAnswers:
    kept: Kept

    async def get(
        self, project_id: str, operation: str, key: str, now: datetime
    ) -> Answered | None:
        found = self.kept.answers.get((project_id, operation, key))
        return found if found is not None and found.expires_at > now else None

    async def claim(self, answered: Answered, now: datetime) -> Answered | None:
        require_storable(answered)
        place = (answered.project_id, answered.operation, answered.key)
        found = await self.get(*place, now)
        if found is None:
            self.kept.answers[place] = answered
        return found


class MemoryWork:
    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self.facts: list[tuple[str | None, Fact]] = []
        self.projects: Rows[Project] = MemoryRows(kept, "project")
        self.keys: Rows[ApiKey] = MemoryRows(kept, "key")
        self.secrets: Rows[Secret] = MemoryRows(kept, "secret")
        self.folders: Rows[Folder] = MemoryRows(kept, "folder")
        self.templates: Rows[Template] = MemoryRows(kept, "template")
        self.deployments: Rows[Deployment] = MemoryRows(kept, "deployment")
        self.revisions: FixedRows[Revision] = MemoryRows(kept, "revision")
        self.answers: Answers = MemoryAnswers(kept)

    async def latest_template_version(self, project_id: str, name: str) -> int:
        templates = self._kept.tables["template"].values()
        mine = [t.version for t in templates if (t.project_id, t.name) == (project_id, name)]
        return max(mine, default=0)

    def record(self, project_id: str | None, fact: Fact) -> None:
        require_storable(fact)
        self.facts.append((project_id, fact))


@dataclass(frozen=True, slots=True)
class MemoryLists(Generic[T]):
    kept: Kept
    kind: str

    @property
    def rows(self) -> Mapping[str, T]:
        return self.kept.tables[self.kind]

    async def by_ids(self, ids: Collection[str]) -> Mapping[str, T]:
        return {i: self.rows[i] for i in ids if i in self.rows}

    async def page(self, listing: Listing) -> Page[T]:
        placed = [(place(value, listing.order), value) for value in self._listed(listing)]
        compare = cmp_to_key(partial(compare_places, listing))
        placed.sort(key=lambda pair: compare(pair[0]))
        after = listing.after
        found = [v for at, v in placed if after is None or compare_places(listing, at, after) > 0]
        return Page(tuple(found[: listing.first]), has_next=len(found) > listing.first)

    async def count(self, listing: Listing) -> int:
        return len(self._listed(listing))

    def _listed(self, listing: Listing) -> list[T]:
        return [
            value
            for value in self.rows.values()
            if all(field_of(value, name) == wanted for name, wanted in listing.within.items())
            and (listing.where is None or matches(value, listing.where))
            and (listing.with_deleted or not is_deleted(value))
        ]


def compare_places(listing: Listing, left: tuple[Any, str], right: tuple[Any, str]) -> int:
    """Negative where `left` comes first; None before every value, ties by id."""
    sign = -1 if listing.order.descending else 1
    if left[0] == right[0]:
        return sign * ((left[1] > right[1]) - (left[1] < right[1]))
    if left[0] is None or right[0] is None:
        return -sign if left[0] is None else sign
    return sign if left[0] > right[0] else -sign


class MemoryRevisionLists(MemoryLists[Revision]):
    __slots__ = ()

    async def heads(self, ids: Collection[str]) -> Mapping[str, RevisionHead]:
        return {i: head(revision) for i, revision in (await self.by_ids(ids)).items()}

    async def pages(
        self, deployment_ids: Collection[str], listing: Listing
    ) -> Mapping[str, Page[RevisionHead]]:
        pages = {i: await self.page(inside(listing, i)) for i in deployment_ids}
        return {i: Page(tuple(map(head, p.items)), has_next=p.has_next) for i, p in pages.items()}

    async def counts(self, deployment_ids: Collection[str], listing: Listing) -> Mapping[str, int]:
        return {i: await self.count(inside(listing, i)) for i in deployment_ids}


def head(revision: Revision) -> RevisionHead:
    """Without the documents: whoever wants them has to ask for them."""
    return RevisionHead(**{f.name: getattr(revision, f.name) for f in fields(RevisionHead)})


def inside(listing: Listing, deployment_id: str) -> Listing:
    return replace(listing, within={**listing.within, "deployment_id": deployment_id})


class MemorySecretLists(MemoryLists[Secret]):
    __slots__ = ()

    async def named(self, project_id: str, names: Collection[str]) -> Mapping[str, Secret]:
        mine = [s for s in self.rows.values() if s.project_id == project_id]
        return {secret.name: secret for secret in mine if secret.name in names}

    async def used_by(self, project_id: str, names: Collection[str]) -> Mapping[str, Sequence[str]]:
        users: dict[str, set[str]] = {name: set() for name in names}
        for revision in self.kept.tables["revision"].values():
            if is_deleted(self.kept.tables["deployment"][revision.deployment_id]):
                continue
            for entry in revision.environment.values():
                if revision.project_id == project_id and entry.secret in users:
                    users[entry.secret].add(revision.deployment_id)
        return {name: sorted(ids) for name, ids in users.items()}


class MemoryTemplateLists(MemoryLists[Template]):
    __slots__ = ()

    async def versions(self, project_id: str, name: str) -> Sequence[Template]:
        mine = [t for t in self.rows.values() if (t.project_id, t.name) == (project_id, name)]
        return sorted(mine, key=lambda template: template.version, reverse=True)


class MemoryProjectLists(MemoryLists[Project]):
    __slots__ = ()

    async def named(self, name: str) -> Project | None:
        return next((p for p in self.rows.values() if p.name == name), None)


class MemoryKeyLists(MemoryLists[ApiKey]):
    __slots__ = ()

    async def by_digest(self, digest: str) -> ApiKey | None:
        return next((k for k in self.rows.values() if k.digest == digest), None)

    async def any_ever(self) -> bool:
        return bool(self.rows)


class MemoryReads:
    def __init__(self, kept: Kept) -> None:
        self.projects: ProjectLists = MemoryProjectLists(kept, "project")
        self.keys: KeyLists = MemoryKeyLists(kept, "key")
        self.secrets: SecretLists = MemorySecretLists(kept, "secret")
        self.folders: Lists[Folder] = MemoryLists(kept, "folder")
        self.templates: TemplateLists = MemoryTemplateLists(kept, "template")
        self.deployments: Lists[Deployment] = MemoryLists(kept, "deployment")
        self.revisions: RevisionLists = MemoryRevisionLists(kept, "revision")
        self.answers: AnswerReads = MemoryAnswers(kept)


@dataclass(slots=True)
class MemoryLog:
    kept: Kept
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        self.moved.set()
        self.moved = asyncio.Event()

    async def head(self) -> Cursor:
        return self.kept.extent.newest

    async def read(self, after: Cursor | None, limit: int, scope: Scope) -> Sequence[Event]:
        extent = self.kept.extent
        start = extent.resume(extent.oldest if after is None else after)
        mine = (e for e in self.kept.events if e.position > start and scope.covers(e))
        return [
            replace(event, epoch=extent.epoch) for event, _ in zip(mine, range(limit), strict=False)
        ]

    async def follow(self, after: Cursor | None, scope: Scope) -> AsyncGenerator[Event, None]:
        cursor = self.kept.extent.newest if after is None else after
        while True:
            moved, newest = self.moved, self.kept.extent.newest
            events = await self.read(cursor, len(self.kept.events), scope)
            for event in events:
                cursor = Cursor(cursor.epoch, event.position)
                yield event
            cursor = Cursor(cursor.epoch, max(cursor.position, newest.position))
            await moved.wait()


def require_storable(value: object) -> None:
    """Refuse text that PostgreSQL can't keep, wherever in the value it stands."""
    match value:
        case str():
            if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
                raise InvalidValue(problem="Text can't hold NUL characters or unpaired surrogates.")
        case BaseModel():
            require_storable(value.model_dump())
        case Mapping():
            for key, held in value.items():
                require_storable(key)
                require_storable(held)
        case tuple() | list():
            for held in value:
                require_storable(held)
        case _ if is_dataclass(value):
            for part in fields(value):
                require_storable(getattr(value, part.name))
