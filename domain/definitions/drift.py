"""What a look at a revision's definition file finds, some time later."""

from dataclasses import dataclass
from enum import StrEnum

from domain.definitions.compare import Difference


class DriftStatus(StrEnum):
    NOT_USED = "not_used"  # the revision has no layer from a folder
    UNCHANGED = "unchanged"
    CHANGED = "changed"
    FILE_DELETED = "file_deleted"
    FOLDER_DELETED = "folder_deleted"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """`sha256_then` and `sha256_now` are of the file, None where there was or is none."""

    status: DriftStatus
    sha256_then: str | None = None
    sha256_now: str | None = None
    differences: tuple[Difference, ...] = ()
    problem: str | None = None
