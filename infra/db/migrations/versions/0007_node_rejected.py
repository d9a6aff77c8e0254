"""A reason more, for pods that their node did not take."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NEW, BEFORE = "node_rejected", "evicted"
HAVE_REASONS = ("deployments", "rollouts", "replicas", "replica_groups")


def upgrade() -> None:
    """Nothing of what is kept changes."""


def downgrade() -> None:
    """0006 tells such ends as it always did."""
    connection = op.get_bind()
    for name in HAVE_REASONS:
        table = sa.table(name, sa.column("reason"))
        connection.execute(table.update().where(table.c.reason == NEW).values(reason=BEFORE))
    events = sa.table("events", sa.column("position"), sa.column("fact", sa.JSON))
    told = sa.select(events.c.position, events.c.fact).where(events.c.fact["reason"].as_string() == NEW)
    for position, fact in connection.execute(told).all():
        changed = events.update().where(events.c.position == position)
        connection.execute(changed.values(fact={**fact, "reason": BEFORE}))
