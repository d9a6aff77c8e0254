"""A replica's log, while it is written, rotated and followed."""

import asyncio
import os
import resource
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from domain.deployments.ports import Sight
from domain.deployments.replica import ReplicaStatus
from infra.process import log_file
from infra.process.log_file import Lines, LogFile, _size, last_lines
from tests.support.replicas import GRACE, Bench, World, a_service, engine, running

SECONDS = 20


@pytest.fixture
def log(tmp_path: Path) -> LogFile:
    return LogFile(tmp_path, limit=100, kept=2)


def append(log: LogFile, content: bytes) -> None:
    """As an engine does, through a descriptor that knows nothing of rotation."""
    with log.path.open("ab") as file:
        file.write(content)


def everything(log: LogFile, position: int = 0) -> bytes:
    content = b""
    while True:
        part, position = log.read(position)
        if not part:
            return content
        content += part


async def take(lines: AsyncGenerator[str, None], count: int) -> list[str]:
    async with asyncio.timeout(SECONDS):
        return [await anext(lines) for _ in range(count)]


def test_the_last_lines_are_those_that_were_asked_for(log: LogFile) -> None:
    append(log, b"one\ntwo\nthree\n")
    assert last_lines(log, 2) == ["two", "three"]
    assert last_lines(log, 10) == ["one", "two", "three"]
    assert last_lines(log, 0) == []
    append(log, b"and a ha")
    assert last_lines(log, 2) == ["three", "and a ha"]


def test_a_log_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert last_lines(LogFile(tmp_path / "nowhere"), 5) == []
    assert last_lines(LogFile(tmp_path), 5) == []


def test_what_is_no_text_is_shown_as_well_as_can_be(log: LogFile) -> None:
    append(log, b"\x00\xff\xfebin\x00ary\x00\n 10%\r 50%\r100%\r\n")
    assert last_lines(log, 5) == ["\ufffd\ufffdbinary", "100%"]


def test_a_line_without_an_end_comes_in_pieces(log: LogFile) -> None:
    append(log, b"x" * (log_file.LONGEST * 2 + 5))
    assert [len(line) for line in last_lines(log, 5)] == [log_file.LONGEST] * 2 + [5]


def test_huge_output_is_looked_through_from_its_end(log: LogFile) -> None:
    append(log, b"".join(b"line %d\n" % n for n in range(400_000)))
    assert last_lines(log, 2) == ["line 399998", "line 399999"]
    assert 0 < len(last_lines(log, 1_000_000)) < 400_000


def test_a_small_log_is_not_rotated(log: LogFile) -> None:
    append(log, b"x" * 99)
    assert not log.rotate()


