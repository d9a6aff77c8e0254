"""Files that are being written: no object yet, and swept when nobody writes them any more."""

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from infra.objects.disk import Disk, is_free

if TYPE_CHECKING:
    from hashlib import _Hash

OWN_FILE, OWN_FOLDER = 0o600, 0o700
TRIES = 10  # a folder may be removed, as it is empty, just when something is put there


@dataclass(slots=True, kw_only=True)
class Draft:
    """`descriptor` holds the file's lock, by which `swept` knows that its writer lives."""

    path: Path
    descriptor: int
    disk: Disk
    size: int = 0
    _digest: "_Hash" = field(default_factory=hashlib.sha256)

    def write(self, content: bytes | bytearray) -> None:
        self.disk.write(self.descriptor, content)
        self._digest.update(content)
        self.size += len(content)

    def become(self, target: Path) -> str:
        """The object at `target`, durably, or nothing at all; its sha256 in hex."""
        self.disk.sync(self.descriptor)
        _rename(self.disk, self.path, target)
        try:
            self.disk.sync_folder(target.parent)
        except OSError:
            target.unlink(missing_ok=True)
            raise
        return self._digest.hexdigest()

    def end(self) -> None:
        """Gives its lock back; where it became no object, nothing is left of it."""
        try:
            self.path.unlink(missing_ok=True)
        finally:
            os.close(self.descriptor)


def begun(folder: Path, disk: Disk) -> Draft:
    while True:
        path = folder / uuid4().hex
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWN_FILE)
        disk.lock(descriptor)
        if os.fstat(descriptor).st_nlink:  # else it was swept before it was locked
            return Draft(path=path, descriptor=descriptor, disk=disk)
        os.close(descriptor)


def swept(folder: Path) -> int:
    """How many files were there that nobody writes: they are gone."""
    count = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                if is_free(descriptor):
                    path.unlink()
                    count += 1
            finally:
                os.close(descriptor)
    return count


def make_folders(folder: Path, disk: Disk) -> None:
    """The folder and those above it, where they are missing, durably."""
    if folder.is_dir():
        return
    make_folders(folder.parent, disk)
    folder.mkdir(mode=OWN_FOLDER, exist_ok=True)
    disk.sync_folder(folder.parent)


def _rename(disk: Disk, source: Path, target: Path) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            make_folders(target.parent, disk)
            disk.rename(source, target)
            return
        except FileNotFoundError:
            if attempt == TRIES:
                raise
