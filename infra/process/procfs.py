"""Processes and sockets from /proc: https://man7.org/linux/man-pages/man5/proc.5.html"""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.process.processes import MARK, Seen

TICKS = os.sysconf("SC_CLK_TCK")
GONE = frozenset(
    "ZXx"
)  # ended, not waited for; of a process whose other threads run, the first one
FLAGS, THREADS, STARTED = 6, 17, 19  # fields behind the name
KERNEL_THREAD = 0x00200000
PIECE = 64 * 1024
LISTENS = "0A"
PREFIX = f"\0{MARK}=".encode()
LOCAL = frozenset(
    {
        "00000000",  # 0.0.0.0
        "0100007F",  # 127.0.0.1
        "0" * 32,  # ::
        "0000000000000000FFFF00000100007F",  # ::ffff:127.0.0.1
    }
)


@dataclass(frozen=True, slots=True)
class ProcFs:
    root: Path = Path("/proc")

    def boot(self) -> str:
        return (self.root / "sys/kernel/random/boot_id").read_text().strip()

    def all(self) -> Sequence[Seen]:
        pids = [int(name) for name in os.listdir(self.root) if name.isdecimal()]
        return [seen for pid in pids if (seen := self.one(pid))]

    def one(self, pid: int) -> Seen | None:
        try:
            stat = _content(f"{self.root}/{pid}/stat")
        except (FileNotFoundError, ProcessLookupError):
            return None
        fields = _fields(stat)
        if fields[0] in GONE and int(fields[THREADS]) <= 1:
            return None
        of_kernel = int(fields[FLAGS]) & KERNEL_THREAD
        mark, veiled = (None, False) if of_kernel else self._mark(pid)
        return Seen(
            pid=pid,
            parent=int(fields[1]),
            group=int(fields[2]),
            session=int(fields[3]),
            started=int(fields[STARTED]),
            mark=mark,
            veiled=veiled,
        )

    def age(self, seen: Seen) -> float:
        return max(time.clock_gettime(time.CLOCK_BOOTTIME) - seen.started / TICKS, 0.0)

    def listeners(self, port: int) -> frozenset[str]:
        return frozenset(
            f"socket:[{inode}]"
            for table in ("net/tcp", "net/tcp6")
            for address, inode in self._listening(table)
            if address.endswith(f":{port:04X}") and address.partition(":")[0] in LOCAL
        )

    def sockets(self, pid: int) -> frozenset[str]:
        folder = self.root / f"{pid}/fd"
        found = set()
        try:
            for name in os.listdir(folder):
                target = _target(folder / name)
                if target.startswith("socket:"):
                    found.add(target)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return frozenset()
        return frozenset(found)

    def _listening(self, table: str) -> Iterator[tuple[str, str]]:
        """Local addresses and inodes. What listens stands first, so the rest is not read."""
        try:
            with (self.root / table).open() as lines:
                next(lines)
                for line in lines:
                    fields = line.split()
                    if fields[3] != LISTENS:
                        return
                    yield fields[1], fields[9]
        except FileNotFoundError:  # no IPv6 here
            return

    def _mark(self, pid: int) -> tuple[str | None, bool]:
        try:
            environ = _content(f"{self.root}/{pid}/environ")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return None, True
        start = (b"\0" + environ).find(PREFIX)  # thus of where the variable itself begins
        if start < 0:
            return None, b"=" not in environ
        mark = environ[start + len(PREFIX) - 1 :].partition(b"\0")[0]
        return mark.decode(errors="replace"), False


def began(stat: bytes) -> int:
    """When a process started, by its line; `started` of Seen."""
    return int(_fields(stat)[STARTED])


def _fields(stat: bytes) -> list[str]:
    """Those behind the name, which stands in parentheses and may hold any of them, and spaces."""
    return stat[stat.rindex(b")") + 2 :].decode().split()


def _content(path: str) -> bytes:
    """As a file's, at less than half of the cost: thousands of them are read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = part = os.read(descriptor, PIECE)
        while len(part) == PIECE:
            part = os.read(descriptor, PIECE)
            content += part
        return content
    finally:
        os.close(descriptor)


def _target(link: Path) -> str:
    try:
        return os.readlink(link)
    except FileNotFoundError:  # closed meanwhile
        return ""
