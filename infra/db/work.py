"""The unit of work: rows first, the log's counter last, then the commit and a hint."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from domain.access.access import ApiKey, Project
from domain.autoscaling.rule import AutoscalingRule
from domain.batches.batch import Batch
from domain.batches.dedicated import Dedicated
from domain.batches.external_endpoint import ExternalEndpoint
from domain.batches.ports import Claim
from domain.batches.profile import BatchProfile
from domain.clock import Clock
from domain.deployments.deployment import Deployment, Revision
from domain.deployments.ports import Lease
from domain.deployments.replica import Replica, ReplicaGroup
from domain.deployments.rollout import Rollout
from domain.errors import NameTaken, NotFound
from domain.events import Fact
from domain.files.file import File
from domain.folders.folder import Folder
from domain.secrets.secret import Secret
from domain.templates.template import Template
from domain.webhooks.webhook import Delivery, Webhook
from domain.work import Answers, FixedRows, Rows, Shards, Work
from infra.db import leases, looks
from infra.db.access import KEYS, PROJECTS
from infra.db.answers import StoredAnswers
from infra.db.autoscaling import RULES
from infra.db.batches import looks as batch_looks
from infra.db.batches.batch import (
    BATCHES,
    COUNT_ACTIVE_OF,
    COUNT_ACTIVE_OF_NONE,
    NEEDING,
    NEEDING_ENDPOINT,
)
from infra.db.batches.dedicated import DEDICATED
from infra.db.batches.external_endpoints import EXTERNAL_ENDPOINTS
from infra.db.batches.profiles import DEFAULT_OF, PROFILES
from infra.db.batches.shards import StoredShards
from infra.db.deployments import DEPLOYMENTS, REVISIONS
from infra.db.engine import Engines, Params, Transaction
from infra.db.events import EVENT_HEAD, EVENTS, to_rows
from infra.db.failures import violates
from infra.db.files import FILES
from infra.db.folders import FOLDERS
from infra.db.noun import Noun
from infra.db.replicas import ANY_PRESENT, GROUPS, REPLICAS
from infra.db.rollouts import LAST_PROMOTED, LIVE_OF_ONE, ROLLOUTS
from infra.db.secrets import SECRET_USE, SECRETS, uses
from infra.db.templates import TEMPLATES
from infra.db.webhooks import DELIVERIES, WEBHOOKS

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoredWorkStarter:
    """`hint` is called after each commit that recorded facts."""

    engines: Engines
    clock: Clock
    hint: Callable[[], None]

    @asynccontextmanager
    async def __call__(self, actor: str, cause: str) -> AsyncIterator[Work]:
        async with self.engines.transaction() as transaction:
            work = StoredWork(transaction)
            yield work
            work.writing.require_whole()
            if work.facts:
                await self._append(transaction, work.facts, actor, cause)
        if work.facts:
            self.hint()

    async def _append(
        self,
        transaction: Transaction,
        facts: Sequence[tuple[str | None, Fact]],
        actor: str,
        cause: str,
    ) -> None:
        """The counter's row is the last lock: until the commit nobody else gets a position, so that
        positions become visible in their order."""
        head = (await transaction.run(ADVANCE, {"n": len(facts)})).scalar_one()
        rows = to_rows(facts, head, self.clock(), actor, cause)
        await transaction.run(APPEND, rows[0] if len(rows) == 1 else rows)


APPEND = insert(EVENTS)
ADVANCE = (
    update(EVENT_HEAD)
    .values(position=EVENT_HEAD.c.position + bindparam("n"))
    .returning(EVENT_HEAD.c.position)
)


class StoredWork:
    def __init__(self, transaction: Transaction) -> None:
        self.writing = writing = Writing(transaction)
        self.facts: list[tuple[str | None, Fact]] = []
        self.projects: Rows[Project] = StoredRows(writing, PROJECTS)
        self.keys: Rows[ApiKey] = StoredRows(writing, KEYS)
        self.secrets: Rows[Secret] = StoredRows(writing, SECRETS)
        self.folders: Rows[Folder] = StoredRows(writing, FOLDERS)
        self.templates: Rows[Template] = StoredRows(writing, TEMPLATES)
        self.deployments: Rows[Deployment] = StoredDeployments(writing, DEPLOYMENTS)
        self.revisions: FixedRows[Revision] = StoredRevisions(writing, REVISIONS)
        self.rollouts: Rows[Rollout] = StoredRows(writing, ROLLOUTS)
        self.groups: Rows[ReplicaGroup] = StoredRows(writing, GROUPS)
        self.replicas: Rows[Replica] = StoredRows(writing, REPLICAS)
        self.rules: Rows[AutoscalingRule] = StoredRows(writing, RULES)
        self.files: Rows[File] = StoredRows(writing, FILES)
        self.batches: Rows[Batch] = StoredBatches(writing, BATCHES)
        self.batch_shards: Shards = StoredShards(transaction)
        self.batch_profiles: Rows[BatchProfile] = StoredRows(writing, PROFILES)
        self.external_endpoints: Rows[ExternalEndpoint] = StoredRows(writing, EXTERNAL_ENDPOINTS)
        self.dedicated: Rows[Dedicated] = StoredRows(writing, DEDICATED)
        self.webhooks: Rows[Webhook] = StoredRows(writing, WEBHOOKS)
        self.deliveries: Rows[Delivery] = StoredRows(writing, DELIVERIES)
        self.answers: Answers = StoredAnswers(transaction)

    async def live_rollout(self, deployment_id: str) -> Rollout | None:
        said = {"deployment_id": deployment_id}
        row = (await self.writing.transaction.run(LIVE_OF_ONE, said)).first()
        return None if row is None else ROLLOUTS.to_value(row)

    async def has_replicas(self, deployment_id: str) -> bool:
        said = {"deployment_id": deployment_id}
        return (await self.writing.transaction.run(ANY_PRESENT, said)).first() is not None

    async def last_promoted(self, deployment_id: str, but: str) -> str | None:
        said = {"deployment_id": deployment_id, "but": but}
        return (await self.writing.transaction.run(LAST_PROMOTED, said)).scalar()

    async def look(self, deployment_id: str, at: datetime | None) -> None:
        self.writing.require_whole()
        await looks.ask(self.writing.transaction, deployment_id, at)

    async def holds(self, lease: Lease) -> bool:
        return await leases.holds(self.writing.transaction, lease)

    async def look_at_batch(self, batch_id: str, at: datetime | None) -> None:
        self.writing.require_whole()
        await batch_looks.ask(self.writing.transaction, batch_id, at)

    async def holds_batch(self, claim: Claim) -> bool:
        return await batch_looks.holds(self.writing.transaction, claim)

    async def needs_file(self, file_id: str) -> bool:
        return (
            await self.writing.transaction.run(NEEDING, {"file_id": file_id})
        ).first() is not None

    async def active_batches(self, project_id: str, profile_id: str | None) -> int:
        said = {"project_id": project_id}
        if profile_id is None:
            found = await self.writing.transaction.run(COUNT_ACTIVE_OF_NONE, said)
        else:
            said["profile_id"] = profile_id
            found = await self.writing.transaction.run(COUNT_ACTIVE_OF, said)
        return int(found.scalar_one())

    async def default_profile(self, project_id: str) -> BatchProfile | None:
        found = await self.writing.transaction.run(DEFAULT_OF, {"of_project": project_id})
        row = found.first()
        return None if row is None else PROFILES.to_value(row)

    async def needs_endpoint(self, endpoint: ExternalEndpoint) -> bool:
        said = {"project_id": endpoint.project_id, "name": endpoint.name}
        found = await self.writing.transaction.run(
            NEEDING_ENDPOINT, {**said, "endpoint_id": endpoint.id}
        )
        return found.first() is not None

    async def latest_template_version(self, project_id: str, name: str) -> int:
        c = TEMPLATES.table.c
        latest = select(func.max(c.version)).where(c.project_id == project_id, c.name == name)
        return (await self.writing.transaction.run(latest)).scalar_one() or 0

    def record(self, project_id: str | None, fact: Fact) -> None:
        self.facts.append((project_id, fact))


@dataclass(slots=True)
class Writing:
    """A transaction that remembers the name that was taken: PostgreSQL would let it commit, and
    keep nothing."""

    transaction: Transaction
    refusal: NameTaken | None = field(default=None)

    async def write(self, noun: Noun[T], value: T, statement: Any, params: Params) -> int:
        """How many rows it changed."""
        self.require_whole()
        try:
            return (await self.transaction.run(statement, params)).rowcount
        except IntegrityError as error:
            if noun.unique is None or not violates(error, noun.unique):
                raise
            name = str(getattr(value, noun.called))
            self.refusal = NameTaken(kind=noun.kind, name=name)
            raise self.refusal from error

    def require_whole(self) -> None:
        if self.refusal is not None:
            raise self.refusal


class StoredFixedRows(Generic[T]):
    def __init__(self, writing: Writing, noun: Noun[T]) -> None:
        self._writing = writing
        self._noun = noun
        self._locked: dict[str, T] = {}

    async def get(self, id: str) -> T | None:
        return await self._one(self._noun.get, id)

    async def add(self, value: T) -> None:
        await self._writing.write(self._noun, value, self._noun.insert, self._noun.to_row(value))

    async def _one(self, statement: Select[Any], row_id: str) -> T | None:
        self._writing.require_whole()
        row = (await self._writing.transaction.run(statement, {"row_id": row_id})).first()
        return None if row is None else self._noun.to_value(row)


class StoredRevisions(StoredFixedRows[Revision]):
    async def add(self, value: Revision) -> None:
        await super().add(value)
        if used := uses(value):
            await self._writing.transaction.run(insert(SECRET_USE), used)


class StoredRows(StoredFixedRows[T]):
    async def lock(self, id: str) -> T | None:
        value = await self._one(self._noun.lock, id)
        if value is not None:
            self._locked[id] = value
        return value

    async def put(self, value: T) -> None:
        """Of a row that this unit of work has locked only what differs is written."""
        row = dict(self._noun.to_row(value))
        row_id = row.pop("id")
        held = self._locked.pop(row_id, None)
        if held is not None:
            row = {name: said for name, said in row.items() if getattr(held, name) != said}
        if not row:
            return
        said = {"row_id": row_id, **row}
        if await self._writing.write(self._noun, value, self._noun.update, said) == 0:
            raise NotFound(kind=self._noun.kind, id=row_id)

    async def remove(self, id: str) -> None:
        await self._writing.transaction.run(self._noun.delete, {"row_id": id})


class StoredDeployments(StoredRows[Deployment]):
    async def add(self, value: Deployment) -> None:
        await super().add(value)
        await looks.add(self._writing.transaction, value.id)


class StoredBatches(StoredRows[Batch]):
    async def add(self, value: Batch) -> None:
        await super().add(value)
        await batch_looks.add(self._writing.transaction, value.id, value.created_at)
