"""Starting a process that outlives us: a session of its own, no pipe, its pid written by itself.

The process is a shell first, for an instant: it writes its pid down, joins its cgroup, goes to its
folder and becomes the engine. So what was started is found again by whoever looks, even if we end
before we could say so.
"""

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SHELL = "/bin/sh"
STANDARD_ERROR = 2
BECOME = """
{ read -r modelyard_began </proc/$$/stat; } 2>/dev/null
printf '%s\n%s' "$$" "$modelyard_began" >"$1" || exit 126
[ -z "$2" ] || printf %s "$$" >"$2" || exit 126
cd -- "$3" || exit 126
[ ! -w /proc/self/oom_score_adj ] || printf %s 300 >/proc/self/oom_score_adj
shift 3
exec "$@"
"""
"""With the pid goes the line that tells when it began, where there is one: the pid may be another's by
the time it is read. A replica is what the kernel should end first when memory runs out, not the
server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """`pid_file` is written, and `members` (a cgroup's list of processes, where there is one)."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    pid_file: Path
    members: Path | None = None


def spawn(launch: Launch) -> int:
    """Its pid. Raises OSError, ValueError where the system refuses."""
    joins = str(launch.members or "")
    files = [str(launch.pid_file), joins, str(launch.folder)]
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        SHELL,
        [SHELL, "-c", BECOME, "modelyard", *files, *launch.argv],
        dict(launch.environment),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(launch.log), append, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            *((os.POSIX_SPAWN_CLOSE, each) for each in _inheritable()),
        ],
        setsid=True,
        setsigmask=(),
        setsigdef=signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP},
    )


def _inheritable() -> list[int]:
    """What would be passed on: not ours, but what whoever started us left open."""
    found = []
    for name in os.listdir("/dev/fd"):
        with suppress(OSError):  # the listing's own is closed by now
            if int(name) > STANDARD_ERROR and os.get_inheritable(int(name)):
                found.append(int(name))
    return found
