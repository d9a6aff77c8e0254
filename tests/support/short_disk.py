"""A server whose objects lie on a disk that a test fills up.

with short_disk(kind, folder) as disk: disk.fill(room=0) … disk.free()     # disk.server, disk.objects()

MOUNTED: a disk of its own (a tmpfs that nobody but the server and its like see), which is really full;
where the system lets nobody mount one, there is only LIMITED: no file of the server's grows any more.
"""

import ctypes
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.server import Running, running

MIB = 1024 * 1024
SIZE = 160 * MIB
NEW_MOUNTS, NEW_USER = 0x20000, 0x10000000  # linux/sched.h
RECURSIVE, PRIVATE = 0x4000, 0x40000  # linux/mount.h
AT = "TEST_SHORT_DISK"


@dataclass
class ShortDisk:
    """`root` is its folder as the test sees it."""

    server: Running
    root: Path

    def objects(self) -> set[str]:
        files = (path for path in self.root.rglob("*") if path.is_file() and path != self._ballast)
        return {path.relative_to(self.root / "objects").as_posix() for path in files}

    def fill(self, room: int = 0) -> None:
        """But for so many bytes."""
        found = os.statvfs(self.root)
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, found.f_bavail * found.f_frsize - room)

    def free(self) -> None:
        self._ballast.unlink()

    @property
    def _ballast(self) -> Path:
        return self.root / "ballast"


@dataclass
class Limited(ShortDisk):
    """The database is one of the files that may grow a little: what is to fail must be larger."""

    data_dir: Path

    def fill(self, room: int = 0) -> None:
        largest = max(file.stat().st_size for file in self.data_dir.iterdir())
        self._limit(largest + MIB)

    def free(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        pid = self.server.process.pid
        hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size if hard < 0 else min(size, hard), hard))


@contextmanager
def short_disk(kind: str, folder: Path) -> Iterator[ShortDisk]:
    place = folder / "disk"
    place.mkdir()
    data_dir = folder / "data"
    env = {"MODELYARD_OBJECT_STORE": f"file://{place}/objects"}
    if kind == "limited":
        with running(data_dir, env=env) as server:
            yield Limited(server=server, root=place, data_dir=data_dir)
        return
    with running(data_dir, env={**env, AT: str(place)}, program=f"{__name__}:main") as server:
        inside = Path(f"/proc/{server.process.pid}/root")
        yield ShortDisk(server=server, root=inside / place.relative_to("/"))


def kinds() -> list[str]:
    """Those that this system has."""
    child = os.fork()
    if child == 0:
        try:
            mount(Path("/tmp"), MIB)
        except OSError:
            os._exit(1)
        os._exit(0)
    may = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return ["mounted", "limited"] if may else ["limited"]


def mount(place: Path, size: int) -> None:
    """A disk that this process alone sees; raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(NEW_MOUNTS):
        _require(libc.unshare(NEW_MOUNTS | NEW_USER) == 0)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _require(libc.mount(b"none", b"/", None, RECURSIVE | PRIVATE, None) == 0)
    said = f"size={size}".encode()
    _require(libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", 0, said) == 0)


def _require(done: bool) -> None:
    if not done:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def main() -> None:
    """`modelyard`, with a disk of its own."""
    from infra import cli

    mount(Path(os.environ[AT]), SIZE)
    cli.main()
