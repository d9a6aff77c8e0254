"""Replicas that are pods: how they are scheduled, and what they wait for."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NEW_FACTS = ("ReplicaProgressed",)
NEW_REASONS = (
    "scheduling",
    "unschedulable",
    "pulling_image",
    "image_unavailable",
    "preparing",
    "loading",
    "crash_loop",
    "evicted",
    "config_invalid",
    "manifest_refused",
)
HAVE_REASONS = ("deployments", "rollouts", "replicas", "replica_groups")


def upgrade() -> None:
    for table in ("templates", "revisions"):
        op.add_column(table, sa.Column("kubernetes", sa.JSON, nullable=False, server_default="{}"))


def downgrade() -> None:
    """What templates and revisions said is lost; a revision keeps the digest that it had with it. 0005
    knows neither the event nor the reasons: of rows the words stay, and events that give one go, as it
    could list none beside them."""
    events = sa.table("events", sa.column("type"), sa.column("fact", sa.JSON))
    unknown = events.c.fact["reason"].as_string().in_(NEW_REASONS)
    op.get_bind().execute(events.delete().where(events.c.type.in_(NEW_FACTS) | unknown))
    for name in HAVE_REASONS:
        table = sa.table(name, sa.column("reason"))
        new = table.c.reason.in_(NEW_REASONS)
        op.get_bind().execute(table.update().where(new).values(reason=None))
    for name in ("revisions", "templates"):
        op.drop_column(name, "kubernetes")
