"""Batches.

Whoever changes one locks in this order: the batch's row, its shards by number, its look, the log's head.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    Index,
    Select,
    Table,
    TextClause,
    bindparam,
    case,
    func,
    select,
    text,
    type_coerce,
)

from domain.batches.batch import (
    Batch,
    BatchReason,
    BatchStatus,
    InputError,
    Place,
    Terms,
    Usage,
    Wish,
)
from infra.db.noun import METADATA, Noun
from infra.db.types import Document, Enumerated, Moment, PlainText

ACTIVE = "status IN ('validating', 'in_progress', 'finalizing', 'cancelling')"
RUNNING = "status = 'in_progress'"


def _only(time: str, *statuses: str) -> CheckConstraint:
    """The time is set in these statuses, and in no others."""
    some = ", ".join(f"'{status}'" for status in statuses)
    return CheckConstraint(f"({time} IS NOT NULL) = (status IN ({some}))", time)


BATCHES = Noun(
    "batch",
    Batch,
    Table(
        "batches",
        METADATA,
        Column("id", PlainText, primary_key=True),
        Column("project_id", PlainText, ForeignKey("projects.id"), nullable=False),
        Column("status", Enumerated(BatchStatus), nullable=False),
        Column("status_since", Moment, nullable=False),
        Column("reason", Enumerated(BatchReason)),
        Column("message", PlainText, nullable=False),
        Column("endpoint", PlainText, nullable=False),
        Column("model", PlainText),
        Column("input_file_id", PlainText, nullable=False),
        Column("index_key", PlainText),
        Column("completion_window", PlainText, nullable=False),
        Column("metadata", Document(Mapping[str, str]), nullable=False),
        Column("output_expires_after", Float(53)),
        Column("wish", Document(Wish), nullable=False),
        Column("profile_id", PlainText),
        Column("terms", Document(Terms), nullable=False),
        Column("place", Document(Place)),
        Column("total", BigInteger, nullable=False),
        Column("completed", BigInteger, nullable=False),
        Column("failed", BigInteger, nullable=False),
        Column("usage", Document(Usage), nullable=False),
        Column("errors", Document(tuple[InputError, ...]), nullable=False),
        Column("output_file_id", PlainText),
        Column("error_file_id", PlainText),
        Column("retry_of", PlainText),
        Column("ending", Enumerated(BatchStatus)),
        Column("drain_until", Moment),
        Column("paused_at", Moment),
        Column("created_at", Moment, nullable=False),
        Column("created_by", PlainText, nullable=False),
        Column("expires_at", Moment, nullable=False),
        Column("in_progress_at", Moment),
        Column("finalizing_at", Moment),
        Column("completed_at", Moment),
        Column("failed_at", Moment),
        Column("expired_at", Moment),
        Column("cancelling_at", Moment),
        Column("cancelled_at", Moment),
        Index(None, "project_id", "created_at", "id"),
        Index(
            "ix_batches_active",
            "project_id",
            "profile_id",
            sqlite_where=text(ACTIVE),
            postgresql_where=text(ACTIVE),
        ),
        Index(
            "ix_batches_needing",
            "input_file_id",
            sqlite_where=text(ACTIVE),
            postgresql_where=text(ACTIVE),
        ),
        Index(
            "ix_batches_running",
            "created_at",
            "id",
            sqlite_where=text(RUNNING),
            postgresql_where=text(RUNNING),
        ),
        CheckConstraint(
            "status IN ('validating', 'in_progress', 'finalizing', 'cancelling', 'completed',"
            " 'failed', 'expired', 'cancelled')",
            "status",
        ),
        CheckConstraint("ending IN ('completed', 'expired', 'cancelled')", "ending"),
        _only("completed_at", "completed"),
        _only("failed_at", "failed"),
        _only("expired_at", "expired"),
        _only("cancelling_at", "cancelling", "cancelled"),
        _only("cancelled_at", "cancelled"),
        CheckConstraint(
            "CASE WHEN status IN ('in_progress', 'finalizing', 'completed')"
            " THEN in_progress_at IS NOT NULL"
            " WHEN status IN ('validating', 'failed') THEN in_progress_at IS NULL ELSE 1 = 1 END",
            "in_progress_at",
        ),
        CheckConstraint(
            "CASE WHEN status IN ('finalizing', 'completed') THEN finalizing_at IS NOT NULL"
            " WHEN status = 'expired' THEN 1 = 1 ELSE finalizing_at IS NULL END",
            "finalizing_at",
        ),
        CheckConstraint(
            "total >= 0 AND completed >= 0 AND failed >= 0 AND completed + failed <= total",
            "counts",
        ),
        CheckConstraint(f"{ACTIVE} OR completed + failed = total", "final_counts"),
        CheckConstraint("status <> 'failed' OR total = 0", "nothing_ran"),
        CheckConstraint(
            "(output_file_id IS NULL AND error_file_id IS NULL)"
            " OR status IN ('completed', 'expired', 'cancelled')",
            "final_files",
        ),
    ),
)

BATCH = BATCHES.table.c
IS_ACTIVE = text(f"batches.{ACTIVE}")
CAN_WORK: tuple[ColumnElement[bool] | TextClause, ...] = (
    text(f"batches.{RUNNING}"),
    BATCH.paused_at.is_(None),
    BATCH.ending.is_(None),
    BATCH.place.is_not(None),
)
PRIORITY = type_coerce(BATCH.terms, JSON)["priority"].as_integer()
COUNT_ACTIVE = (
    select(func.count())
    .select_from(BATCHES.table)
    .where(IS_ACTIVE, BATCH.project_id == bindparam("project_id"))
)
COUNT_ACTIVE_OF = COUNT_ACTIVE.where(BATCH.profile_id == bindparam("profile_id"))
COUNT_ACTIVE_OF_NONE = COUNT_ACTIVE.where(BATCH.profile_id.is_(None))


def needing(file_id: ColumnElement[Any]) -> Select[Any]:
    """The batches that are not final and have the file as their input."""
    return select(BATCH.id).where(IS_ACTIVE, BATCH.input_file_id == file_id)


NEEDING = needing(bindparam("file_id")).limit(1)
ENDPOINT_ID = type_coerce(BATCH.place, JSON)["external_endpoint_id"].as_string()
ENDPOINT_NAME = type_coerce(BATCH.wish, JSON)["endpoint"].as_string()
NEEDING_ENDPOINT = (
    select(BATCH.id)
    .where(
        IS_ACTIVE,
        BATCH.project_id == bindparam("project_id"),
        case(
            (BATCH.place.is_(None), bindparam("name") == ENDPOINT_NAME),
            else_=bindparam("endpoint_id") == ENDPOINT_ID,
        ),
    )
    .limit(1)
)
