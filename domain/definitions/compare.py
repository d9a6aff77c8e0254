"""What differs between two resolutions, and between a revision and its folder of today."""

from dataclasses import dataclass
from enum import StrEnum

from domain.definitions.merge import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """None where that side has no value at the pointer."""

    pointer: str
    before: Origin | None
    after: Origin | None


class DriftStatus(StrEnum):
    NONE = "none"  # the file says what the revision took from it
    CHANGED = "changed"
    GONE = "gone"  # the folder or its file is no longer there
    UNREADABLE = "unreadable"  # the file is there, and is no definition any more
    NOT_USED = "not_used"  # the revision took nothing from a folder's file


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """`sha256` is the file's of today, hex; `problem` says why it can't be read."""

    status: DriftStatus
    file: str | None = None
    sha256: str | None = None
    differences: tuple[Difference, ...] = ()
    problem: str | None = None
