"""How this machine tells of its processes, and what it lets us limit."""

from pathlib import Path

from infra.process.limits import Limits, delegated
from infra.process.processes import Processes
from infra.process.procfs import ProcFs


def processes(own: Path = Path("/proc/self/stat")) -> Processes:
    if own.exists():
        return ProcFs()
    from infra.process.portable import Portable

    return Portable()


def limits() -> Limits:
    """By our own cgroup, where it is delegated to us."""
    return Limits(delegated())
