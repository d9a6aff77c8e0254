"""Which bytes of a content a request wants (RFC 9110 §13 and §14)."""

import re
from collections.abc import Mapping

_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


class Unsatisfiable(Exception):
    """The content has none of the bytes that are asked for."""


def is_known(headers: Mapping[str, str], etag: str) -> bool:
    """Whether the client says that it has the content already."""
    said = headers.get("if-none-match", "")
    known = {each.strip().removeprefix("W/") for each in said.split(",")}
    return "*" in known or etag in known


def wanted(headers: Mapping[str, str], etag: str, size: int) -> tuple[int, int] | None:
    """(start, end), the end not with it; None: all. What can't be read, names several ranges, or is for
    another content is ignored. Raises Unsatisfiable."""
    written = _RANGE.fullmatch(headers.get("range", "").strip())
    if written is None or headers.get("if-range", etag) != etag or written[1] == written[2] == "":
        return None
    if written[1] == "":
        start, end = max(0, size - _place(written[2])), size
    else:
        start, end = _place(written[1]), size
        if written[2] != "":
            if _place(written[2]) < start:
                return None
            end = min(size, _place(written[2]) + 1)
    if start >= end:
        raise Unsatisfiable()
    return start, end


def _place(digits: str) -> int:
    """What has so many digits that it could be costly to read is behind any content's end all the same."""
    significant = digits.lstrip("0")
    return int(significant[:19] or "0")
