"""A replica's placement: what a driver needs to find its processes again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.deployments.replica import Endpoint
from infra.process.processes import Processes, Seen

LOCALHOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One model's process."""

    model: str
    port: int
    pid: int
    started: int

    @property
    def seen(self) -> Seen:
        """As it was started: the first of its session and of its group."""
        pid = self.pid
        return Seen(pid=pid, parent=0, group=pid, session=pid, started=self.started, mark=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    host: str
    boot: str
    processes: tuple[Placed, ...]

    def written(self) -> Mapping[str, Any]:
        processes = [
            {"model": p.model, "pid": p.pid, "started": p.started, "port": p.port}
            for p in self.processes
        ]
        return {"host": self.host, "boot": self.boot, "processes": processes}

    def endpoints(self) -> tuple[Endpoint, ...]:
        return tuple(Endpoint(model=p.model, host=LOCALHOST, port=p.port) for p in self.processes)


def read(written: Mapping[str, Any]) -> Placement:
    return Placement(
        host=written["host"],
        boot=written["boot"],
        processes=tuple(Placed(**each) for each in written["processes"]),
    )


def alive(placed: Sequence[Placed], mark: str, processes: Processes) -> list[Placed]:
    """Those that still run."""
    return [each for each in placed if is_ours(each, mark, processes.one(each.pid))]


def owned(placed: Sequence[Placed], mark: str, processes: Processes) -> list[Placed]:
    """Those that are ours or gone: what they left is ours, too. The others are somebody else's
    processes, whatever the placement says."""
    seen = {each: processes.one(each.pid) for each in placed}
    return [each for each, now in seen.items() if now is None or is_ours(each, mark, now)]


def is_ours(placed: Placed, mark: str, now: Seen | None) -> bool:
    """A process that wrote its title over its environment is known by its start, and by leading its
    session as it was started to."""
    if now is None or now.started != placed.started:
        return False
    return now.mark == mark or (now.veiled and now.session == now.pid)
