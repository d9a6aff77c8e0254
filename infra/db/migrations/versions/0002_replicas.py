"""Rollouts, replicas and their groups, control planes and gateways.

0001 ran nothing: a deployment that it left with an active revision begins a rollout to that one, and
nothing is active before that succeeds. All but DEPLOYING are from a database that was here before and
went back: what it ran then is not known any more.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4
from zlib import crc32

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)
SHARDS = 64
SHORTEST_DEADLINE = 600.0  # seconds
NEW_FACTS = (
    "DeploymentScaled",
    "RolloutStarted",
    "RolloutAdvanced",
    "RolloutPaused",
    "RolloutResumed",
    "RolloutPromoted",
    "RolloutSucceeded",
    "RolloutFailed",
    "RolloutAborted",
    "RolloutReplaced",
    "RolledBack",
    "ReplicaStarted",
    "ReplicaBecameHealthy",
    "ReplicaBecameUnhealthy",
    "ReplicaDraining",
    "ReplicaStopping",
    "ReplicaExited",
)


STATUS_FIELDS = {"before": "status_before", "after": "status_after"}  # as 0001 calls them, and this
READ_AT_ONCE = 1_000


def text(name: str, nullable: bool = False, **said: Any) -> sa.Column[Any]:
    return sa.Column(name, TEXT, nullable=nullable, **said)


def number(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def small(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, autoincrement=False, nullable=False)


def time(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, TIME, nullable=nullable)


def written(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON, nullable=nullable)


DEPLOYMENTS = sa.table(
    "deployments",
    text("id"),
    text("status"),
    written("strategy"),
    text("active_revision_id"),
    text("created_by"),
    time("deleted_at"),
)
IS_ACTIVE = (DEPLOYMENTS.c.active_revision_id.is_not(None), DEPLOYMENTS.c.deleted_at.is_(None))
REVISIONS = sa.table(
    "revisions",
    text("id"),
    text("project_id"),
    text("deployment_id"),
    number("number"),
    written("definition"),
)
ROLLOUTS = sa.table("rollouts", text("deployment_id"), text("revision_id"), text("status"))
HEAD = sa.table("event_head", number("position"))
EVENTS = sa.table(
    "events",
    number("position"),
    time("at"),
    text("project_id"),
    text("subject_kind"),
    text("subject_id"),
    text("type"),
    text("actor"),
    text("cause"),
    written("fact"),
)


def refers(
    name: str, table: str, target: str, ondelete: str | None = None
) -> sa.ForeignKeyConstraint:
    key = f"fk_{table}_{name}_{target}"
    return sa.ForeignKeyConstraint([name], [f"{target}.id"], name=key, ondelete=ondelete)


def check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def index(name: str, table: str, *columns: str, where: str = "", unique: bool = False) -> None:
    some = sa.text(where) if where else None
    op.create_index(
        name, table, list(columns), unique=unique, sqlite_where=some, postgresql_where=some
    )


def of_revision(table: str, *parts: sa.schema.SchemaItem) -> sa.Table:
    return op.create_table(
        table,
        text("id"),
        text("project_id"),
        text("deployment_id"),
        text("revision_id"),
        number("revision_number"),
        *parts,
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        refers("project_id", table, "projects"),
        refers("deployment_id", table, "deployments"),
        refers("revision_id", table, "revisions"),
    )


def upgrade() -> None:
    op.add_column("deployments", text("reason", nullable=True))
    op.add_column("deployments", text("message", server_default=""))
    op.add_column("deployments", time("next_retry_at", nullable=True))
    rollouts = create_rollouts()
    create_groups()
    create_replicas()
    looks = create_looks()
    create_planes()
    create_places()
    look_at_all(looks)
    respell_statuses(STATUS_FIELDS)
    begun = first_rollouts()
    if begun:
        op.bulk_insert(rollouts, begun)
        tell(begun)
    waiting = DEPLOYMENTS.update().where(*IS_ACTIVE)
    op.get_bind().execute(waiting.values(active_revision_id=None, status="deploying"))


def create_rollouts() -> sa.Table:
    live = "status IN ('running', 'paused')"
    rollouts = of_revision(
        "rollouts",
        text("kind"),
        text("from_revision_id", nullable=True),
        written("strategy"),
        text("status"),
        time("status_since"),
        text("reason", nullable=True),
        text("message"),
        number("step"),
        time("ready_at", nullable=True),
        sa.Column("promoted", sa.Boolean, nullable=False),
        sa.Column("progress_deadline", sa.Float(53), nullable=False),
        time("progressed_at"),
        text("note"),
        time("created_at"),
        text("created_by"),
        time("finished_at", nullable=True),
        check("rollouts", "kind", "kind IN ('activation', 'rollback')"),
        check(
            "rollouts",
            "status",
            "status IN ('running', 'paused', 'succeeded', 'failed', 'aborted', 'replaced')",
        ),
        check("rollouts", "live_is_unfinished", f"(finished_at IS NULL) = ({live})"),
        check("rollouts", "step", "step >= 0"),
    )
    index("ix_rollouts_deployment_id_created_at_id", "rollouts", "deployment_id", "created_at", "id")
    index("uq_rollouts_live", "rollouts", "deployment_id", where=live, unique=True)
    return rollouts


def create_groups() -> None:
    of_revision(
        "replica_groups",
        number("weight", nullable=True),
        number("desired_replicas"),
        number("exits"),
        number("early_exits"),
        time("retry_at", nullable=True),
        text("reason", nullable=True),
        text("message"),
        written("log_tail"),
        time("created_at"),
        sa.UniqueConstraint(
            "deployment_id", "revision_id", name="uq_replica_groups_deployment_id_revision_id"
        ),
        check("replica_groups", "weight", "weight >= 0 AND weight <= 100"),
        check("replica_groups", "desired_replicas", "desired_replicas >= 0"),
        check("replica_groups", "exits", "exits >= 0 AND early_exits >= 0"),
    )


def create_replicas() -> None:
    of_revision(
        "replicas",
        text("group_id"),
        text("status"),
        time("status_since"),
        text("reason", nullable=True),
        text("message"),
        written("endpoints"),
        written("placement", nullable=True),
        time("created_at"),
        time("first_healthy_at", nullable=True),
        time("exited_at", nullable=True),
        number("exit_code", nullable=True),
        written("log_tail"),
        refers("group_id", "replicas", "replica_groups"),
        check(
            "replicas",
            "status",
            "status IN ('starting', 'healthy', 'unhealthy', 'draining', 'stopping', 'exited')",
        ),
        check("replicas", "present_has_not_exited", "(exited_at IS NULL) = (status <> 'exited')"),
    )
    page = ("replicas", "deployment_id", "created_at", "id")
    index("ix_replicas_deployment_id_created_at_id", *page)
    index("ix_replicas_present", *page, where="status <> 'exited'")
    running = ("replicas", "revision_id", "created_at", "id")
    index("ix_replicas_revision_id_created_at_id", *running)
    ended = ("replicas", "deployment_id", "exited_at", "id")
    index("ix_replicas_exited", *ended, where="status = 'exited'")


def create_looks() -> sa.Table:
    looks = op.create_table(
        "looks",
        text("deployment_id"),
        sa.Column("shard", sa.Integer, nullable=False),
        time("due_at", nullable=True),
        number("asked"),
        sa.PrimaryKeyConstraint("deployment_id", name="pk_looks"),
        refers("deployment_id", "looks", "deployments", "CASCADE"),
    )
    index("ix_looks_due_at_shard", "looks", "due_at", "shard")
    return looks


def create_planes() -> None:
    op.create_table(
        "planes",
        text("id"),
        text("host", nullable=True),
        time("until"),
        sa.PrimaryKeyConstraint("id", name="pk_planes"),
    )
    shards = op.create_table(
        "shards",
        small("id"),
        text("owner", nullable=True),
        number("token"),
        sa.PrimaryKeyConstraint("id", name="pk_shards"),
    )
    op.bulk_insert(shards, [{"id": id_, "owner": None, "token": 0} for id_ in range(SHARDS)])
    op.create_table(
        "gateways",
        text("gateway"),
        number("position"),
        written("in_flight"),
        written("held"),
        written("arrived"),
        time("seen_at"),
        sa.PrimaryKeyConstraint("gateway", name="pk_gateways"),
    )


def create_places() -> None:
    op.create_table(
        "place_ports",
        text("host"),
        small("port"),
        text("replica_id"),
        text("model"),
        sa.PrimaryKeyConstraint("host", "port", name="pk_place_ports"),
        refers("replica_id", "place_ports", "replicas", "CASCADE"),
    )
    index("ix_place_ports_replica_id", "place_ports", "replica_id")
    installation = op.create_table(
        "installation",
        small("id"),
        text("name"),
        sa.PrimaryKeyConstraint("id", name="pk_installation"),
        check("installation", "one_row", "id = 1"),
    )
    op.bulk_insert(installation, [{"id": 1, "name": uuid4().hex}])


def first_rollouts() -> list[dict[str, Any]]:
    """The rows of those that begin here."""
    left = (
        sa.select(REVISIONS, DEPLOYMENTS.c.strategy, DEPLOYMENTS.c.created_by)
        .join(DEPLOYMENTS, DEPLOYMENTS.c.active_revision_id == REVISIONS.c.id)
        .where(*IS_ACTIVE)
        .order_by(REVISIONS.c.deployment_id)
    )
    now = datetime.now(UTC)
    return [
        {
            "id": uuid4().hex,
            "project_id": row.project_id,
            "deployment_id": row.deployment_id,
            "kind": "activation",
            "revision_id": row.id,
            "revision_number": row.number,
            "from_revision_id": None,
            "strategy": row.strategy,
            "status": "running",
            "status_since": now,
            "reason": None,
            "message": "",
            "step": 0,
            "ready_at": None,
            "promoted": False,
            "progress_deadline": progress_deadline(row.definition),
            "progressed_at": now,
            "note": "Activated before this Modelyard ran replicas.",
            "created_at": now,
            "created_by": row.created_by,
            "finished_at": None,
        }
        for row in op.get_bind().execute(left)
    ]


def progress_deadline(definition: Mapping[str, Any]) -> float:
    deadline = SHORTEST_DEADLINE
    for model in definition["models"]:
        check = (model.get("service") or {}).get("health_check")
        if check:
            tries = check["max_retries"] * (check["interval"] + check["max_wait_time"])
            deadline = max(deadline, float(check["initial_delay"] + tries))
    return deadline


def tell(begun: Sequence[Mapping[str, Any]]) -> None:
    """The events of the rollouts that begin here."""
    bind = op.get_bind()
    count = HEAD.c.position + len(begun)
    head = bind.execute(HEAD.update().values(position=count).returning(HEAD.c.position)).scalar_one()
    rows = [
        {
            "position": position,
            "at": row["created_at"],
            "project_id": row["project_id"],
            "subject_kind": "deployment",
            "subject_id": row["deployment_id"],
            "type": "RolloutStarted",
            "actor": "migration",
            "cause": "migration:0002",
            "fact": {
                "deployment_id": row["deployment_id"],
                "rollout_id": row["id"],
                "revision_id": row["revision_id"],
                "number": row["revision_number"],
                "kind": row["kind"],
                "strategy": row["strategy"]["kind"],
                "note": row["note"],
            },
        }
        for position, row in enumerate(begun, head - len(begun) + 1)
    ]
    bind.execute(EVENTS.insert(), rows)


def look_at_all(looks: sa.Table) -> None:
    """At once where anything runs, or has to: a database that went back to 0001 may have such."""
    now, idle = datetime.now(UTC), ("pending", "stopped")
    found = op.get_bind().execute(sa.select(DEPLOYMENTS.c.id, DEPLOYMENTS.c.status))
    rows = [
        {
            "deployment_id": id_,
            "shard": crc32(id_.encode()) % SHARDS,
            "due_at": None if status in idle else now,
            "asked": 0,
        }
        for id_, status in found
    ]
    op.bulk_insert(looks, rows)


def respell_statuses(names: Mapping[str, str]) -> None:
    """The fields of the events that tell of a deployment's status."""
    bind, position, place = op.get_bind(), EVENTS.c.position, 0
    told = sa.select(position, EVENTS.c.fact).where(EVENTS.c.type == "DeploymentStatusChanged")
    change = EVENTS.update().where(position == sa.bindparam("place"))
    while rows := bind.execute(
        told.where(position > place).order_by(position).limit(READ_AT_ONCE)
    ).all():
        for row in rows:
            fact = {names.get(name, name): value for name, value in row.fact.items()}
            bind.execute(change, {"place": row.position, "fact": fact})
        place = rows[-1].position


def downgrade() -> None:
    activate_again()
    respell_statuses({new: old for old, new in STATUS_FIELDS.items()})
    for table in (
        "installation",
        "place_ports",
        "gateways",
        "shards",
        "planes",
        "looks",
        "replicas",
        "replica_groups",
        "rollouts",
    ):
        op.drop_table(table)
    for column in ("next_retry_at", "message", "reason"):
        op.drop_column("deployments", column)


def activate_again() -> None:
    """0001 calls active what was activated last, and knows none of this version's events."""
    bind, live = op.get_bind(), ROLLOUTS.c.status.in_(["running", "paused"])
    mine = (ROLLOUTS.c.deployment_id == DEPLOYMENTS.c.id, live)
    wanted = sa.select(ROLLOUTS.c.revision_id).where(*mine).scalar_subquery()
    change = DEPLOYMENTS.update().where(sa.exists().where(*mine), DEPLOYMENTS.c.deleted_at.is_(None))
    bind.execute(change.values(active_revision_id=wanted, status="deploying"))
    bind.execute(EVENTS.delete().where(EVENTS.c.type.in_(NEW_FACTS)))
