"""What a client says of a file that it uploads."""

from dataclasses import dataclass
from datetime import timedelta

from domain import checks
from domain.errors import InvalidValue
from domain.files.file import KEPT, KEPT_AT_LEAST, KEPT_AT_MOST, FilePurpose

NAME_LIMIT = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`expires_after` in seconds from its creation; None: not said."""

    purpose: str | None
    expires_after: float | None = None


def purpose(asked: Asked) -> FilePurpose:
    """Raises InvalidValue for all but `batch`: the other is for what batches write."""
    if asked.purpose != FilePurpose.BATCH:
        other = "" if asked.purpose is None else f", not {asked.purpose[:80]!r}"
        problem = f"Files are uploaded with the purpose 'batch'{other}."
        raise InvalidValue(path=("purpose",), problem=problem)
    return FilePurpose.BATCH


def kept(asked: Asked) -> timedelta:
    """How long it is kept; raises InvalidValue."""
    if asked.expires_after is None:
        return KEPT
    least, most = KEPT_AT_LEAST.total_seconds(), KEPT_AT_MOST.total_seconds()
    if not least <= asked.expires_after <= most:
        problem = f"A file is kept from {least:.0f} to {most:.0f} seconds."
        raise InvalidValue(path=("expires_after",), problem=problem)
    return timedelta(seconds=asked.expires_after)


def name(said: str) -> str:
    if not said:
        raise InvalidValue(path=("file",), problem="The file needs a name.")
    return checks.text(said, ("file",), NAME_LIMIT)
