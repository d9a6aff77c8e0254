from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint

from domain.folders.folder import Folder
from infra.db.noun import METADATA, Noun
from infra.db.types import Moment, PlainText

FOLDERS = Noun(
    "folder",
    Folder,
    Table(
        "folders",
        METADATA,
        Column("id", PlainText, primary_key=True),
        Column("project_id", PlainText, ForeignKey("projects.id"), nullable=False),
        Column("name", PlainText, nullable=False),
        Column("uri", PlainText, nullable=False),
        Column("created_at", Moment, nullable=False),
        Column("created_by", PlainText, nullable=False),
        Column("updated_at", Moment, nullable=False),
        unique := UniqueConstraint("project_id", "name"),
        Index(None, "project_id", "created_at", "id"),
    ),
    unique,
)
