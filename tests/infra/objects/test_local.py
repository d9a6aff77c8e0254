"""Objects in a folder: durable, whole, private, and swept when their writer is killed."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from domain.errors import ObjectMissing, StorageFull, StorageUnavailable
from infra.objects import drafts
from infra.objects.disk import Disk
from infra.objects.local import LocalObjects
from tests.support.server import ROOT

KILLED = """
import asyncio, sys
from pathlib import Path
from infra.objects.local import LocalObjects

async def pieces():
    yield b"x" * 3_000_000
    print("writing", flush=True)
    await asyncio.Event().wait()

objects = LocalObjects(root=Path(sys.argv[1])).prepared()
asyncio.run(objects.put("files/a", pieces()))
"""


@dataclass
class Watched(Disk):
    """Writes down what is done, and fails where it is told to."""

    steps: list[str] = field(default_factory=list)
    failing: dict[str, int] = field(default_factory=dict)  # errno by step

    def write(self, descriptor: int, content: bytes | bytearray) -> None:
        self._step("write")
        super().write(descriptor, content)

    def sync(self, descriptor: int) -> None:
        self._step("sync")
        super().sync(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        self._step("rename")
        super().rename(source, target)

    def sync_folder(self, folder: Path) -> None:
        self._step(f"sync {folder.name}")
        super().sync_folder(folder)

    def _step(self, name: str) -> None:
        self.steps.append(name)
        if name in self.failing:
            raise OSError(self.failing[name], os.strerror(self.failing[name]))


@pytest.fixture
def disk() -> Watched:
    return Watched()


@pytest.fixture
def objects(tmp_path: Path, disk: Watched) -> LocalObjects:
    prepared = LocalObjects(root=tmp_path / "objects", disk=disk).prepared()
    disk.steps.clear()
    return prepared


async def of(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def files(objects: LocalObjects) -> list[str]:
    found = (p for p in objects.root.rglob("*") if p.is_file())
    return sorted(p.relative_to(objects.root).as_posix() for p in found)


async def test_an_object_is_on_the_disk_before_it_has_its_name(
    objects: LocalObjects, disk: Watched
) -> None:
    await objects.put("files/a", of(b"x"))
    assert disk.steps == ["write", "sync", "sync objects", "rename", "sync files"]
    disk.steps.clear()
    await objects.put_bytes("files/b", b"x")
    assert disk.steps == ["write", "sync", "rename", "sync files"]
    disk.steps.clear()
    await objects.remove(["files/a"])
    assert disk.steps == ["sync files"]


@pytest.mark.parametrize("step", ["write", "sync", "rename", "sync files"])
@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.EFBIG, StorageFull),
        (errno.EIO, StorageUnavailable),
        (errno.EROFS, StorageUnavailable),
    ],
)
async def test_a_disk_that_fails_leaves_nothing(
    objects: LocalObjects, disk: Watched, step: str, number: int, error: type[Exception]
) -> None:
    disk.failing[step] = number
    with pytest.raises(error):
        await objects.put("files/a", of(b"x" * 3_000_000))
    with pytest.raises(error):
        await objects.put_bytes("files/a", b"x")
    assert files(objects) == []
    disk.failing.clear()
    await objects.put_bytes("files/a", b"x")
    assert files(objects) == ["files/a"]


async def test_only_the_owner_reads_what_is_kept(objects: LocalObjects) -> None:
    await objects.put("files/a", of(b"x"))
    for path, wanted in (("", 0o700), ("tmp", 0o700), ("files", 0o700), ("files/a", 0o600)):
        assert (objects.root / path).stat().st_mode & 0o777 == wanted


async def test_folders_without_objects_go(objects: LocalObjects) -> None:
    await objects.put_bytes("batches/a/segments/1", b"x")
    await objects.put_bytes("batches/b/index", b"x")
    await objects.remove(["batches/a/segments/1"])
    assert sorted(p.name for p in (objects.root / "batches").iterdir()) == ["b"]


async def test_a_folder_that_goes_while_something_is_put_there_is_made_again(
    objects: LocalObjects,
) -> None:
    @dataclass
    class Racing(Disk):
        times: int = 3

        def rename(self, source: Path, target: Path) -> None:
            if self.times:
                self.times -= 1
                target.parent.rmdir()
            super().rename(source, target)

    racing = LocalObjects(root=objects.root, disk=Racing())
    await racing.put_bytes("batches/a/index", b"x")
    assert files(objects) == ["batches/a/index"]


async def test_two_that_remove_a_folders_last_objects_at_once_both_do(
    objects: LocalObjects,
) -> None:
    @dataclass
    class Racing(Disk):
        folders: list[str] = field(default_factory=list)

        def sync_folder(self, folder: Path) -> None:
            self.folders.append(folder.name)
            if folder.name == "segments":
                (folder / "2").unlink()
                folder.rmdir()
            super().sync_folder(folder)

    await objects.put_bytes("batches/a/segments/1", b"x")
    await objects.put_bytes("batches/a/segments/2", b"x")
    racing = Racing()
    await LocalObjects(root=objects.root, disk=racing).remove(["batches/a/segments/1"])
    assert files(objects) == []
    assert racing.folders == ["segments", "objects"]


async def test_a_folder_that_is_gone_is_an_outage_and_nothing_is_missing(
    objects: LocalObjects,
) -> None:
    """As a disk looks that is not mounted."""
    await objects.put_bytes("files/a", b"x")
    kept = objects.root.with_name("kept")
    objects.root.rename(kept)
    acts: list[Callable[[], Awaitable[object]]] = [
        lambda: objects.get("files/a", 0, 1),
        lambda: anext(objects.stream("files/a")),
        lambda: objects.put_bytes("files/b", b"x"),
        lambda: objects.put("files/b", of(b"x")),
        lambda: objects.remove(["files/a"]),
        lambda: anext(objects.listed("")),
        objects.sweep,
    ]
    for mounted in (False, True):
        if mounted:
            objects.root.mkdir()
        for act in acts:
            with pytest.raises(StorageUnavailable):
                await act()
    objects.root.rmdir()
    kept.rename(objects.root)
    assert await objects.get("files/a", 0, 1) == b"x"


async def test_a_link_is_no_object(objects: LocalObjects, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    await objects.put_bytes("files/a", b"x")
    (objects.root / "files/b").symlink_to(tmp_path / "secret")
    with pytest.raises((StorageUnavailable, ObjectMissing)):
        await objects.get("files/b", 0, 1)


async def test_what_is_being_written_is_not_swept(objects: LocalObjects) -> None:
    swept = []

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * 2_000_000
        swept.append(await objects.sweep())
        yield b"y"

    await objects.put("files/a", pieces())
    assert swept == [0]
    assert files(objects) == ["files/a"]


async def test_a_draft_that_is_swept_before_it_is_locked_is_begun_anew(
    objects: LocalObjects,
) -> None:
    """Between its making and its lock a file looks as a dead writer's does."""

    @dataclass
    class Late(Disk):
        times: int = 2

        def lock(self, descriptor: int) -> None:
            if self.times:
                self.times -= 1
                assert drafts.swept(objects.root / "tmp") == 1
            super().lock(descriptor)

    late = LocalObjects(root=objects.root, disk=Late())
    await late.put_bytes("files/a", b"x")
    assert await objects.get("files/a", 0, 1) == b"x"


@contextmanager
def a_writer(root: Path) -> Iterator[None]:
    """A process that has written 3 MB of an object; it is killed at the block's end."""
    writer = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(root)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        yield
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.communicate()


async def test_what_a_killed_writer_leaves_is_no_object_and_is_swept(
    objects: LocalObjects,
) -> None:
    with a_writer(objects.root):
        assert await objects.sweep() == 0
        [draft] = files(objects)
        assert (objects.root / draft).stat().st_size == 3_000_000
    assert [kept async for kept in objects.listed("")] == []
    with pytest.raises(ObjectMissing):
        await objects.get("files/a", 0, 1)
    assert await objects.sweep() == 1
    assert files(objects) == []
