"""Servers that are not ours."""

from collections.abc import Sequence

from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint, bindparam

from domain.batches.external_endpoint import ExternalEndpoint
from infra.db.listing import has_tag
from infra.db.lists import StoredLists
from infra.db.noun import METADATA, Noun
from infra.db.types import Moment, PlainText, Tags

EXTERNAL_ENDPOINTS = Noun(
    "external endpoint",
    ExternalEndpoint,
    Table(
        "external_endpoints",
        METADATA,
        Column("id", PlainText, primary_key=True),
        Column("project_id", PlainText, ForeignKey("projects.id"), nullable=False),
        Column("name", PlainText, nullable=False),
        Column("base_url", PlainText, nullable=False),
        Column("models", Tags, nullable=False),
        Column("api_key_secret", PlainText),
        Column("created_at", Moment, nullable=False),
        Column("created_by", PlainText, nullable=False),
        Column("updated_at", Moment, nullable=False),
        unique := UniqueConstraint("project_id", "name"),
        Index(None, "project_id", "created_at", "id"),
    ),
    unique,
)

ENDPOINT = EXTERNAL_ENDPOINTS.table.c
OF_PROJECT = EXTERNAL_ENDPOINTS.select().where(ENDPOINT.project_id == bindparam("of_project"))
ENDPOINT_NAMED = OF_PROJECT.where(ENDPOINT.name == bindparam("wanted"))
SERVING = OF_PROJECT.where(has_tag(ENDPOINT.models, bindparam("wanted", type_=PlainText))).order_by(
    ENDPOINT.name
)


class StoredExternalEndpointLists(StoredLists[ExternalEndpoint]):
    async def named(self, project_id: str, name: str) -> ExternalEndpoint | None:
        found = await self.values(ENDPOINT_NAMED, {"of_project": project_id, "wanted": name})
        return found[0] if found else None

    async def serving(self, project_id: str, model: str) -> Sequence[ExternalEndpoint]:
        said = {"of_project": project_id, "wanted": model}
        return await self.values(SERVING, said)
