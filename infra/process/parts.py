"""What every replica of a driver works with."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from domain.clock import Clock
from domain.deployments.ports import PlacePorts, SecretValues
from domain.deployments.reason import Reason
from domain.folders.ports import LocalFolders
from domain.work import Reads
from infra.process import processes as system
from infra.process.limits import Limits
from infra.process.log_file import LogFile
from infra.process.processes import Processes
from infra.process.settings import ProcessSettings


@dataclass(eq=False)
class CantStart(Exception):
    """A replica ends before it began."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class TakenPorts:
    """Ports that somebody else had when we wanted them, for a while."""

    until: dict[int, datetime] = field(default_factory=dict)

    def add(self, port: int, until: datetime) -> None:
        self.until[port] = until

    def at(self, now: datetime) -> Collection[int]:
        for port in [port for port, until in self.until.items() if until <= now]:
            del self.until[port]
        return set(self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    settings: ProcessSettings
    processes: Processes
    boot: str
    reads: Reads
    ports: PlacePorts
    secrets: SecretValues
    folders: LocalFolders
    clock: Clock
    limits: Limits
    taken: TakenPorts = field(default_factory=TakenPorts)

    def mark(self, replica_id: str) -> str:
        return system.mark(self.settings.installation, replica_id)

    def log(self, replica_id: str) -> LogFile:
        settings = self.settings
        return LogFile(settings.replicas / replica_id, settings.log_bytes, settings.log_files)

    def avoid(self, port: int) -> None:
        self.taken.add(port, self.clock() + self.settings.avoided)
