"""Deployments that were made for batches. Whoever changes one locks the deployment's own row first."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Table,
    UniqueConstraint,
    bindparam,
    func,
    or_,
    select,
)

from domain.batches.dedicated import Dedicated
from infra.db.batches.batch import BATCH, IS_ACTIVE
from infra.db.lists import StoredLists
from infra.db.noun import METADATA, Noun
from infra.db.types import Moment, PlainText

DEDICATED = Noun(
    "dedicated deployment",
    Dedicated,
    Table(
        "dedicated_deployments",
        METADATA,
        Column("id", PlainText, ForeignKey("deployments.id"), primary_key=True),
        Column("project_id", PlainText, ForeignKey("projects.id"), nullable=False),
        Column("digest", PlainText, nullable=False),
        Column("batch_id", PlainText),
        Column("keep_until", Moment),
        Column("created_at", Moment, nullable=False),
        UniqueConstraint("batch_id"),
        Index(None, "project_id", "digest", "created_at", "id"),
    ),
)

OURS = DEDICATED.table.c
IN_ORDER = DEDICATED.select().order_by(OURS.created_at, OURS.id)
WARM = IN_ORDER.where(
    OURS.project_id == bindparam("of_project"),
    OURS.digest == bindparam("wanted"),
    OURS.batch_id.is_(None),
    OURS.keep_until > bindparam("now"),
)
ABANDONED = IN_ORDER.where(
    or_(OURS.keep_until.is_(None), OURS.keep_until <= bindparam("now")),
    ~select(BATCH.id).where(BATCH.id == OURS.batch_id, IS_ACTIVE).exists(),
)

NEXT_END = select(func.min(OURS.keep_until)).where(
    OURS.batch_id.is_(None), OURS.keep_until > bindparam("now")
)


class StoredDedicatedLists(StoredLists[Dedicated]):
    async def warm(self, project_id: str, digest: str, now: datetime) -> Sequence[Dedicated]:
        return await self.values(WARM, {"of_project": project_id, "wanted": digest, "now": now})

    async def abandoned(self, now: datetime) -> Sequence[Dedicated]:
        return await self.values(ABANDONED, {"now": now})

    async def next_end(self, now: datetime) -> datetime | None:
        end: datetime | None = (await self.engines.rows(NEXT_END, {"now": now}))[0][0]
        return end
