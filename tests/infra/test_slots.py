"""Which control plane a process is, on real locks."""

import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from infra import slots
from tests.support.server import ROOT

HOLDS = """
import sys
from pathlib import Path
from infra import slots
with slots.taken(Path(sys.argv[1]), lambda: "killed") as plane:
    print(plane, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def new_id() -> Callable[[], str]:
    numbers: Iterator[int] = count(1)
    return lambda: f"plane-{next(numbers)}"


def test_whoever_comes_after_goes_on_under_the_same_id(
    tmp_path: Path, new_id: Callable[[], str]
) -> None:
    with slots.taken(tmp_path / "planes", new_id) as first:
        pass
    with slots.taken(tmp_path / "planes", new_id) as second:
        assert second == first


def test_two_at_once_have_two_ids_and_the_next_has_that_of_the_one_that_is_gone(
    tmp_path: Path, new_id: Callable[[], str]
) -> None:
    with slots.taken(tmp_path, new_id) as first:
        with slots.taken(tmp_path, new_id) as second:
            assert second != first
        with slots.taken(tmp_path, new_id) as third:
            assert third == second


def test_an_id_that_was_never_written_whole_is_drawn_anew(
    tmp_path: Path, new_id: Callable[[], str]
) -> None:
    (tmp_path / "0.plane").write_text(" \n")
    with slots.taken(tmp_path, new_id) as drawn:
        assert drawn == "plane-1"


def test_a_killed_process_leaves_its_slot(tmp_path: Path, new_id: Callable[[], str]) -> None:
    holds = [sys.executable, "-c", HOLDS, str(tmp_path)]
    with Popen(holds, stdout=PIPE, stdin=PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"killed\n"
        process.kill()
    with slots.taken(tmp_path, new_id) as successor:
        assert successor == "killed"
