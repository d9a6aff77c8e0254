"""Autoscaling rules."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLE = "autoscaling_rules"
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)
NEW_FACTS = ("AutoscalingRuleCreated", "AutoscalingRuleUpdated", "AutoscalingRuleDeleted")


def refers(name: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([name], [f"{target}.id"], name=f"fk_{TABLE}_{name}_{target}")


def check(name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{TABLE}_{name}"))


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("deployment_id", TEXT, nullable=False),
        sa.Column("metric", TEXT, nullable=False),
        sa.Column("target", sa.Float(53), nullable=False),
        sa.Column("min_replicas", sa.BigInteger, nullable=False),
        sa.Column("max_replicas", sa.BigInteger, nullable=False),
        sa.Column("cooldown_up", sa.Float(53), nullable=False),
        sa.Column("cooldown_down", sa.Float(53), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("last_scaled_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=f"pk_{TABLE}"),
        refers("project_id", "projects"),
        refers("deployment_id", "deployments"),
        sa.UniqueConstraint("deployment_id", "metric", name=f"uq_{TABLE}_deployment_id_metric"),
        check("metric", "metric IN ('in_flight', 'request_rate')"),
        check("target", "target > 0"),
        check("bounds", "min_replicas >= 0 AND max_replicas >= 1 AND min_replicas <= max_replicas"),
        check("cooldowns", "cooldown_up >= 0 AND cooldown_down >= 0"),
    )


def downgrade() -> None:
    """Deployments keep the replicas that they have; 0002 does not know this version's events."""
    events = sa.table("events", sa.column("type"))
    op.get_bind().execute(events.delete().where(events.c.type.in_(NEW_FACTS)))
    op.drop_table(TABLE)
