"""The names of objects: uploads lie under `files/`, what a batch keeps under `batches/<id>/`."""

import re

UPLOADS = "files/"
BATCHES = "batches/"
UNFINISHED = "tmp"  # the stores' own: no key begins with it
_PART = r"(?!\.{1,2}(?:/|$))[a-z0-9_.-]{1,128}"
_KEY = re.compile(rf"{_PART}(?:/{_PART})*")
LONGEST = 512  # characters


def upload(file_id: str) -> str:
    return f"{UPLOADS}{file_id}"


def area(batch_id: str) -> str:
    """The prefix of all that a batch keeps."""
    return f"{BATCHES}{batch_id}/"


def batch_of(key: str) -> str | None:
    """The batch in whose area the object lies."""
    first, _, rest = key.partition("/")
    batch_id, separator, _ = rest.partition("/")
    return batch_id if first == BATCHES.rstrip("/") and separator else None


def checked(key: str) -> str:
    """The key, if it is one; raises ValueError: no key comes from a client."""
    if len(key) > LONGEST or not _KEY.fullmatch(key) or key.split("/")[0] == UNFINISHED:
        raise ValueError(f"{key!r} is no object's key")
    return key


def checked_prefix(prefix: str) -> str:
    """The prefix, if it is empty or a key with a slash behind it; raises ValueError."""
    if prefix:
        checked(prefix.removesuffix("/"))
        if not prefix.endswith("/"):
            raise ValueError(f"{prefix!r} does not end with a slash")
    return prefix
