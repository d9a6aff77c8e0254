"""Facts about files."""

from domain.files.file import FilePurpose
from schema import versions
from schema.file_event_kind import FileEvent
from schema.scalars import SafeInt


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
