"""Autoscaling rules."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Table,
    UniqueConstraint,
    bindparam,
)

from domain.autoscaling.rule import AutoscalingRule, Metric
from infra.db.deployments import DEPLOYMENTS
from infra.db.lists import StoredLists
from infra.db.noun import METADATA, Noun
from infra.db.types import Enumerated, Moment, PlainText

RULES = Noun(
    "autoscaling rule",
    AutoscalingRule,
    Table(
        "autoscaling_rules",
        METADATA,
        Column("id", PlainText, primary_key=True),
        Column("project_id", PlainText, ForeignKey("projects.id"), nullable=False),
        Column("deployment_id", PlainText, ForeignKey("deployments.id"), nullable=False),
        Column("metric", Enumerated(Metric), nullable=False),
        Column("target", Float(53), nullable=False),
        Column("min_replicas", BigInteger, nullable=False),
        Column("max_replicas", BigInteger, nullable=False),
        Column("cooldown_up", Float(53), nullable=False),
        Column("cooldown_down", Float(53), nullable=False),
        Column("created_at", Moment, nullable=False),
        Column("created_by", PlainText, nullable=False),
        Column("updated_at", Moment, nullable=False),
        Column("last_scaled_at", Moment),
        metric := UniqueConstraint("deployment_id", "metric"),
        CheckConstraint("metric IN ('in_flight', 'request_rate')", "metric"),
        CheckConstraint("target > 0", "target"),
        CheckConstraint(
            "min_replicas >= 0 AND max_replicas >= 1 AND min_replicas <= max_replicas", "bounds"
        ),
        CheckConstraint("cooldown_up >= 0 AND cooldown_down >= 0", "cooldowns"),
    ),
    metric,
    called="metric",
)

RULE = RULES.table.c
IN_ORDER = RULES.select().order_by(RULE.created_at, RULE.id)
RULES_OF = IN_ORDER.where(RULE.deployment_id.in_(bindparam("row_ids", expanding=True)))
DEPLOYMENT = DEPLOYMENTS.table.c
LIVE_RULES = IN_ORDER.join(DEPLOYMENTS.table, DEPLOYMENT.id == RULE.deployment_id).where(
    DEPLOYMENT.deleted_at.is_(None)
)


class StoredRuleLists(StoredLists[AutoscalingRule]):
    async def of(self, deployment_ids: Collection[str]) -> Mapping[str, Sequence[AutoscalingRule]]:
        found = _by_deployment(await self.values_of(RULES_OF, deployment_ids))
        return {i: found.get(i, ()) for i in deployment_ids}

    async def live(self) -> Mapping[str, Sequence[AutoscalingRule]]:
        return _by_deployment(await self.values(LIVE_RULES))


def _by_deployment(
    rules: Iterable[AutoscalingRule],
) -> Mapping[str, Sequence[AutoscalingRule]]:
    found: dict[str, list[AutoscalingRule]] = {}
    for rule in rules:
        found.setdefault(rule.deployment_id, []).append(rule)
    return found
