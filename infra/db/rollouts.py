"""Rollouts, and which of them a deployment lives in."""

from collections.abc import Collection, Mapping

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Table,
    bindparam,
    select,
    text,
)

from domain.deployments.reason import Reason
from domain.deployments.rollout import Rollout, RolloutKind, RolloutStatus
from domain.deployments.strategy import Strategy
from infra.db.noun import METADATA, Noun
from infra.db.pages import StoredPages
from infra.db.types import Document, Enumerated, Moment, PlainText

LIVE = "status IN ('running', 'paused')"

ROLLOUTS = Noun(
    "rollout",
    Rollout,
    Table(
        "rollouts",
        METADATA,
        Column("id", PlainText, primary_key=True),
        Column("project_id", PlainText, ForeignKey("projects.id"), nullable=False),
        Column("deployment_id", PlainText, ForeignKey("deployments.id"), nullable=False),
        Column("kind", Enumerated(RolloutKind), nullable=False),
        Column("revision_id", PlainText, ForeignKey("revisions.id"), nullable=False),
        Column("revision_number", BigInteger, nullable=False),
        Column("from_revision_id", PlainText),
        Column("strategy", Document(Strategy), nullable=False),
        Column("status", Enumerated(RolloutStatus), nullable=False),
        Column("status_since", Moment, nullable=False),
        Column("reason", Enumerated(Reason)),
        Column("message", PlainText, nullable=False),
        Column("step", BigInteger, nullable=False),
        Column("ready_at", Moment),
        Column("promoted", Boolean, nullable=False),
        Column("progress_deadline", Float(53), nullable=False),
        Column("progressed_at", Moment, nullable=False),
        Column("note", PlainText, nullable=False),
        Column("created_at", Moment, nullable=False),
        Column("created_by", PlainText, nullable=False),
        Column("finished_at", Moment),
        Index(None, "deployment_id", "created_at", "id"),
        CheckConstraint("kind IN ('activation', 'rollback')", "kind"),
        CheckConstraint(
            "status IN ('running', 'paused', 'succeeded', 'failed', 'aborted', 'replaced')",
            "status",
        ),
        CheckConstraint(f"(finished_at IS NULL) = ({LIVE})", "live_is_unfinished"),
        CheckConstraint("step >= 0", "step"),
        live := Index(
            "uq_rollouts_live",
            "deployment_id",
            unique=True,
            sqlite_where=text(LIVE),
            postgresql_where=text(LIVE),
        ),
    ),
    live,
    called="deployment_id",
)

ROLLOUT = ROLLOUTS.table.c
LIVE_OF = ROLLOUTS.select().where(text(f"rollouts.{LIVE}"))
LIVE_OF_ONE = LIVE_OF.where(ROLLOUT.deployment_id == bindparam("deployment_id"))
LIVE_OF_EACH = LIVE_OF.where(ROLLOUT.deployment_id.in_(bindparam("row_ids", expanding=True)))
LAST_PROMOTED = (
    select(ROLLOUT.revision_id)
    .where(
        ROLLOUT.deployment_id == bindparam("deployment_id"),
        ROLLOUT.status == RolloutStatus.SUCCEEDED,
        ROLLOUT.revision_id != bindparam("but"),
    )
    .order_by(ROLLOUT.finished_at.desc(), ROLLOUT.created_at.desc())
    .limit(1)
)


class StoredRolloutLists(StoredPages[Rollout]):
    async def live(self, deployment_ids: Collection[str]) -> Mapping[str, Rollout]:
        found = await self.values_of(LIVE_OF_EACH, deployment_ids)
        return {rollout.deployment_id: rollout for rollout in found}
