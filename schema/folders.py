"""Model folders."""

from datetime import datetime
from enum import Enum

import strawberry
from strawberry import Maybe

from domain.folders import folder
from schema import versions
from schema.access import Project
from schema.context import Info
from schema.errors import Payload
from schema.lists import DateTimeFilter, IDFilter, OrderDirection, StringFilter
from schema.relay import Node, global_id


@versions.type(added="0.1.0")
class ModelFolder(Node):
    """A folder with a model's files, and perhaps its definition file."""

    name: str = versions.field(description="Unique in the project.")
    uri: str = versions.field(
        description="Where the files lie, in canonical form: file:///…, s3://…, gs://… or az://…."
    )
    created_at: datetime
    created_by: str = versions.field(description="Who registered it, e.g. key:ci.")
    updated_at: datetime = versions.field(description="When its name or URI last changed.")
    held: strawberry.Private[folder.Folder]

    @versions.load
    async def project(self, info: Info) -> Project | None:
        found = await info.context.loads.project(self.held.project_id)
        return None if found is None else Project.of(found)

    @classmethod
    def of(cls, value: folder.Folder) -> "ModelFolder":
        return cls(
            id=global_id("ModelFolder", value.id),
            name=value.name,
            uri=value.uri,
            created_at=value.created_at,
            created_by=value.created_by,
            updated_at=value.updated_at,
            held=value,
        )


class ModelFolderOrderField(Enum):
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    NAME = "name"


versions.enum(ModelFolderOrderField, added="0.1.0")
ORDER_KINDS: dict[str, type] = {"created_at": datetime, "updated_at": datetime, "name": str}


@versions.input(added="0.1.0")
class ModelFolderOrder:
    field: ModelFolderOrderField
    direction: OrderDirection | None = versions.field(description="ASC unless said.")


@versions.input(added="0.1.0")
class ModelFolderFilter:
    """All that is said must hold."""

    id: IDFilter | None
    name: StringFilter | None
    uri: StringFilter | None
    created_by: StringFilter | None
    created_at: DateTimeFilter | None
    updated_at: DateTimeFilter | None
    and_: list["ModelFolderFilter"] | None = versions.field(name="and")
    or_: list["ModelFolderFilter"] | None = versions.field(name="or")
    not_: "ModelFolderFilter | None" = versions.field(name="not")


@versions.input(added="0.1.0")
class CreateModelFolderInput:
    name: str = versions.field(description="1 to 63 of a-z, 0-9 and -, unique in the project.")
    uri: str = versions.field(
        description="A local folder (file:///… or a path), or s3://, gs://, az://."
    )
    idempotency_key: str | None = versions.field(
        description="For repeats: within a day, the same key and input get the first answer."
    )


@versions.input(added="0.1.0")
class UpdateModelFolderInput:
    folder_id: strawberry.ID = versions.field(description="The model folder to change.")
    name: Maybe[str | None] = versions.field(description="Its new name.")
    uri: Maybe[str | None] = versions.field(
        description="Where its files lie from now on; revisions that are there keep what they read."
    )


@versions.input(added="0.1.0")
class DeleteModelFolderInput:
    folder_id: strawberry.ID = versions.field(description="The model folder to forget.")


@versions.type(added="0.1.0")
class CreateModelFolderPayload(Payload):
    folder: ModelFolder | None = versions.field(
        default=None, description="The registered folder; null where there are user errors."
    )


@versions.type(added="0.1.0")
class UpdateModelFolderPayload(Payload):
    folder: ModelFolder | None = versions.field(
        default=None, description="As it is now; null where there are user errors."
    )


@versions.type(added="0.1.0")
class DeleteModelFolderPayload(Payload):
    folder: ModelFolder | None = versions.field(default=None, description="As it was.")
