"""The steps by which a file becomes durable, apart so that their order can be watched."""

import fcntl
import os
from pathlib import Path


class Disk:
    def lock(self, descriptor: int) -> None:
        """Waits for it. The lock goes with the process, however that ends."""
        fcntl.flock(descriptor, fcntl.LOCK_EX)

    def write(self, descriptor: int, content: bytes | bytearray) -> None:
        left = memoryview(content)
        while left:
            left = left[os.write(descriptor, left) :]

    def sync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        source.rename(target)

    def sync_folder(self, folder: Path) -> None:
        """So that what was named, renamed or removed in it stays so."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def is_free(descriptor: int) -> bool:
    """Whether nobody holds its lock; if so, the descriptor has it from now on."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
