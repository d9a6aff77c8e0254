"""Deployments and their revisions."""

from collections.abc import Collection, Mapping

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Table,
    UniqueConstraint,
    false,
    text,
)

from domain.definitions.definition import Definition
from domain.definitions.kubernetes import KubernetesUse
from domain.definitions.layers import WrittenLayer
from domain.definitions.merge import Origin
from domain.definitions.variants import Variant
from domain.deployments.deployment import (
    Deployment,
    DeploymentStatus,
    EnvironmentValue,
    FolderUse,
    Revision,
    RevisionHead,
    TemplateUse,
)
from domain.deployments.reason import Reason
from domain.deployments.strategy import Strategy
from domain.listing import Listing, Page
from infra.db.lists import StoredLists
from infra.db.noun import METADATA, Noun
from infra.db.pages import counts, pages
from infra.db.types import Document, Enumerated, Moment, PlainText, Tags

DEPLOYMENTS = Noun(
    "deployment",
    Deployment,
    Table(
        "deployments",
        METADATA,
        Column("id", PlainText, primary_key=True),
        Column("project_id", PlainText, ForeignKey("projects.id"), nullable=False),
        Column("name", PlainText, nullable=False),
        Column("tags", Tags, nullable=False),
        Column("desired_replicas", BigInteger, nullable=False),
        Column("strategy", Document(Strategy), nullable=False),
        Column("status", Enumerated(DeploymentStatus), nullable=False),
        Column("status_since", Moment, nullable=False),
        Column("reason", Enumerated(Reason)),
        Column("message", PlainText, nullable=False, server_default=""),
        Column("next_retry_at", Moment),
        Column("max_in_flight", BigInteger, nullable=False, server_default="256"),
        Column("is_dedicated", Boolean, nullable=False, server_default=false()),
        Column("active_revision_id", PlainText),
        Column("last_revision", BigInteger, nullable=False),
        Column("generation", BigInteger, nullable=False),
        Column("created_at", Moment, nullable=False),
        Column("created_by", PlainText, nullable=False),
        Column("updated_at", Moment, nullable=False),
        Column("deleted_at", Moment),
        Index(None, "project_id", "created_at", "id"),
        CheckConstraint("desired_replicas >= 0", "desired_replicas"),
        CheckConstraint("last_revision >= 0", "last_revision"),
        CheckConstraint(
            "status IN ('pending', 'deploying', 'ready', 'degraded', 'rolling_back', 'stopping',"
            " 'stopped')",
            "status",
        ),
        CheckConstraint("status <> 'pending' OR active_revision_id IS NULL", "nothing_active"),
        CheckConstraint("status <> 'stopped' OR deleted_at IS NOT NULL", "stopped_is_deleted"),
        CheckConstraint(
            "deleted_at IS NULL OR status IN ('stopping', 'stopped')", "deleted_is_stopping"
        ),
        live_name := Index(
            "uq_deployments_live_name",
            "project_id",
            "name",
            unique=True,
            sqlite_where=text("status <> 'stopped'"),
            postgresql_where=text("status <> 'stopped'"),
        ),
    ),
    live_name,
    listed=text("deployments.status <> 'stopped'"),
    everyday=text("NOT deployments.is_dedicated"),
)

REVISIONS = Noun(
    "revision",
    Revision,
    Table(
        "revisions",
        METADATA,
        Column("id", PlainText, primary_key=True),
        Column("project_id", PlainText, ForeignKey("projects.id"), nullable=False),
        Column("deployment_id", PlainText, ForeignKey("deployments.id"), nullable=False),
        Column("number", BigInteger, nullable=False),
        Column("digest", PlainText, nullable=False),
        Column("variant", Enumerated(Variant), nullable=False),
        Column("image", PlainText),
        Column("mount_path", PlainText, nullable=False),
        Column("folder", Document(FolderUse)),
        Column("template", Document(TemplateUse)),
        Column("definition", Document(Definition), nullable=False),
        Column("environment", Document(Mapping[str, EnvironmentValue]), nullable=False),
        Column("resources", Document(Mapping[str, str]), nullable=False),
        Column("kubernetes", Document(KubernetesUse), nullable=False, server_default="{}"),
        Column("provenance", Document(tuple[Origin, ...]), nullable=False),
        Column("layers", Document(tuple[WrittenLayer, ...]), nullable=False),
        Column("note", PlainText, nullable=False),
        Column("created_at", Moment, nullable=False),
        Column("created_by", PlainText, nullable=False),
        number := UniqueConstraint("deployment_id", "number"),
        Index(None, "deployment_id", "created_at", "id"),
        Index(None, "project_id", "created_at", "id"),
        CheckConstraint("number >= 1", "number"),
    ),
    number,
    called="number",
)

HEADS = Noun("revision", RevisionHead, REVISIONS.table, number, called="number")


class StoredRevisionLists(StoredLists[Revision]):
    async def heads(self, ids: Collection[str]) -> Mapping[str, RevisionHead]:
        return await StoredLists(self.engines, HEADS).by_ids(ids)

    async def pages(
        self, deployment_ids: Collection[str], listing: Listing
    ) -> Mapping[str, Page[RevisionHead]]:
        return await pages(self.engines, REVISIONS, HEADS, deployment_ids, listing)

    async def counts(self, deployment_ids: Collection[str], listing: Listing) -> Mapping[str, int]:
        return await counts(self.engines, REVISIONS, deployment_ids, listing)
