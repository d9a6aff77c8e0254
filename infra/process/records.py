"""What is written beside a replica's log, for whoever finds its processes without a placement.

started.json       the models and ports that were about to be started, written before
process-0.pid      each process's pid, written by itself
command.json       what was executed
lock               held by the one control plane that prepares and starts it
"""

import fcntl
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.process.places import Placed
from infra.process.preparation import Prepared
from infra.process.processes import Processes


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

    def begin(self, prepared: Sequence[Prepared]) -> None:
        for each in prepared:
            each.launch.pid_file.unlink(missing_ok=True)
        started = [
            {"model": p.model.name, "port": p.port, "pid_file": p.launch.pid_file.name}
            for p in prepared
        ]
        self._write("started.json", started)
        self._write("command.json", [list(p.launch.argv) for p in prepared])

    def placed(self, processes: Processes) -> Sequence[Placed]:
        """The processes that were started, by what they wrote; none unless all did and all are there."""
        found = []
        for each in self._read("started.json"):
            with suppress(OSError, ValueError):
                seen = processes.one(int((self.folder / each["pid_file"]).read_text()))
                if seen is None:
                    return []
                found.append(
                    Placed(
                        model=each["model"], port=each["port"], pid=seen.pid, started=seen.started
                    )
                )
                continue
            return []
        return found

    def command(self) -> Sequence[Sequence[str]]:
        return self._read("command.json")

    def _read(self, name: str) -> list[Any]:
        try:
            found = json.loads((self.folder / name).read_text())
        except (OSError, ValueError):
            return []
        return found if isinstance(found, list) else []

    def _write(self, name: str, content: object) -> None:
        draft = self.folder / f"{name}.new"
        draft.write_text(json.dumps(content))
        draft.replace(self.folder / name)
