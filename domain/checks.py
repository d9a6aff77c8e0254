"""What every text that a user gives must be, whatever noun it is for."""

import re

from domain.errors import InvalidValue, Path

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_TAG = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_.:/=]{0,62}")
_SECRET = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_.]{0,127}")
TAGS_LIMIT = 32
KEY_LIMIT = 255


def name(value: str | None, path: Path) -> str:
    """A DNS label, as deployments, folders, templates and projects are named."""
    if value is None or not _NAME.fullmatch(value):
        raise InvalidValue(
            path=path,
            problem=f"{_shown(value)} is no name: use 1 to 63 of a-z, 0-9 and -, "
            "with a letter or digit at both ends.",
        )
    return value


def secret_name(value: str, path: Path) -> str:
    if not _SECRET.fullmatch(value):
        raise InvalidValue(
            path=path,
            problem=f"{_shown(value)} is no secret's name: use 1 to 128 letters, digits, "
            "-, _ and ., with a letter or digit first.",
        )
    return value


def tags(values: tuple[str, ...], path: Path) -> tuple[str, ...]:
    """Sorted, each once."""
    for place, value in enumerate(values):
        if not _TAG.fullmatch(value):
            raise InvalidValue(
                path=(*path, place),
                problem=f"{_shown(value)} is no tag: use 1 to 63 letters, digits and -_.:/=, "
                "with a letter or digit first.",
            )
    if len(set(values)) > TAGS_LIMIT:
        raise InvalidValue(path=path, problem=f"More than {TAGS_LIMIT} tags.")
    return tuple(sorted(set(values)))


def text(value: str, path: Path, limit: int) -> str:
    """Text of at most `limit` characters that every database can hold."""
    if len(value) > limit:
        raise InvalidValue(path=path, problem=f"{len(value)} characters; at most {limit} fit.")
    if "\x00" in value or any("\ud800" <= c <= "\udfff" for c in value):
        raise InvalidValue(path=path, problem="NUL characters and lone surrogates are no text.")
    return value


def count(value: int, path: Path, limit: int) -> int:
    if not 0 <= value <= limit:
        raise InvalidValue(path=path, problem=f"{value} is not between 0 and {limit}.")
    return value


def _shown(value: str | None) -> str:
    if value is None:
        return "null"
    return repr(value if len(value) <= 80 else value[:80] + "…")
