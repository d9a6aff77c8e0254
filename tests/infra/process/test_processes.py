"""What belongs to a replica, and how processes are seen."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from infra.process import ending, exits
from infra.process.places import Placed, alive, is_ours
from infra.process.portable import Portable
from infra.process.processes import MARK, Processes, Seen, marked, members
from infra.process.procfs import ProcFs
from tests.support.replicas import ended

MARKED = "inst:r1"
BOTH = pytest.mark.parametrize("processes", [ProcFs(), Portable()], ids=["procfs", "psutil"])


def a_process(pid: int, **said: object) -> Seen:
    own = {"pid": pid, "started": pid, "parent": 1, "group": pid, "session": pid, "mark": None}
    return Seen(**{**own, **said})  # type: ignore[arg-type]  # a test says what it says


def pids(seen: list[Seen]) -> set[int]:
    return {each.pid for each in seen}


def test_a_replica_is_what_carries_its_mark_its_sessions_and_their_descendants() -> None:
    main = a_process(10, mark=MARKED)
    seen = [
        main,
        a_process(11, session=10, parent=10),  # wrote over its environment
        a_process(12, mark=MARKED),  # left the session, its parent is gone
        a_process(13, parent=12),  # left the session with a clean environment
        a_process(20, mark="inst:r2"),
        a_process(21, parent=20),
        a_process(30),
    ]
    assert pids(members(seen, MARKED, [main])) == {10, 11, 12, 13}


def test_what_an_ended_process_left_in_its_session_is_its_replicas() -> None:
    main = a_process(10, mark=MARKED)
    assert pids(members([a_process(11, session=10)], MARKED, [main])) == {11}


def test_a_pid_that_another_process_has_by_now_is_not_the_replicas() -> None:
    main = a_process(10, mark=MARKED)
    seen = [a_process(10, started=99), a_process(11, session=10, started=100)]
    assert members(seen, MARKED, [main]) == []


def test_another_replica_is_never_a_member_even_as_a_child() -> None:
    main = a_process(10, mark=MARKED)
    child = a_process(11, mark="inst:r2", parent=10, session=10)
    assert pids(members([main, child], MARKED, [main])) == {10}


def test_marked_processes_are_found_by_installation() -> None:
    seen = [a_process(1, mark="a:r1"), a_process(2, mark="b:r2"), a_process(3, mark="a:r1")]
    found = marked(seen, "a")
    assert (list(found), pids(found["r1"])) == (["r1"], {1, 3})
    assert marked([a_process(1, mark="nonsense"), a_process(2)], "a") == {}


def test_a_process_is_known_by_its_start_and_its_mark() -> None:
    placed = Placed(model="m", port=1, pid=10, started=10)
    assert is_ours(placed, MARKED, a_process(10, mark=MARKED))
    assert is_ours(placed, MARKED, a_process(10, veiled=True))
    assert not is_ours(placed, MARKED, a_process(10))
    assert not is_ours(placed, MARKED, a_process(10, mark="inst:r2"))
    assert not is_ours(placed, MARKED, a_process(10, mark=MARKED, started=11))
    assert not is_ours(placed, MARKED, a_process(10, veiled=True, session=9))
    assert not is_ours(placed, MARKED, None)


@BOTH
async def test_a_process_is_seen_as_it_is(processes: Processes) -> None:
    child = await asyncio.create_subprocess_exec(
        "sleep", "600", env={MARK: MARKED, "PATH": os.environ["PATH"]}, start_new_session=True
    )
    seen = processes.one(child.pid)
    assert seen is not None
    assert (seen.parent, seen.group, seen.session) == (os.getpid(), child.pid, child.pid)
    assert (seen.mark, seen.veiled) == (MARKED, False)
    assert seen in processes.all()
    assert processes.one(child.pid) == seen
    assert 0 <= processes.age(seen) < 60
    placed = Placed(model="m", port=1, pid=child.pid, started=seen.started)
    assert alive([placed], MARKED, processes) == [placed]
    child.kill()
    await child.wait()
    assert processes.one(child.pid) is None


@BOTH
def test_a_process_that_was_not_waited_for_is_gone(processes: Processes) -> None:
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {})
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert processes.one(pid) is None
    assert exits.reaped(pid) == 0
    assert exits.reaped(pid) is None


@BOTH
def test_the_boot_is_the_same_as_long_as_the_machine_runs(processes: Processes) -> None:
    assert processes.boot() == processes.boot() != ""


def test_a_name_with_parentheses_is_no_riddle(tmp_path: Path) -> None:
    fields = "S 7 8 9" + " 0" * 15 + " 4711 0"
    (tmp_path / "5").mkdir()
    (tmp_path / "5/stat").write_text(f"5 (a) R (b) {fields}\n")
    (tmp_path / "5/environ").write_bytes(b"TITLE WRITTEN OVER IT\0\0\0")
    (seen,) = ProcFs(tmp_path).all()
    assert (seen.parent, seen.group, seen.session, seen.started) == (7, 8, 9, 4711)
    assert (seen.mark, seen.veiled) == (None, True)


@pytest.mark.parametrize("processes", [ProcFs(), Portable()], ids=["procfs", "psutil"])
async def test_an_end_is_seen_with_its_code(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """psutil's platforms have no pidfds."""
    if isinstance(processes, Portable):
        monkeypatch.delattr(os, "pidfd_open")
    seen = processes.one(a_sleeper())
    assert seen is not None
    end = asyncio.create_task(exits.ended(seen, processes))
    exits.send(seen, signal.SIGTERM, processes)
    assert await end == -signal.SIGTERM
    assert await exits.ended(seen, processes) is None
    exits.send(seen, signal.SIGTERM, processes)


class Hiding(ProcFs):
    """As a kernel that shows nothing of a process that is ending, before its parent may wait for it."""

    def one(self, pid: int) -> Seen | None:
        return None


async def test_the_code_of_what_is_hidden_before_it_has_ended_is_not_missed() -> None:
    seen = ProcFs().one(a_sleeper())
    assert seen is not None
    end = asyncio.create_task(exits.ended(seen, Hiding()))
    await asyncio.sleep(0)
    os.kill(seen.pid, signal.SIGTERM)
    assert await end == -signal.SIGTERM


def a_sleeper() -> int:
    """A child that no event loop watches."""
    return os.posix_spawn("/bin/sh", ["sh", "-c", "exec sleep 600"], {})


async def test_a_signal_never_reaches_another_process_with_the_pid() -> None:
    child = await asyncio.create_subprocess_exec("sleep", "600")
    before = a_process(child.pid, started=1)
    exits.send(before, signal.SIGKILL, ProcFs())
    assert await exits.ended(before, ProcFs()) is None
    assert ProcFs().one(child.pid) is not None
    child.kill()
    await child.wait()


async def test_ending_what_is_not_there_ends_at_once() -> None:
    await ending.end("inst:nobody", [], 600, ProcFs())
    await ended(2**22 - 1)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (0, "exit code 0"),
        (-9, "SIGKILL"),
        (-63, "signal 63"),
        (None, "an exit code that nobody saw"),
    ],
)
def test_exit_codes_are_told_in_words(code: int | None, says: str) -> None:
    assert exits.shown(code) == says
