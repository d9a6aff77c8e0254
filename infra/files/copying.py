"""What a copy of a folder in an object store is made of, and how it is made by one at a time."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from domain.errors import FolderRefused, StorageUnavailable
from infra.files.objects import Stored

AT_ONCE = 4  # objects that are copied at the same time


def files_of(uri: str, prefix: str, stored: Sequence[Stored]) -> Sequence[tuple[str, Stored]]:
    """Each object with its path in the folder; markers of folders are left out."""
    start = len(prefix) + 1 if prefix else 0
    files = [(each.key[start:], each) for each in stored if not each.key.endswith("/")]
    if not files:
        raise StorageUnavailable(where=uri, problem="there is nothing in it")
    for path, _ in files:
        if any(part in ("", ".", "..") or "\0" in part for part in path.split("/")):
            raise FolderRefused(uri=uri, problem=f"{path!r} can't be the name of a file")
    return files


def digest(uri: str, stored: Sequence[Stored]) -> str:
    lines = [uri, *(f"{each.key}\0{each.size}\0{each.etag}" for each in stored)]
    return hashed("\n".join(lines))


def hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The lock goes with its process, however it ends. Raises BlockingIOError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def first(errors: ExceptionGroup[StorageUnavailable]) -> StorageUnavailable:
    inner = errors.exceptions[0]
    return first(inner) if isinstance(inner, ExceptionGroup) else inner
