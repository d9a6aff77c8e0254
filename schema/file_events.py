"""Facts about files."""

import strawberry

from domain.files.file import FilePurpose
from schema import versions
from schema.context import Info
from schema.event_kinds import Event
from schema.files import File
from schema.scalars import SafeInt


@versions.interface(added="0.2.0")
class FileEvent(Event):
    """A fact about a file."""

    file_id: strawberry.ID
    own_file_id: strawberry.Private[str]

    @versions.load
    async def file(self, info: Info) -> File | None:
        """As it is now."""
        found = await info.context.loads.file(self.own_file_id)
        return None if found is None else File.of(found)


@versions.type(added="0.2.0")
class FileCreated(FileEvent):
    """A file was uploaded, or written by a batch job."""

    name: str
    purpose: FilePurpose
    size: SafeInt = versions.field(description="In bytes.")
    sha256: str = versions.field(description="Of its content, in hex.")


@versions.type(added="0.2.0")
class FileDeleted(FileEvent):
    """A file is gone."""

    name: str
    expired: bool = versions.field(description="Whether nobody deleted it, but its time was up.")
