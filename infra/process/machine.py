"""How this machine tells of its processes, and what it lets us limit."""

from pathlib import Path

from infra.process.limits import Limits, delegated
from infra.process.portable import Portable
from infra.process.processes import Processes
from infra.process.procfs import ProcFs
from infra.process.settings import ProcessSettings


def processes(own: Path = Path("/proc/self/stat")) -> Processes:
    return ProcFs() if own.exists() else Portable()


def limits(settings: ProcessSettings) -> Limits:
    """The operator's cgroup, else our own where it is delegated to us."""
    return Limits(settings.cgroup or delegated())
