"""Commands in processes of their own that start at once: forked from one that has everything loaded.

process = forks().start(["serve"], env, cwd, stdout, stderr)      # as subprocess.Popen

The process to fork from (this file, run as a script) lives as long as whoever started it: it reads
a socket whose other end is ours. It has no threads and no event loop, so that a fork is a fresh
start but for the imports.
"""

import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]
LARGEST = 1 << 20
MODELYARD = "infra.cli:main"


@dataclass(kw_only=True)
class Process:
    """One forked command. Its status comes over `told`, which ends with it."""

    pid: int
    told: socket.socket
    code: int | None = field(default=None)

    def poll(self) -> int | None:
        if self.code is None and select.select([self.told], [], [], 0)[0]:
            self._hear()
        return self.code

    def wait(self, timeout: float) -> int:
        if self.code is None:
            self.told.settimeout(timeout)
            self._hear()
        assert self.code is not None
        return self.code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def _hear(self) -> None:
        self.code = os.waitstatus_to_exitcode(int(self.told.recv(16)))
        self.told.close()


@dataclass(frozen=True)
class Forks:
    asking: socket.socket

    def start(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        stdout: int,
        stderr: int,
        program: str = MODELYARD,
    ) -> Process:
        """`program` is `module:function`; the standard streams are file descriptors."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        said = {"program": program, "arguments": arguments, "env": dict(env), "cwd": str(cwd)}
        with theirs:
            fds = theirs.fileno(), stdout, stderr
            socket.send_fds(self.asking, [json.dumps(said).encode()], fds)
        return Process(pid=int(ours.recv(16)), told=ours)


@cache
def forks() -> Forks:
    """This test process's own."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for each in (ours, theirs):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST)
    with theirs:
        theirs.set_inheritable(True)
        run = [sys.executable, "-m", "tests.support.forks", str(theirs.fileno())]
        os.posix_spawn(sys.executable, run, {**os.environ, "PYTHONPATH": str(ROOT)}, setsid=True)
    return Forks(ours)


def main(asked: socket.socket) -> None:
    """Fork for each job; tell each one's pid at once and its status in the end."""
    import infra.cli
    import infra.serving  # noqa: F401 - what is imported here need not be in the forks

    running: dict[int, tuple[int, socket.socket]] = {}
    while True:
        for ready in select.select([asked.fileno(), *running], [], [])[0]:
            if ready in running:
                pid, told = running.pop(ready)
                os.close(ready)
                status = os.waitpid(pid, 0)[1]
                with told:
                    tell(told, status)
                continue
            job, fds, _, _ = socket.recv_fds(asked, LARGEST, 3)
            if not job:
                for pid, _ in running.values():
                    os.kill(pid, signal.SIGKILL)
                return
            pid = os.fork()
            if pid == 0:
                asked.close()
                become(json.loads(job), fds)
            told = socket.socket(fileno=fds[0])
            for fd in fds[1:]:
                os.close(fd)
            running[os.pidfd_open(pid)] = pid, told
            tell(told, pid)


def tell(told: socket.socket, number: int) -> None:
    try:
        told.send(str(number).encode())
    except BrokenPipeError:  # nobody wants to know
        return


def become(job: dict[str, object], fds: Sequence[int]) -> None:
    """Run the command and end."""
    for target, fd in enumerate(fds[1:], 1):
        os.dup2(fd, target)
    for fd in fds:
        os.close(fd)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code: object = 0
    try:
        os.environ.clear()
        os.environ.update(job["env"])  # type: ignore[call-overload]  # it came as JSON
        os.chdir(str(job["cwd"]))
        sys.argv = ["modelyard", *job["arguments"]]  # type: ignore[misc]  # as above
        module, _, function = str(job["program"]).partition(":")
        getattr(import_module(module), function)()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:  # noqa: BLE001 - the process's edge
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
