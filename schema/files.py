"""Files that batch jobs read and write."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import strawberry

from domain.files import file
from domain.files.file import FilePurpose, FileStatus
from domain.listing import Order
from schema import versions
from schema.access import Project
from schema.context import Info
from schema.errors import Payload
from schema.lists import DateTimeFilter, IDFilter, OrderDirection, StringFilter
from schema.relay import Node, global_id
from schema.scalars import Duration, SafeInt, Upload

if TYPE_CHECKING:
    from schema.batches import BatchJob

NEWEST_FIRST = Order("created_at", descending=True)

versions.enum(
    FilePurpose,
    added="0.2.0",
    description="What a file is for.",
    values={
        "BATCH": versions.value("Batch jobs are made from it."),
        "BATCH_OUTPUT": versions.value("A batch job wrote it."),
    },
)
versions.enum(
    FileStatus,
    added="0.2.0",
    description="How far a file is.",
    values={
        "UPLOADING": versions.value("It is on its way; nothing shows it yet."),
        "PROCESSED": versions.value("All of it is there."),
        "DELETED": versions.value("Somebody deleted it, or its time was up. Final."),
    },
)


@versions.type(added="0.2.0")
class File(Node):
    """A file of requests for batch jobs, or of their results."""

    openai_id: str = versions.field(description="Its id in the OpenAI-compatible API, file-….")
    filename: str
    purpose: FilePurpose
    status: FileStatus
    bytes: SafeInt = versions.field(description="How many it has.")
    sha256: str = versions.field(description="Of its content, in hex.")
    created_at: datetime
    created_by: str = versions.field(description="Who uploaded it, or made its batch job.")
    expires_at: datetime = versions.field(
        description="When it is deleted by itself; not before the jobs that read it have ended."
    )
    held: strawberry.Private[file.File]

    @versions.load
    async def project(self, info: Info) -> Project | None:
        found = await info.context.loads.project(self.held.project_id)
        return None if found is None else Project.of(found)

    @versions.load
    async def batch_job(
        self, info: Info
    ) -> Annotated["BatchJob", strawberry.lazy("schema.batches")] | None:
        """The job that wrote it; null for an uploaded one."""
        from schema.batches import BatchJob

        own = self.held.batch_id
        found = await info.context.loads.batch_job(own) if own else None
        return None if found is None else BatchJob.of(found)

    @classmethod
    def of(cls, value: file.File) -> "File":
        return cls(
            id=global_id("File", value.id),
            openai_id=f"file-{value.id}",
            filename=value.name,
            purpose=value.purpose,
            status=value.status,
            bytes=SafeInt(value.size),
            sha256=value.sha256,
            created_at=value.created_at,
            created_by=value.created_by,
            expires_at=value.expires_at,
            held=value,
        )


class FileOrderField(Enum):
    CREATED_AT = "created_at"
    EXPIRES_AT = "expires_at"
    FILENAME = "name"


versions.enum(FileOrderField, added="0.2.0")
ORDER_KINDS: dict[str, type] = {"created_at": datetime, "expires_at": datetime, "name": str}


@versions.input(added="0.2.0")
class FileOrder:
    field: FileOrderField
    direction: OrderDirection | None = versions.field(description="ASC unless said.")


@versions.input(added="0.2.0")
class FilePurposeFilter:
    eq: FilePurpose | None
    ne: FilePurpose | None
    in_: list[FilePurpose] | None = versions.field(name="in")


@versions.input(added="0.2.0")
class FileFilter:
    """All that is said must hold."""

    id: IDFilter | None
    name: StringFilter | None = versions.field(name="filename")
    purpose: FilePurposeFilter | None
    created_by: StringFilter | None
    created_at: DateTimeFilter | None
    expires_at: DateTimeFilter | None
    and_: list["FileFilter"] | None = versions.field(name="and")
    or_: list["FileFilter"] | None = versions.field(name="or")
    not_: "FileFilter | None" = versions.field(name="not")


@versions.input(added="0.2.0")
class UploadFileInput:
    file: Upload
    purpose: FilePurpose = versions.field(description="BATCH; the other is for what jobs write.")
    expires_after: Duration | None = versions.field(
        description="How long it is kept, from an hour to 30 days; 30 days unless said."
    )


@versions.input(added="0.2.0")
class DeleteFileInput:
    file_id: strawberry.ID = versions.field(description="The file to delete.")


@versions.type(added="0.2.0")
class UploadFilePayload(Payload):
    file: File | None = versions.field(
        default=None, description="The new file; null where there are user errors."
    )


@versions.type(added="0.2.0")
class DeleteFilePayload(Payload):
    file: File | None = versions.field(default=None, description="As it was deleted.")
