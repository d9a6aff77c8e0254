"""Replicas and the groups that they form."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Table,
    UniqueConstraint,
    bindparam,
    delete,
    func,
    select,
    text,
)

from domain.deployments.reason import Reason
from domain.deployments.replica import Endpoint, Replica, ReplicaGroup, ReplicaStatus
from domain.listing import Listing, Page, field_of
from domain.work import ReplicaOwner
from infra.db.engine import Engines
from infra.db.installation import take_turn
from infra.db.lists import StoredLists
from infra.db.noun import METADATA, Noun
from infra.db.pages import counts, pages
from infra.db.types import Document, Enumerated, Moment, PlainText

T = TypeVar("T")

KEPT_EXITED = 50  # of each deployment, the newest ones
PRUNED_AT_ONCE = 1_000

GROUPS = Noun(
    "replica group",
    ReplicaGroup,
    Table(
        "replica_groups",
        METADATA,
        Column("id", PlainText, primary_key=True),
        Column("project_id", PlainText, ForeignKey("projects.id"), nullable=False),
        Column("deployment_id", PlainText, ForeignKey("deployments.id"), nullable=False),
        Column("revision_id", PlainText, ForeignKey("revisions.id"), nullable=False),
        Column("revision_number", BigInteger, nullable=False),
        Column("weight", BigInteger),
        Column("desired_replicas", BigInteger, nullable=False),
        Column("exits", BigInteger, nullable=False),
        Column("early_exits", BigInteger, nullable=False),
        Column("retry_at", Moment),
        Column("reason", Enumerated(Reason)),
        Column("message", PlainText, nullable=False),
        Column("log_tail", Document(tuple[str, ...]), nullable=False),
        Column("created_at", Moment, nullable=False),
        revision := UniqueConstraint("deployment_id", "revision_id"),
        CheckConstraint("weight >= 0 AND weight <= 100", "weight"),
        CheckConstraint("desired_replicas >= 0", "desired_replicas"),
        CheckConstraint("exits >= 0 AND early_exits >= 0", "exits"),
    ),
    revision,
    called="revision_number",
)

PRESENT = "status <> 'exited'"
EXITED = "status = 'exited'"

REPLICAS = Noun(
    "replica",
    Replica,
    Table(
        "replicas",
        METADATA,
        Column("id", PlainText, primary_key=True),
        Column("project_id", PlainText, ForeignKey("projects.id"), nullable=False),
        Column("deployment_id", PlainText, ForeignKey("deployments.id"), nullable=False),
        Column("group_id", PlainText, ForeignKey("replica_groups.id"), nullable=False),
        Column("revision_id", PlainText, ForeignKey("revisions.id"), nullable=False),
        Column("revision_number", BigInteger, nullable=False),
        Column("status", Enumerated(ReplicaStatus), nullable=False),
        Column("status_since", Moment, nullable=False),
        Column("reason", Enumerated(Reason)),
        Column("message", PlainText, nullable=False),
        Column("endpoints", Document(tuple[Endpoint, ...]), nullable=False),
        Column("placement", Document(Mapping[str, Any])),
        Column("created_at", Moment, nullable=False),
        Column("first_healthy_at", Moment),
        Column("exited_at", Moment),
        Column("exit_code", BigInteger),
        Column("log_tail", Document(tuple[str, ...]), nullable=False),
        Index(None, "deployment_id", "created_at", "id"),
        Index(None, "revision_id", "created_at", "id"),
        Index(
            "ix_replicas_present",
            "deployment_id",
            "created_at",
            "id",
            sqlite_where=text(PRESENT),
            postgresql_where=text(PRESENT),
        ),
        Index(
            "ix_replicas_exited",
            "deployment_id",
            "exited_at",
            "id",
            sqlite_where=text(EXITED),
            postgresql_where=text(EXITED),
        ),
        CheckConstraint(
            "status IN ('starting', 'healthy', 'unhealthy', 'draining', 'stopping', 'exited')",
            "status",
        ),
        CheckConstraint(f"(exited_at IS NULL) = ({PRESENT})", "present_has_not_exited"),
    ),
    listed=text(f"replicas.{PRESENT}"),
)

GROUP, REPLICA = GROUPS.table.c, REPLICAS.table.c
GROUPS_OF = (
    GROUPS.select()
    .where(GROUP.deployment_id.in_(bindparam("row_ids", expanding=True)))
    .order_by(GROUP.created_at, GROUP.id)
)
PRESENT_OF = (
    REPLICAS.select()
    .where(REPLICA.deployment_id.in_(bindparam("row_ids", expanding=True)))
    .where(text(f"replicas.{PRESENT}"))
    .order_by(REPLICA.created_at, REPLICA.id)
)

ANY_PRESENT = (
    select(REPLICA.id)
    .where(REPLICA.deployment_id == bindparam("deployment_id"), text(f"replicas.{PRESENT}"))
    .limit(1)
)


class StoredGroupLists(StoredLists[ReplicaGroup]):
    async def of(self, deployment_ids: Collection[str]) -> Mapping[str, Sequence[ReplicaGroup]]:
        return _by_deployment(deployment_ids, await self.values_of(GROUPS_OF, deployment_ids))


class StoredReplicaLists(StoredLists[Replica]):
    async def present(self, deployment_ids: Collection[str]) -> Mapping[str, Sequence[Replica]]:
        return _by_deployment(deployment_ids, await self.values_of(PRESENT_OF, deployment_ids))

    async def pages(
        self, owner_ids: Collection[str], listing: Listing, of: ReplicaOwner = "deployment_id"
    ) -> Mapping[str, Page[Replica]]:
        return await pages(self.engines, REPLICAS, REPLICAS, owner_ids, listing, of)

    async def counts(
        self, owner_ids: Collection[str], listing: Listing, of: ReplicaOwner = "deployment_id"
    ) -> Mapping[str, int]:
        return await counts(self.engines, REPLICAS, owner_ids, listing, of)


async def prune(engines: Engines) -> int:
    """Forget exited replicas but the newest KEPT_EXITED of each deployment; how many went."""
    gone = 0
    for (deployment_id,) in await engines.rows(OVERFULL):
        async with engines.transaction() as transaction:
            await take_turn(transaction)  # ports go with their replicas
            said = {"deployment_id": deployment_id}
            gone += (await transaction.run(FORGET, said)).rowcount
    return gone


OVERFULL = (
    select(REPLICA.deployment_id)
    .where(text(f"replicas.{EXITED}"))
    .group_by(REPLICA.deployment_id)
    .having(func.count() > KEPT_EXITED)
    .limit(PRUNED_AT_ONCE)
)
OLDER = (
    select(REPLICA.id)
    .where(REPLICA.deployment_id == bindparam("deployment_id"), text(f"replicas.{EXITED}"))
    .order_by(REPLICA.exited_at.desc(), REPLICA.id.desc())
    .offset(KEPT_EXITED)
)
FORGET = delete(REPLICAS.table).where(REPLICA.id.in_(OLDER))


def _by_deployment(ids: Collection[str], values: Iterable[T]) -> Mapping[str, Sequence[T]]:
    found: dict[str, list[T]] = {id_: [] for id_ in ids}
    for value in values:
        found[field_of(value, "deployment_id")].append(value)
    return found
