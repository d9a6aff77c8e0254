"""A revision's cpu and memory, held by the kernel where a cgroup can be had.

Only cgroup v2 bounds a whole process tree. There is no other bound: RLIMIT_AS and RLIMIT_DATA count
address space, of which CUDA and memory-mapped weights take far more than memory, and count it for each
process alone. https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from domain.definitions import resources

PERIOD = 100_000  # microseconds
FILES = {"memory": "memory.max", "cpu": "cpu.max"}


@dataclass(frozen=True, slots=True)
class Limits:
    """`root` is a cgroup whose children are ours to make; None: there is none."""

    root: Path | None

    def hold(self, replica_id: str, wanted: Mapping[str, str]) -> Path | None:
        """The list of processes to join for these resources; None where nothing bounds them."""
        said = self.wanted(wanted)
        if self.root is None or not said:
            return None
        group = self._group(replica_id)
        try:
            group.mkdir(exist_ok=True)
            for file, value in said.items():
                (group / file).write_text(value)
        except OSError:
            return None
        return group / "cgroup.procs"

    def wanted(self, resources: Mapping[str, str]) -> Mapping[str, str]:
        """What the files of a cgroup would have to say."""
        return {FILES[key]: limit(key, resources[key]) for key in FILES if key in resources}

    def out_of_memory(self, replica_id: str) -> bool:
        """Whether the kernel ended a process of it for its memory."""
        if self.root is None:
            return False
        try:
            events = (self._group(replica_id) / "memory.events").read_text().split()
        except OSError:
            return False
        return int(dict(zip(events[::2], events[1::2], strict=True)).get("oom_kill", "0")) > 0

    def forget(self, replica_id: str) -> None:
        if self.root is not None:
            with suppress(OSError):
                self._group(replica_id).rmdir()

    def _group(self, replica_id: str) -> Path:
        assert self.root is not None
        return self.root / f"modelyard-{replica_id}"


def limit(key: str, quantity: str) -> str:
    """A quantity as the file of its controller wants it."""
    amount = resources.amount(quantity) or Decimal(0)
    if key == "memory":
        return str(int(amount))
    return f"{max(int(amount * PERIOD), 1000)} {PERIOD}"


def delegated(
    proc: Path = Path("/proc/self"), mounts: Path = Path("/proc/self/mounts")
) -> Path | None:
    """Our own cgroup, if children of it get both controllers and we may make them."""
    try:
        lines = mounts.read_text().splitlines()
        groups = (proc / "cgroup").read_text().splitlines()
    except OSError:
        return None
    roots = [fields[1] for line in lines if (fields := line.split())[2] == "cgroup2"]
    own = [line.removeprefix("0::/") for line in groups if line.startswith("0::/")]
    if not roots or not own:
        return None
    group = Path(roots[0]) / own[0]
    try:
        given = (group / "cgroup.subtree_control").read_text().split()
    except OSError:
        return None
    return group if {"memory", "cpu"} <= set(given) and os.access(group, os.W_OK) else None


def kills(vmstat: Path = Path("/proc/vmstat")) -> int:
    """How many processes the kernel ended for want of memory since the machine started."""
    with suppress(OSError):
        for line in vmstat.read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
