"""Files that clients uploaded or batches wrote."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Table,
    bindparam,
    text,
)

from domain.files.file import File, FilePurpose, FileStatus
from domain.listing import And, Compare, Listing, Op, Page
from infra.db.batches.batch import needing
from infra.db.lists import StoredLists
from infra.db.noun import METADATA, Noun
from infra.db.types import Enumerated, Moment, PlainText

PROCESSED = "status = 'processed'"
TO_SWEEP = "sweep_at IS NOT NULL"
UPLOADING = "status = 'uploading'"

FILES = Noun(
    "file",
    File,
    Table(
        "files",
        METADATA,
        Column("id", PlainText, primary_key=True),
        Column("project_id", PlainText, ForeignKey("projects.id"), nullable=False),
        Column("name", PlainText, nullable=False),
        Column("purpose", Enumerated(FilePurpose), nullable=False),
        Column("status", Enumerated(FileStatus), nullable=False),
        Column("key", PlainText, nullable=False),
        Column("size", BigInteger, nullable=False),
        Column("sha256", PlainText, nullable=False),
        Column("batch_id", PlainText),
        Column("created_at", Moment, nullable=False),
        Column("created_by", PlainText, nullable=False),
        Column("expires_at", Moment, nullable=False),
        Column("deleted_at", Moment),
        Column("sweep_at", Moment),
        Column("writer", PlainText),
        Index(None, "project_id", "created_at", "id"),
        Index(
            "ix_files_expiring",
            "expires_at",
            "id",
            sqlite_where=text(PROCESSED),
            postgresql_where=text(PROCESSED),
        ),
        Index(
            "ix_files_to_sweep",
            "sweep_at",
            "id",
            sqlite_where=text(TO_SWEEP),
            postgresql_where=text(TO_SWEEP),
        ),
        Index(
            "ix_files_uploading",
            "writer",
            sqlite_where=text(UPLOADING),
            postgresql_where=text(UPLOADING),
        ),
        CheckConstraint("purpose IN ('batch', 'batch_output')", "purpose"),
        CheckConstraint("status IN ('uploading', 'processed', 'deleted')", "status"),
        CheckConstraint("size >= 0", "size"),
        CheckConstraint(f"NOT ({PROCESSED}) OR sha256 <> ''", "processed_is_whole"),
        CheckConstraint("(deleted_at IS NOT NULL) = (status = 'deleted')", "deleted_at"),
        CheckConstraint("status <> 'uploading' OR sweep_at IS NOT NULL", "uploading_is_swept"),
    ),
    listed=text(f"files.{PROCESSED}"),
)

FILE = FILES.table.c
EXPIRED = (
    FILES.select()
    .where(text(f"files.{PROCESSED}"), FILE.expires_at <= bindparam("now"))
    .where(~needing(FILE.id).exists())
    .order_by(FILE.expires_at, FILE.id)
    .limit(bindparam("most"))
)
LEFT_OVER = (
    FILES.select()
    .where(text(f"files.{TO_SWEEP}"), FILE.sweep_at <= bindparam("now"))
    .order_by(FILE.sweep_at, FILE.id)
    .limit(bindparam("most"))
)
UPLOADS_OF = FILES.select().where(text(f"files.{UPLOADING}"), FILE.writer == bindparam("of_writer"))
SEEN_OF = FILES.by_ids.where(FILE.status != FileStatus.UPLOADING)


class StoredFileLists(StoredLists[File]):
    async def page(self, listing: Listing) -> Page[File]:
        return await StoredLists.page(self, _seen(listing))

    async def count(self, listing: Listing) -> int:
        return await StoredLists.count(self, _seen(listing))

    async def by_ids(self, ids: Collection[str]) -> Mapping[str, File]:
        return {file.id: file for file in await self.values_of(SEEN_OF, ids)}

    async def expired(self, now: datetime, limit: int) -> Sequence[File]:
        return await self.values(EXPIRED, {"now": now, "most": limit})

    async def to_sweep(self, now: datetime, limit: int) -> Sequence[File]:
        return await self.values(LEFT_OVER, {"now": now, "most": limit})

    async def uploads_of(self, writer: str) -> Sequence[File]:
        return await self.values(UPLOADS_OF, {"of_writer": writer})


def _seen(listing: Listing) -> Listing:
    """Nobody sees one that is UPLOADING, not even who asks for deleted ones, too."""
    if not listing.with_deleted:
        return listing
    seen = Compare("status", Op.NE, FileStatus.UPLOADING)
    return replace(listing, where=seen if listing.where is None else And((seen, listing.where)))
