"""Files, batches and what belongs to them, and webhooks."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)
NEW_FACTS = (
    "FileCreated",
    "FileDeleted",
    "BatchJobCreated",
    "BatchJobStatusChanged",
    "BatchJobPlaced",
    "BatchJobProgressed",
    "BatchJobPaused",
    "BatchJobResumed",
    "BatchProfileCreated",
    "BatchProfileUpdated",
    "BatchProfileDeleted",
    "ExternalEndpointCreated",
    "ExternalEndpointUpdated",
    "ExternalEndpointDeleted",
    "WebhookCreated",
    "WebhookDeleted",
    "WebhookGivenUp",
)
ACTIVE = "status IN ('validating', 'in_progress', 'finalizing', 'cancelling')"


def text(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, TEXT, nullable=nullable)


def number(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, autoincrement=False, nullable=nullable)


def time(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, TIME, nullable=nullable)


def written(name: str, nullable: bool = False, **said: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON, nullable=nullable, **said)


def flag(name: str, **said: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean, nullable=False, **said)


def raw(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def refers(
    table: str, name: str, target: str, ondelete: str | None = None
) -> sa.ForeignKeyConstraint:
    key = f"fk_{table}_{name}_{target}"
    return sa.ForeignKeyConstraint([name], [f"{target}.id"], name=key, ondelete=ondelete)


def check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def only(time: str, *statuses: str) -> sa.CheckConstraint:
    some = ", ".join(f"'{status}'" for status in statuses)
    return check("batches", time, f"({time} IS NOT NULL) = (status IN ({some}))")


def unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=f"uq_{table}_{'_'.join(columns)}")


def index(table: str, *columns: str, name: str = "", where: str = "", unique: bool = False) -> None:
    called = name or f"ix_{table}_{'_'.join(columns)}"
    some = sa.text(where) if where else None
    op.create_index(
        called, table, list(columns), unique=unique, sqlite_where=some, postgresql_where=some
    )


def of_project(table: str, *parts: sa.schema.SchemaItem) -> None:
    op.create_table(
        table,
        text("id"),
        text("project_id"),
        *parts,
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        refers(table, "project_id", "projects"),
    )


def upgrade() -> None:
    op.add_column(
        "deployments",
        sa.Column("max_in_flight", sa.BigInteger, nullable=False, server_default="256"),
    )
    op.add_column("deployments", flag("is_dedicated", server_default=sa.false()))
    op.add_column("templates", written("batch", server_default="{}"))
    op.add_column("gateways", written("batch", server_default="{}"))
    add_files()
    add_batches()
    add_shards()
    add_segments()
    add_looks()
    add_workers()
    add_profiles()
    add_external_endpoints()
    add_dedicated()
    add_webhooks()
    add_deliveries()


def add_files() -> None:
    of_project(
        "files",
        text("name"),
        text("purpose"),
        text("status"),
        text("key"),
        number("size"),
        text("sha256"),
        text("batch_id", nullable=True),
        time("created_at"),
        text("created_by"),
        time("expires_at"),
        time("deleted_at", nullable=True),
        time("sweep_at", nullable=True),
        check("files", "purpose", "purpose IN ('batch', 'batch_output')"),
        check("files", "status", "status IN ('uploading', 'processed', 'deleted')"),
        check("files", "size", "size >= 0"),
        check("files", "processed_is_whole", "NOT (status = 'processed') OR sha256 <> ''"),
        check("files", "deleted_at", "(deleted_at IS NOT NULL) = (status = 'deleted')"),
        check("files", "uploading_is_swept", "status <> 'uploading' OR sweep_at IS NOT NULL"),
    )
    index("files", "project_id", "created_at", "id")
    index("files", "expires_at", "id", name="ix_files_expiring", where="status = 'processed'")
    index("files", "sweep_at", "id", name="ix_files_to_sweep", where="sweep_at IS NOT NULL")


def add_batches() -> None:
    of_project(
        "batches",
        text("status"),
        time("status_since"),
        text("reason", nullable=True),
        text("message"),
        text("endpoint"),
        text("model", nullable=True),
        text("input_file_id"),
        text("index_key", nullable=True),
        text("completion_window"),
        written("metadata"),
        sa.Column("output_expires_after", sa.Float(53), nullable=True),
        written("wish"),
        text("profile_id", nullable=True),
        written("terms"),
        written("place", nullable=True),
        number("total"),
        number("completed"),
        number("failed"),
        written("usage"),
        written("errors"),
        text("output_file_id", nullable=True),
        text("error_file_id", nullable=True),
        text("retry_of", nullable=True),
        text("ending", nullable=True),
        time("drain_until", nullable=True),
        time("paused_at", nullable=True),
        time("created_at"),
        text("created_by"),
        time("expires_at"),
        time("in_progress_at", nullable=True),
        time("finalizing_at", nullable=True),
        time("completed_at", nullable=True),
        time("failed_at", nullable=True),
        time("expired_at", nullable=True),
        time("cancelling_at", nullable=True),
        time("cancelled_at", nullable=True),
        *batch_rules(),
    )
    index("batches", "project_id", "created_at", "id")
    index("batches", "project_id", "profile_id", name="ix_batches_active", where=ACTIVE)
    index("batches", "input_file_id", name="ix_batches_needing", where=ACTIVE)
    index(
        "batches", "created_at", "id", name="ix_batches_running", where="status = 'in_progress'"
    )


def batch_rules() -> tuple[sa.CheckConstraint, ...]:
    statuses = (
        "status IN ('validating', 'in_progress', 'finalizing', 'cancelling', 'completed',"
        " 'failed', 'expired', 'cancelled')"
    )
    ran = (
        "CASE WHEN status IN ('in_progress', 'finalizing', 'completed')"
        " THEN in_progress_at IS NOT NULL"
        " WHEN status IN ('validating', 'failed') THEN in_progress_at IS NULL ELSE 1 = 1 END"
    )
    finalized = (
        "CASE WHEN status IN ('finalizing', 'completed') THEN finalizing_at IS NOT NULL"
        " WHEN status = 'expired' THEN 1 = 1 ELSE finalizing_at IS NULL END"
    )
    counts = "total >= 0 AND completed >= 0 AND failed >= 0 AND completed + failed <= total"
    files = (
        "(output_file_id IS NULL AND error_file_id IS NULL)"
        " OR status IN ('completed', 'expired', 'cancelled')"
    )
    return (
        check("batches", "status", statuses),
        check("batches", "ending", "ending IN ('completed', 'expired', 'cancelled')"),
        only("completed_at", "completed"),
        only("failed_at", "failed"),
        only("expired_at", "expired"),
        only("cancelling_at", "cancelling", "cancelled"),
        only("cancelled_at", "cancelled"),
        check("batches", "in_progress_at", ran),
        check("batches", "finalizing_at", finalized),
        check("batches", "counts", counts),
        check("batches", "final_counts", f"{ACTIVE} OR completed + failed = total"),
        check("batches", "nothing_ran", "status <> 'failed' OR total = 0"),
        check("batches", "final_files", files),
    )


def add_shards() -> None:
    table = "batch_shards"
    op.create_table(
        table,
        text("batch_id"),
        number("number"),
        number("first"),
        number("lines"),
        number("start"),
        number("end"),
        number("index_start"),
        number("index_end"),
        raw("done"),
        raw("failed"),
        written("usage"),
        number("token"),
        flag("is_open"),
        text("owner", nullable=True),
        time("until", nullable=True),
        sa.PrimaryKeyConstraint("batch_id", "number", name=f"pk_{table}"),
        refers(table, "batch_id", "batches", ondelete="CASCADE"),
        check(table, "lines", '"lines" > 0 AND "first" >= 0'),
        check(table, "ranges", '"start" < "end" AND index_start <= index_end'),
        check(table, "owner_has_until", "(owner IS NULL) = (until IS NULL)"),
    )
    index(table, "batch_id", "number", name=f"ix_{table}_open", where="is_open")
    index(table, "owner", name=f"ix_{table}_owned", where="owner IS NOT NULL")


def add_segments() -> None:
    table = "batch_segments"
    op.create_table(
        table,
        text("batch_id"),
        number("sequence"),
        number("shard"),
        text("key"),
        text("error_key", nullable=True),
        raw("entries"),
        sa.PrimaryKeyConstraint("batch_id", "sequence", name=f"pk_{table}"),
        refers(table, "batch_id", "batches", ondelete="CASCADE"),
        check(table, "sequence", "sequence > 0"),
    )
    index(table, "batch_id", "shard", "sequence")


def add_looks() -> None:
    """Nobody looked at a batch before there were any."""
    table = "batch_looks"
    op.create_table(
        table,
        text("batch_id"),
        time("due_at", nullable=True),
        number("asked"),
        text("owner", nullable=True),
        number("token"),
        time("until", nullable=True),
        sa.PrimaryKeyConstraint("batch_id", name=f"pk_{table}"),
        refers(table, "batch_id", "batches", ondelete="CASCADE"),
        check(table, "owner_has_until", "(owner IS NULL) = (until IS NULL)"),
    )
    index(table, "due_at")
    index(table, "owner", name=f"ix_{table}_owned", where="owner IS NOT NULL")


def add_workers() -> None:
    op.create_table(
        "batch_workers",
        text("id"),
        time("registered_at"),
        time("renewed_at"),
        time("until"),
        sa.PrimaryKeyConstraint("id", name="pk_batch_workers"),
    )


def add_profiles() -> None:
    table = "batch_profiles"
    of_project(
        table,
        text("name"),
        flag("is_default"),
        written("scheduling"),
        written("quotas"),
        time("created_at"),
        text("created_by"),
        time("updated_at"),
        unique(table, "project_id", "name"),
    )
    index(table, "project_id", "created_at", "id")
    index(table, "project_id", name=f"uq_{table}_default", where="is_default", unique=True)


def add_external_endpoints() -> None:
    table = "external_endpoints"
    of_project(
        table,
        text("name"),
        text("base_url"),
        written("models"),
        text("api_key_secret", nullable=True),
        time("created_at"),
        text("created_by"),
        time("updated_at"),
        unique(table, "project_id", "name"),
    )
    index(table, "project_id", "created_at", "id")


def add_dedicated() -> None:
    table = "dedicated_deployments"
    of_project(
        table,
        text("digest"),
        text("batch_id", nullable=True),
        time("keep_until", nullable=True),
        time("created_at"),
        refers(table, "id", "deployments"),
        unique(table, "batch_id"),
    )
    index(table, "project_id", "digest", "created_at", "id")


def add_webhooks() -> None:
    of_project(
        "webhooks",
        text("name"),
        text("url"),
        written("events"),
        raw("sealed_secret"),
        number("position"),
        time("created_at"),
        text("created_by"),
        unique("webhooks", "project_id", "name"),
    )
    index("webhooks", "project_id", "created_at", "id")


def add_deliveries() -> None:
    table = "webhook_deliveries"
    events = "event IN ('batch.completed', 'batch.failed', 'batch.expired', 'batch.cancelled')"
    pending = "status = 'pending'"
    of_project(
        table,
        text("webhook_id"),
        text("event"),
        text("batch_job_id"),
        text("status"),
        number("attempts"),
        time("due_at"),
        number("last_code", nullable=True),
        text("message"),
        time("created_at"),
        time("finished_at", nullable=True),
        refers(table, "webhook_id", "webhooks", ondelete="CASCADE"),
        unique(table, "webhook_id", "batch_job_id", "event"),
        check(table, "event", events),
        check(table, "status", "status IN ('pending', 'delivered', 'given_up')"),
        check(table, "pending_is_unfinished", f"(finished_at IS NULL) = ({pending})"),
        check(table, "attempts", "attempts >= 0"),
    )
    index(table, "webhook_id", "created_at", "id")
    index(table, "due_at", "id", name=f"ix_{table}_pending", where=pending)


def downgrade() -> None:
    """0003 does not know this version's events."""
    events = sa.table("events", sa.column("type"))
    op.get_bind().execute(events.delete().where(events.c.type.in_(NEW_FACTS)))
    for table in (
        "webhook_deliveries",
        "webhooks",
        "dedicated_deployments",
        "external_endpoints",
        "batch_profiles",
        "batch_workers",
        "batch_looks",
        "batch_segments",
        "batch_shards",
        "batches",
        "files",
    ):
        op.drop_table(table)
    op.drop_column("gateways", "batch")
    op.drop_column("templates", "batch")
    op.drop_column("deployments", "is_dedicated")
    op.drop_column("deployments", "max_in_flight")
