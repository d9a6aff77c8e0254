"""Projects and API keys."""

from collections.abc import Mapping

from sqlalchemy import Boolean, Column, Table, UniqueConstraint, bindparam, exists, select

from domain.access.access import ApiKey, Project, Role
from infra.db.lists import StoredLists
from infra.db.noun import METADATA, Noun
from infra.db.types import Document, Moment, PlainText

PROJECTS = Noun(
    "project",
    Project,
    Table(
        "projects",
        METADATA,
        Column("id", PlainText, primary_key=True),
        Column("name", PlainText, nullable=False),
        Column("created_at", Moment, nullable=False),
        unique := UniqueConstraint("name"),
    ),
    unique,
)

KEYS = Noun(
    "key",
    ApiKey,
    Table(
        "api_keys",
        METADATA,
        Column("id", PlainText, primary_key=True),
        Column("name", PlainText, nullable=False),
        Column("prefix", PlainText, nullable=False),
        Column("digest", PlainText, nullable=False),
        Column("server_admin", Boolean, nullable=False),
        Column("roles", Document(Mapping[str, Role]), nullable=False),
        Column("created_at", Moment, nullable=False),
        Column("revoked_at", Moment),
        unique := UniqueConstraint("digest"),
    ),
    unique,
)


PROJECT_NAMED = PROJECTS.select().where(PROJECTS.table.c.name == bindparam("wanted"))
KEY_OF_DIGEST = KEYS.select().where(KEYS.table.c.digest == bindparam("wanted"))


class StoredProjectLists(StoredLists[Project]):
    async def named(self, name: str) -> Project | None:
        found = await self.values(PROJECT_NAMED, {"wanted": name})
        return found[0] if found else None


class StoredKeyLists(StoredLists[ApiKey]):
    async def by_digest(self, digest: str) -> ApiKey | None:
        found = await self.values(KEY_OF_DIGEST, {"wanted": digest})
        return found[0] if found else None

    async def any_ever(self) -> bool:
        return bool((await self.rows(select(exists().select_from(KEYS.table))))[0][0])