def test_rotation_leaves_the_writers_file_and_older_ones_beside_it(log: LogFile) -> None:
    writer = os.open(log.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in range(4):
        os.write(writer, b"%d" % number * 99 + b"\n")
        assert log.rotate()
    os.write(writer, b"end\n")
    os.close(writer)
    assert log.path.read_bytes() == b"end\n"
    assert (log.folder / "output.log.1").read_bytes() == b"3" * 99 + b"\n"
    assert (log.folder / "output.log.2").read_bytes() == b"2" * 99 + b"\n"
    assert not (log.folder / "output.log.3").exists()


def test_a_reader_finds_its_place_after_a_rotation(log: LogFile) -> None:
    append(log, b"a" * 60)
    _, position = log.read(0)
    append(log, b"b" * 60)
    log.rotate()
    append(log, b"c" * 60)
    assert everything(log, position) == b"b" * 60 + b"c" * 60
    assert last_lines(log, 1) == ["a" * 60 + "b" * 60 + "c" * 60]


def test_a_reader_that_is_too_far_behind_goes_on_with_what_is_kept(log: LogFile) -> None:
    for letter in b"abc":
        append(log, bytes([letter]) * 100)
        log.rotate()
    append(log, b"d")
    assert everything(log, 0) == b"c" * 100 + b"d"


def test_no_older_file_is_longer_than_the_limit(log: LogFile) -> None:
    append(log, b"first\n" + b"x" * 500 + b"\n" + b"y" * 50 + b"\n")
    log.rotate()
    assert (log.folder / "output.log.1").read_bytes() == b"y" * 50 + b"\n"
    append(log, b"z")
    assert everything(log, 3) == b"y" * 50 + b"\n" + b"z"


class Flooded(LogFile):
    """More is written to it whenever it is read."""

    def read(self, position: int) -> tuple[bytes, int]:
        assert _size(self.path) < 10 * log_file.MOST
        append(self, b"more\n" * (log_file.MOST // 5 + 1))
        return super().read(position)


def test_the_last_lines_of_a_log_that_never_ends_are_told_all_the_same(tmp_path: Path) -> None:
    log = Flooded(tmp_path)
    append(log, b"one\ntwo\n")
    assert set(last_lines(log, 5)) <= {"one", "two", "more", "mor", "mo", "m"}


def test_a_log_gives_its_room_back_where_there_is_none_for_a_copy(log: LogFile) -> None:
    """A limit on the size of files stands for a disk that is full."""
    append(log, b"x" * 200 + b"\n")
    log.rotate()
    append(log, b"y" * 200 + b"\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        assert log.rotate()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert log.path.read_bytes() == b""
    assert not (log.folder / "output.log.new").exists()
    append(log, b"and on\n")
    assert everything(log, 0) == b"and on\n"
    assert last_lines(log, 5) == ["and on"]


def test_lines_are_put_together_from_parts() -> None:
    lines = Lines()
    assert lines.of(b"on") == []
    assert lines.of(b"e\ntw") == ["one"]
    assert lines.of("ö\n".encode()[:1]) == []
    assert lines.of("ö\n".encode()[1:]) == ["twö"]
    assert lines.last() == []


async def test_a_log_is_followed_from_its_tail_until_its_replica_is_gone(
    bench: Bench, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    command = (
        f"echo one; echo two; while [ ! -e {gate} ]; do sleep 0.02; done; printf three; exit 1"
    )
    replica = await bench.start(command)
    async with aclosing(bench.logs.follow(replica, 100)) as lines:
        assert await take(lines, 2) == ["one", "two"]
        async with aclosing(bench.logs.follow(replica, 1)) as late:
            assert await take(late, 1) == ["two"]
        gate.touch()
        async with asyncio.timeout(SECONDS):
            assert [line async for line in lines] == ["three"]


async def test_a_log_is_followed_through_its_rotations(world: World, tmp_path: Path) -> None:
    """The engine waits for each line to be seen, so that none is lost to a rotation."""
    command = (
        f"for n in 0 1 2 3 4 5 6 7 8 9; do echo line $n; echo {'x' * 50};"
        f" while [ ! -e {tmp_path}/seen-$n ]; do sleep 0.01; done; done"
    )
    async with running(world, log_bytes=120) as bench:
        replica = await bench.start(command)
        seen = []
        async with asyncio.timeout(SECONDS):
            async for line in bench.logs.follow(replica, 0):
                if line.startswith("line"):
                    seen.append(line)
                    (tmp_path / f"seen-{line[-1]}").touch()
        log = bench.parts.log(replica.id)
        assert (log.folder / "output.log.1").exists()
    assert seen == [f"line {n}" for n in range(10)]


async def test_a_log_that_is_not_there_yet_is_waited_for(bench: Bench) -> None:
    replica = bench.row({"m": a_service("echo hello; exec sleep 600")})
    async with aclosing(bench.logs.follow(replica, 10)) as lines:
        first = asyncio.ensure_future(anext(lines))
        await asyncio.sleep(0)
        await bench.driver.start(replica, bench.revision_of(replica))
        async with asyncio.timeout(SECONDS):
            assert await first == "hello"


async def test_following_ends_when_the_row_of_a_replica_says_so(bench: Bench, world: World) -> None:
    replica = await bench.start(engine("says=one"))
    await bench.until(replica, Sight.HEALTHY)
    await bench.driver.release([replica])
    world.replicas.kept[replica.id] = replace(replica, status=ReplicaStatus.EXITED)
    async with asyncio.timeout(SECONDS):
        assert [line async for line in bench.logs.follow(replica, 10)] == ["one"]


async def test_the_tail_and_the_command_stay_when_a_replica_is_gone(bench: Bench) -> None:
    replica = await bench.start(engine("says=one"))
    observed = await bench.until(replica, Sight.HEALTHY)
    await bench.driver.stop(replica, GRACE)
    await bench.until(replica, Sight.EXITED)
    assert await bench.logs.tail(replica, 5) == ["one"]
    (command,) = await bench.logs.command(replica, bench.revision_of(replica))
    assert command[0].endswith("/python")
    assert command[1:] == ["engine.py", str(observed.endpoints[0].port), "says=one"]


async def test_the_command_of_a_replica_that_never_started_is_told(bench: Bench) -> None:
    replica = bench.row({"m": a_service("run {model_path} {port}", {"port": 8123})})
    commands = await bench.logs.command(replica, bench.revision_of(replica))
    assert commands == [["/bin/sh", "-c", "run /models 8123"]]


async def test_a_replica_that_floods_its_log_goes_on(world: World) -> None:
    async with running(world, log_bytes=200_000) as bench:
        replica = await bench.start(engine("lines=100000"))
        await bench.until(replica, Sight.HEALTHY)
        log = bench.parts.log(replica.id)
        async with aclosing(bench.logs.follow(replica, 1)) as lines:
            assert await take(lines, 1) == ["line 99999"]
        log = bench.parts.log(replica.id)
        await bench.driver.stop(replica, GRACE)
        await bench.until(replica, Sight.EXITED)
    sizes = [file.stat().st_size for file in log.folder.glob("output.log.[12]")]
    assert sizes
    assert all(size <= 400_000 for size in sizes)
