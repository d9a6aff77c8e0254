"""Files beneath a folder, opened so that no link and no race leads out of it.

Every component is opened by itself, relative to the folder before it and without following links;
a link's target is walked in the same way, and `..` goes back to a folder that is still open. What
another process renames or replaces meanwhile can't change where the walk stands.
"""

import errno
import os
import stat
from collections import deque
from contextlib import ExitStack
from pathlib import Path

LINKS = 40  # as many as Linux follows
OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO must not block
MISSING = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ENXIO, errno.ELOOP}


class Outside(Exception):
    """The path, or a link on it, leaves the folder."""


class TooLarge(Exception):
    """The file has more bytes than were wanted."""


def read(root: Path, folder: str, file: str, limit: int) -> bytes | None:
    """The regular file at `file` beneath `folder`, which itself lies beneath `root`; else None.

    `root` is trusted. Raises Outside, TooLarge, and OSError where the disk fails or forbids it.
    """
    with ExitStack() as opened:
        try:
            base = os.open(root, OPEN | os.O_DIRECTORY)
            opened.callback(os.close, base)
            for path in (folder, file):
                base = _open(base, path)
                opened.callback(os.close, base)
        except OSError as error:
            if error.errno in MISSING:
                return None
            raise
        if not stat.S_ISREG(os.fstat(base).st_mode):
            return None
        return _content(base, limit)


def _open(base: int, path: str) -> int:
    """The file descriptor of `path` beneath the folder `base`; the caller closes it."""
    if path.startswith("/") or "\0" in path:
        raise Outside
    stood = [os.dup(base)]
    todo = deque(path.split("/"))
    links = 0
    try:
        while todo:
            part = todo.popleft()
            if part in ("", "."):
                continue
            if part == "..":
                _back(stood)
            elif (target := _step(stood, part)) is not None:
                links += 1
                if links > LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                if target.startswith("/"):
                    raise Outside
                todo.extendleft(reversed(target.split("/")))
        return stood.pop()
    finally:
        for descriptor in stood:
            os.close(descriptor)


def _back(stood: list[int]) -> None:
    if len(stood) == 1:
        raise Outside
    os.close(stood.pop())


def _step(stood: list[int], part: str) -> str | None:
    """Open `part` where the walk stands; where it is a link, return its target instead."""
    try:
        stood.append(os.open(part, OPEN, dir_fd=stood[-1]))
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return _target(stood[-1], part)
    return None


def _target(folder: int, link: str) -> str:
    try:
        return os.readlink(link, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.EINVAL:  # a link no longer: look at it again
            return link
        raise


def _content(descriptor: int, limit: int) -> bytes:
    """All of an open file; it may grow while it is read."""
    content = bytearray()
    while chunk := os.read(descriptor, min(limit + 1 - len(content), 1 << 20)):
        content += chunk
        if len(content) > limit:
            raise TooLarge
    return bytes(content)
