"""Who takes an upload in."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
UPLOADING = sa.text("status = 'uploading'")
INDEX = "ix_files_uploading"


def upgrade() -> None:
    op.add_column("files", sa.Column("writer", TEXT, nullable=True))
    op.create_index(
        INDEX, "files", ["writer"], sqlite_where=UPLOADING, postgresql_where=UPLOADING
    )


def downgrade() -> None:
    """Uploads under way are swept once they are old."""
    op.drop_index(INDEX, table_name="files")
    op.drop_column("files", "writer")
