"""Projects, keys, secrets, folders, templates, deployments, revisions, answers and events."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)


def text(name: str, *more: sa.schema.SchemaItem, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, TEXT, *more, nullable=nullable)


def number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def time(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, TIME, nullable=nullable)


def json(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON, nullable=nullable)


def refers(name: str, table: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([name], [f"{target}.id"], name=f"fk_{table}_{name}_{target}")


def of_project(table: str, *parts: sa.schema.SchemaItem) -> None:
    op.create_table(
        table,
        text("id"),
        text("project_id"),
        *parts,
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        refers("project_id", table, "projects"),
    )
    op.create_index(f"ix_{table}_project_id_created_at_id", table, ["project_id", "created_at", "id"])


def unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=f"uq_{table}_{'_'.join(columns)}")


def check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def upgrade() -> None:
    create_access()
    create_drafts()
    create_deployments()
    create_revisions()
    create_events()


def create_access() -> None:
    projects = op.create_table(
        "projects",
        text("id"),
        text("name"),
        time("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
        unique("projects", "name"),
    )
    op.bulk_insert(
        projects, [{"id": uuid4().hex, "name": "default", "created_at": datetime.now(UTC)}]
    )
    op.create_table(
        "api_keys",
        text("id"),
        text("name"),
        text("prefix"),
        text("digest"),
        sa.Column("server_admin", sa.Boolean, nullable=False),
        json("roles"),
        time("created_at"),
        time("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        unique("api_keys", "digest"),
    )
    op.create_table(
        "answers",
        text("project_id"),
        text("operation"),
        text("key"),
        text("fingerprint"),
        text("result"),
        time("expires_at"),
        sa.PrimaryKeyConstraint("project_id", "operation", "key", name="pk_answers"),
    )
    op.create_index("ix_answers_expires_at", "answers", ["expires_at"])


def create_drafts() -> None:
    of_project(
        "secrets",
        text("name"),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        time("created_at"),
        text("created_by"),
        unique("secrets", "project_id", "name"),
    )
    of_project(
        "folders",
        text("name"),
        text("uri"),
        time("created_at"),
        text("created_by"),
        time("updated_at"),
        unique("folders", "project_id", "name"),
    )
    of_project(
        "templates",
        text("name"),
        number("version"),
        text("status"),
        text("variant"),
        json("spec"),
        json("allowed_overrides"),
        text("description"),
        time("created_at"),
        text("created_by"),
        time("updated_at"),
        unique("templates", "project_id", "name", "version"),
        check("templates", "version", "version >= 1"),
        check("templates", "status", "status IN ('draft', 'active', 'deprecated')"),
    )


def create_deployments() -> None:
    of_project(
        "deployments",
        text("name"),
        json("tags"),
        number("desired_replicas"),
        json("strategy"),
        text("status"),
        time("status_since"),
        text("active_revision_id", nullable=True),
        number("last_revision"),
        number("generation"),
        time("created_at"),
        text("created_by"),
        time("updated_at"),
        time("deleted_at", nullable=True),
        check("deployments", "desired_replicas", "desired_replicas >= 0"),
        check("deployments", "last_revision", "last_revision >= 0"),
        check(
            "deployments",
            "status",
            "status IN ('pending', 'deploying', 'ready', 'degraded', 'rolling_back', 'stopping',"
            " 'stopped')",
        ),
        check(
            "deployments", "nothing_active", "status <> 'pending' OR active_revision_id IS NULL"
        ),
        check(
            "deployments", "stopped_is_deleted", "status <> 'stopped' OR deleted_at IS NOT NULL"
        ),
        check(
            "deployments",
            "deleted_is_stopping",
            "deleted_at IS NULL OR status IN ('stopping', 'stopped')",
        ),
    )
    op.create_index(
        "uq_deployments_live_name",
        "deployments",
        ["project_id", "name"],
        unique=True,
        sqlite_where=sa.text("status <> 'stopped'"),
        postgresql_where=sa.text("status <> 'stopped'"),
    )


def create_revisions() -> None:
    of_project(
        "revisions",
        text("deployment_id"),
        number("number"),
        text("digest"),
        text("variant"),
        text("image", nullable=True),
        text("mount_path"),
        json("folder", nullable=True),
        json("template", nullable=True),
        json("definition"),
        json("environment"),
        json("resources"),
        json("provenance"),
        json("layers"),
        text("note"),
        time("created_at"),
        text("created_by"),
        refers("deployment_id", "revisions", "deployments"),
        unique("revisions", "deployment_id", "number"),
        check("revisions", "number", "number >= 1"),
    )
    op.create_index(
        "ix_revisions_deployment_id_created_at_id",
        "revisions",
        ["deployment_id", "created_at", "id"],
    )
    op.create_table(
        "secret_use",
        text("revision_id"),
        text("secret_name"),
        text("project_id"),
        text("deployment_id"),
        sa.PrimaryKeyConstraint("revision_id", "secret_name", name="pk_secret_use"),
        refers("revision_id", "secret_use", "revisions"),
        refers("project_id", "secret_use", "projects"),
        refers("deployment_id", "secret_use", "deployments"),
    )
    op.create_index("ix_secret_use_project_id_secret_name", "secret_use", ["project_id", "secret_name"])


def create_events() -> None:
    op.create_table(
        "events",
        sa.Column("position", sa.BigInteger, autoincrement=False, nullable=False),
        time("at"),
        text("project_id", nullable=True),
        text("subject_kind"),
        text("subject_id"),
        text("type"),
        text("actor"),
        text("cause"),
        json("fact"),
        sa.PrimaryKeyConstraint("position", name="pk_events"),
    )
    op.create_index("ix_events_project_id_position", "events", ["project_id", "position"])
    op.create_index("ix_events_subject_id_position", "events", ["subject_id", "position"])
    head = op.create_table(
        "event_head",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        text("epoch"),
        number("position"),
        number("swept"),
        text("mark", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_event_head"),
        check("event_head", "one_row", "id = 1"),
        check("event_head", "swept", "swept >= 0 AND swept <= position"),
    )
    op.bulk_insert(
        head, [{"id": 1, "epoch": uuid4().hex, "position": 0, "swept": 0, "mark": None}]
    )


def downgrade() -> None:
    for table in (
        "event_head",
        "events",
        "secret_use",
        "revisions",
        "deployments",
        "templates",
        "folders",
        "secrets",
        "answers",
        "api_keys",
        "projects",
    ):
        op.drop_table(table)
