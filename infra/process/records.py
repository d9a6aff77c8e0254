"""What is written beside a replica's log, for whoever finds its processes without a placement.

started.json       the machine's boot, the models and ports about to be started, written before
process-0.pid      each process's pid, and its line in /proc where there is one, written by itself
command.json       what was executed
lock               held by the one control plane that prepares and starts it
"""

import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.process.places import Placed, is_ours
from infra.process.preparation import Prepared
from infra.process.processes import Processes
from infra.process.procfs import began


@dataclass(frozen=True, slots=True)
class Written:
    """The processes by what they wrote: those that are there, and whether these are all."""

    placed: Sequence[Placed] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Records:
    folder: Path

    def make(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def lock(self) -> int | None:
        """A descriptor to close when done; None while another has it. It goes with its process."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self.folder / "lock", flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def begin(self, prepared: Sequence[Prepared], boot: str) -> None:
        for each in prepared:
            each.launch.pid_file.unlink(missing_ok=True)
        started = [
            {"model": p.model.name, "port": p.port, "pid_file": p.launch.pid_file.name}
            for p in prepared
        ]
        self._write("started.json", {"boot": boot, "processes": started})
        self._write("command.json", [list(p.launch.argv) for p in prepared])

    def written(self, mark: str, boot: str, processes: Processes) -> Written:
        """What was started since the machine was; never a process that has the pid of one by now."""
        started = self._read("started.json") or {}
        if started.get("boot") != boot:
            return Written()
        wanted = started["processes"]
        found = [one for each in wanted if (one := self._there(each, mark, processes))]
        return Written(placed=found, whole=bool(found) and len(found) == len(wanted))

    def command(self) -> Sequence[Sequence[str]]:
        return self._read("command.json") or []

    def _there(self, started: Mapping[str, Any], mark: str, processes: Processes) -> Placed | None:
        try:
            pid, _, line = (self.folder / started["pid_file"]).read_text().partition("\n")
            seen = processes.one(int(pid))
        except (OSError, ValueError):
            return None
        if seen is None:
            return None
        at = began(line.encode()) if line else seen.started
        placed = Placed(model=started["model"], port=started["port"], pid=seen.pid, started=at)
        if line and seen.started == at and seen.mark is None:
            return placed  # it wrote that itself, whatever it did to its environment since
        return placed if is_ours(placed, mark, seen) else None

    def _read(self, name: str) -> Any:
        try:
            return json.loads((self.folder / name).read_text())
        except (OSError, ValueError):
            return None

    def _write(self, name: str, content: object) -> None:
        draft = self.folder / f"{name}.new"
        draft.write_text(json.dumps(content))
        draft.replace(self.folder / name)
