"""Ids as OpenAI's clients see them: `file-<id>`, `batch_<id>`."""

import re

from domain.errors import NotFound, Path

_OWN = re.compile(r"[0-9a-f]{32}")
FILE, BATCH = "file-", "batch_"


def of_file(id: str) -> str:
    return f"{FILE}{id}"


def of_batch(id: str) -> str:
    return f"{BATCH}{id}"


def own_file(written: str, path: Path = ()) -> str:
    """The file's own id; raises NotFound for what is no file's id."""
    return _own(FILE, "file", written, path)


def own_batch(written: str, path: Path = ()) -> str:
    """The batch's own id; raises NotFound for what is no batch's id."""
    return _own(BATCH, "batch", written, path)


def is_own(id: str) -> bool:
    """Whether it is one without its prefix."""
    return _OWN.fullmatch(id) is not None


def _own(prefix: str, kind: str, written: str, path: Path) -> str:
    own = written.removeprefix(prefix)
    if own == written or not is_own(own):
        raise NotFound(kind=kind, id=written[:80], path=path)
    return own
