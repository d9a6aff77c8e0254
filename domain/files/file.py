"""Files that clients upload, and that batches write."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

KEPT = timedelta(days=30)  # where nobody said how long
KEPT_AT_LEAST, KEPT_AT_MOST = timedelta(hours=1), timedelta(days=30)


class FilePurpose(StrEnum):
    BATCH = "batch"  # what a batch is made from
    BATCH_OUTPUT = "batch_output"  # what a batch made


class FileStatus(StrEnum):
    UPLOADING = "uploading"  # written down before its bytes are there; nobody sees it
    PROCESSED = "processed"  # all of it is there. Deleting or expiry moves it on
    DELETED = "deleted"  # its bytes are gone, or about to go. Final


TRANSITIONS = {
    FileStatus.UPLOADING: frozenset({FileStatus.PROCESSED, FileStatus.DELETED}),
    FileStatus.PROCESSED: frozenset({FileStatus.DELETED}),
    FileStatus.DELETED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """`key` is the object that holds its bytes, `size` their number, `sha256` in hex (both empty while
    it is UPLOADING). `batch_id` is the batch that wrote it. `sweep_at`: when what is left of it has to be
    removed: an upload whose writer is gone, an object that outlived its file. `writer` is the server that
    takes in an UPLOADING one."""

    id: str
    project_id: str
    name: str
    purpose: FilePurpose
    status: FileStatus
    key: str
    size: int = 0
    sha256: str = ""
    batch_id: str | None = None
    created_at: datetime
    created_by: str
    expires_at: datetime
    deleted_at: datetime | None = None
    sweep_at: datetime | None = None
    writer: str | None = None
