"""Which of a data dir's servers, control planes, or batch workers, this process is.

Each slot is a file with an id, locked for as long as its process lives: whoever finds a slot free
knows that its last holder is gone, and goes on under its id, with its leases, at once.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from domain.ids import NewId


@contextmanager
def taken(folder: Path, new_id: NewId) -> Iterator[str]:
    """The id of the first free slot; a new one where all are taken. Free again when the block ends."""
    folder.mkdir(mode=0o700, exist_ok=True)
    number = 0
    while True:
        with (folder / f"{number}.plane").open("a+") as file:
            if _is_locked(file):
                yield _id(file, new_id)
                return
        number += 1


def _is_locked(file: TextIO) -> bool:
    """The lock goes with the process, however it ends."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _id(file: TextIO, new_id: NewId) -> str:
    file.seek(0)
    if kept := file.read().strip():
        return kept
    file.write(made := new_id())
    file.flush()
    return made
