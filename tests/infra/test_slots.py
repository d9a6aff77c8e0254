"""Which control plane a process is, on real locks; and what a server asks of its system."""

import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from subprocess import PIPE, Popen, run

import pytest
from pydantic import SecretStr

from infra import plane, slots
from infra.settings import Settings
from tests.support.server import ROOT

HOLDS = """
import sys
from pathlib import Path
from infra import slots
with slots.taken(Path(sys.argv[1]), lambda: "killed") as plane:
    print(plane, flush=True)
    sys.stdin.read()
"""

COUNTS = """
import resource
from infra import serving
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
serving.allow_files()
most = serving.MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, serving.MOST_FILES)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], most)
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


def test_a_control_plane_goes_by_its_slot_and_by_what_its_machine_is_said_to_be_called(
    tmp_path: Path,
) -> None:
    url = SecretStr("postgresql://nowhere/modelyard")
    settings = Settings(data_dir=tmp_path, database_url=url, host_name="gpu-1")
    with plane._named(settings) as first, plane._named(settings) as second:
        assert [first[1], second[1]] == ["gpu-1", "gpu-1"]
        assert first[0] != second[0]
    with plane._named(settings) as again:
        assert again == first


def test_a_server_takes_as_many_open_files_as_it_may() -> None:
    counted = run([sys.executable, "-c", COUNTS], cwd=ROOT, capture_output=True, check=True)
    soft, most = map(int, counted.stdout.split())
    assert soft == most > 256
