from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Table
from sqlalchemy import UniqueConstraint as Unique

from domain.definitions.kubernetes import KubernetesUse
from domain.definitions.variants import Variant
from domain.templates.template import BatchUse, Template, TemplateStatus
from infra.db.lists import StoredLists
from infra.db.noun import METADATA, Noun
from infra.db.types import Document, Enumerated, Moment, PlainText

TEMPLATES = Noun(
    "template",
    Template,
    Table(
        "templates",
        METADATA,
        Column("id", PlainText, primary_key=True),
        Column("project_id", PlainText, ForeignKey("projects.id"), nullable=False),
        Column("name", PlainText, nullable=False),
        Column("version", BigInteger, nullable=False),
        Column("status", Enumerated(TemplateStatus), nullable=False),
        Column("variant", Enumerated(Variant), nullable=False),
        Column("spec", Document(Mapping[str, Any]), nullable=False),
        Column("allowed_overrides", Document(tuple[str, ...]), nullable=False),
        Column("description", PlainText, nullable=False),
        Column("batch", Document(BatchUse), nullable=False, server_default="{}"),
        Column("kubernetes", Document(KubernetesUse), nullable=False, server_default="{}"),
        Column("created_at", Moment, nullable=False),
        Column("created_by", PlainText, nullable=False),
        Column("updated_at", Moment, nullable=False),
        unique := Unique("project_id", "name", "version"),
        Index(None, "project_id", "created_at", "id"),
        CheckConstraint("version >= 1", "version"),
        CheckConstraint("status IN ('draft', 'active', 'deprecated')", "status"),
    ),
    unique,
)


class StoredTemplateLists(StoredLists[Template]):
    async def versions(self, project_id: str, name: str) -> Sequence[Template]:
        c = TEMPLATES.table.c
        mine = TEMPLATES.select().where(c.project_id == project_id, c.name == name)
        return await self.values(mine.order_by(c.version.desc()))
