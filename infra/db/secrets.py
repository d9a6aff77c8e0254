"""Secrets, and which revisions name them."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    UniqueConstraint,
    select,
)

from domain.deployments.deployment import FINAL, Revision
from domain.secrets.secret import Secret
from infra.db.deployments import DEPLOYMENTS
from infra.db.lists import StoredLists
from infra.db.noun import METADATA, Noun
from infra.db.types import Moment, PlainText

SECRETS = Noun(
    "secret",
    Secret,
    Table(
        "secrets",
        METADATA,
        Column("id", PlainText, primary_key=True),
        Column("project_id", PlainText, ForeignKey("projects.id"), nullable=False),
        Column("name", PlainText, nullable=False),
        Column("sealed", LargeBinary, nullable=False),
        Column("created_at", Moment, nullable=False),
        Column("created_by", PlainText, nullable=False),
        unique := UniqueConstraint("project_id", "name"),
        Index(None, "project_id", "created_at", "id"),
    ),
    unique,
)

SECRET_USE = Table(
    "secret_use",
    METADATA,
    Column("revision_id", PlainText, ForeignKey("revisions.id"), primary_key=True),
    Column("secret_name", PlainText, primary_key=True),
    Column("project_id", PlainText, ForeignKey("projects.id"), nullable=False),
    Column("deployment_id", PlainText, ForeignKey("deployments.id"), nullable=False),
    Index(None, "project_id", "secret_name"),
)


def uses(revision: Revision) -> Sequence[Mapping[str, str]]:
    """The rows that say which secrets a revision names; a secret need not exist to be named."""
    names = {value.secret for value in revision.environment.values() if value.secret is not None}
    return [
        {
            "revision_id": revision.id,
            "secret_name": name,
            "project_id": revision.project_id,
            "deployment_id": revision.deployment_id,
        }
        for name in sorted(names)
    ]


class StoredSecretLists(StoredLists[Secret]):
    async def named(self, project_id: str, names: Collection[str]) -> Mapping[str, Secret]:
        c = SECRETS.table.c
        mine = SECRETS.select().where(c.project_id == project_id, c.name.in_(list(names)))
        return {secret.name: secret for secret in await self.values(mine)}

    async def used_by(self, project_id: str, names: Collection[str]) -> Mapping[str, Sequence[str]]:
        use, deployment = SECRET_USE.c, DEPLOYMENTS.table.c
        users = (
            select(use.secret_name, use.deployment_id)
            .distinct()
            .join(DEPLOYMENTS.table, deployment.id == use.deployment_id)
            .where(use.project_id == project_id, use.secret_name.in_(list(names)))
            .where(deployment.status.not_in(FINAL))
            .order_by(use.deployment_id)
        )
        found: dict[str, list[str]] = {name: [] for name in names}
        for name, deployment_id in await self.rows(users):
            found[name].append(deployment_id)
        return found
