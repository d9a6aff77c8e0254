"""Processes and sockets through psutil, where there is no /proc (macOS)."""

import os
import socket
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import psutil

from infra.process.processes import MARK, Seen

LOCALHOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Portable:
    def boot(self) -> str:
        return str(int(psutil.boot_time()))

    def all(self) -> Sequence[Seen]:
        return [seen for pid in psutil.pids() if (seen := self.one(pid))]

    def one(self, pid: int) -> Seen | None:
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                if process.status() == psutil.STATUS_ZOMBIE:
                    return None
                mark, veiled = _mark(process)
                return Seen(
                    pid=pid,
                    parent=process.ppid(),
                    group=os.getpgid(pid),
                    session=os.getsid(pid),
                    started=round(process.create_time() * 1000),
                    mark=mark,
                    veiled=veiled,
                )
        except (psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError, PermissionError):
            return None

    def age(self, seen: Seen) -> float:
        return max(time.time() - seen.started / 1000, 0.0)

    def listeners(self, port: int) -> frozenset[str]:
        """Only root may list others' sockets on macOS, so it is tried whether anybody listens."""
        with closing(socket.socket()) as trial:
            trial.settimeout(1)
            listens = trial.connect_ex((LOCALHOST, port)) == 0
        return frozenset({f"port:{port}"} if listens else ())

    def sockets(self, pid: int) -> frozenset[str]:
        try:
            connections = psutil.Process(pid).net_connections("tcp")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return frozenset()
        return frozenset(
            f"port:{each.laddr.port}" for each in connections if each.status == psutil.CONN_LISTEN
        )


def _mark(process: psutil.Process) -> tuple[str | None, bool]:
    try:
        environ = process.environ()
    except (psutil.AccessDenied, OSError):
        return None, True
    return environ.get(MARK), not environ
