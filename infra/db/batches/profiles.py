"""Rules for batches."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Table,
    UniqueConstraint,
    bindparam,
    text,
)

from domain.batches.profile import BatchProfile, Quotas, Scheduling
from infra.db.lists import StoredLists
from infra.db.noun import METADATA, Noun
from infra.db.types import Document, Moment, PlainText

DEFAULT = "is_default"

PROFILES = Noun(
    "batch profile",
    BatchProfile,
    Table(
        "batch_profiles",
        METADATA,
        Column("id", PlainText, primary_key=True),
        Column("project_id", PlainText, ForeignKey("projects.id"), nullable=False),
        Column("name", PlainText, nullable=False),
        Column("is_default", Boolean, nullable=False),
        Column("scheduling", Document(Scheduling), nullable=False),
        Column("quotas", Document(Quotas), nullable=False),
        Column("created_at", Moment, nullable=False),
        Column("created_by", PlainText, nullable=False),
        Column("updated_at", Moment, nullable=False),
        unique := UniqueConstraint("project_id", "name"),
        Index(None, "project_id", "created_at", "id"),
        Index(
            "uq_batch_profiles_default",
            "project_id",
            unique=True,
            sqlite_where=text(DEFAULT),
            postgresql_where=text(DEFAULT),
        ),
    ),
    unique,
)

PROFILE = PROFILES.table.c
OF_PROJECT = PROFILES.select().where(PROFILE.project_id == bindparam("of_project"))
PROFILE_NAMED = OF_PROJECT.where(PROFILE.name == bindparam("wanted"))
DEFAULT_OF = OF_PROJECT.where(text(f"batch_profiles.{DEFAULT}"))


class StoredProfileLists(StoredLists[BatchProfile]):
    async def named(self, project_id: str, name: str) -> BatchProfile | None:
        found = await self.values(PROFILE_NAMED, {"of_project": project_id, "wanted": name})
        return found[0] if found else None

    async def default(self, project_id: str) -> BatchProfile | None:
        found = await self.values(DEFAULT_OF, {"of_project": project_id})
        return found[0] if found else None
