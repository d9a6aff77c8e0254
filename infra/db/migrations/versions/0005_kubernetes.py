"""How the pods of a template's revisions are scheduled."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("templates", "revisions"):
        op.add_column(table, sa.Column("kubernetes", sa.JSON, nullable=False, server_default="{}"))


def downgrade() -> None:
    """What they said is lost; a revision keeps the digest that it had with it."""
    for table in ("revisions", "templates"):
        op.drop_column(table, "kubernetes")
