"""Uploading, reading and deleting files."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from hashlib import sha256

import pytest

from domain.access.access import Role
from domain.errors import (
    FileInUse,
    FileTooLarge,
    Forbidden,
    InvalidValue,
    NotFound,
    StorageFull,
    StorageUnavailable,
)
from domain.files.asked import Asked
from domain.files.facts import FileCreated, FileDeleted
from domain.files.file import KEPT, File, FilePurpose, FileStatus
from domain.files.service import LEASE
from tests.support.batches import a_batch
from tests.support.build import a_caller
from tests.support.house import FILE_LIMIT, House
from tests.support.memory_objects import FULL

LINES = b'{"custom_id": "1"}\n'


@pytest.fixture
def house() -> House:
    return House()


async def of(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def a_file(house: House, content: bytes = LINES, name: str = "in.jsonl") -> File:
    return await house.uploads.upload(house.caller, name, "batch", of(content))


def saying(said: Asked) -> Callable[[], Asked]:
    return lambda: said


async def rows(house: House) -> list[File]:
    """All that are kept, also those that no list shows."""
    kept = house.store._kept.tables["file"]
    return list(kept.values())


async def test_an_upload_is_kept_with_what_is_known_of_it(house: House) -> None:
    begun = house.clock()
    file = await house.uploads.upload(house.caller, "in.jsonl", "batch", of(b"one", b"two"))
    assert (file.name, file.purpose, file.status) == (
        "in.jsonl",
        FilePurpose.BATCH,
        FileStatus.PROCESSED,
    )
    assert (file.size, file.sha256) == (6, sha256(b"onetwo").hexdigest())
    assert file.expires_at - file.created_at == KEPT
    assert file.created_at >= begun
    assert file.sweep_at is None
    assert house.objects.content(file.key) == b"onetwo"
    assert await house.uploads.get(house.caller, file.id) == file
    content = [piece async for piece in house.uploads.content(file, 1, 5)]
    assert b"".join(content) == b"netw"
    assert await house.facts() == [
        FileCreated(file_id=file.id, name="in.jsonl", purpose="batch", size=6, sha256=file.sha256)
    ]


async def test_an_upload_is_written_down_before_its_first_byte_and_shown_after_its_last(
    house: House,
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        [begun] = await rows(house)
        assert begun.status is FileStatus.UPLOADING
        assert begun.sweep_at is not None
        assert begun.sweep_at - begun.created_at == LEASE
        assert await house.store.reads.files.by_ids([begun.id]) == {}
        with pytest.raises(NotFound):
            await house.uploads.get(house.caller, begun.id)
        with pytest.raises(NotFound):
            await house.uploads.delete(house.caller, begun.id)
        yield LINES

    await house.uploads.upload(house.caller, "in.jsonl", "batch", pieces())


async def test_the_lease_of_an_upload_moves_on_while_bytes_come(house: House) -> None:
    seen = []

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(5):
            house.clock.forward(minutes=6)
            yield b"x"
            [held] = await rows(house)
            assert held.sweep_at is not None
            seen.append(held.sweep_at - house.clock())

    await house.uploads.upload(house.caller, "in.jsonl", "batch", pieces())
    assert all(left > LEASE / 2 for left in seen)
    assert len(seen) == 5


async def test_an_upload_that_was_taken_for_dead_is_refused_and_leaves_nothing(
    house: House,
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"x"
        [held] = await rows(house)
        async with house.store.start_work("files", "sweep") as work:
            await work.files.remove(held.id)

    with pytest.raises(StorageUnavailable, match="still for too long"):
        await house.uploads.upload(house.caller, "in.jsonl", "batch", pieces())
    assert await house.facts() == []


@pytest.mark.parametrize("purpose", ["batch_output", "fine-tune", "", "BATCH", "x" * 500])
async def test_only_files_for_batches_are_uploaded(house: House, purpose: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        await house.uploads.upload(house.caller, "in.jsonl", purpose, of(LINES))
    assert refused.value.path == ("purpose",)
    assert len(refused.value.message) < 200
    assert house.objects.calls == []
    assert await rows(house) == []


@pytest.mark.parametrize("seconds", [3_599.0, 2_592_001.0, -1.0, float("nan"), float("inf")])
async def test_a_file_is_kept_an_hour_at_least_and_thirty_days_at_most(
    house: House, seconds: float
) -> None:
    with pytest.raises(InvalidValue) as refused:
        await house.uploads.upload(house.caller, "in.jsonl", "batch", of(LINES), seconds)
    assert refused.value.path == ("expires_after",)
    assert house.objects.calls == []


@pytest.mark.parametrize("seconds", [3_600.0, 2_592_000.0])
async def test_a_file_expires_when_it_was_said(house: House, seconds: float) -> None:
    file = await house.uploads.upload(house.caller, "in.jsonl", "batch", of(LINES), seconds)
    assert file.expires_at - file.created_at == timedelta(seconds=seconds)


@pytest.mark.parametrize("name", ["", "x" * 256, "a\0b", "\ud800"])
async def test_what_can_not_be_kept_is_no_name(house: House, name: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        await a_file(house, name=name)
    assert refused.value.path == ("file",)


async def test_a_file_has_the_limit_s_bytes_at_most_and_a_larger_one_leaves_nothing(
    house: House,
) -> None:
    assert (await a_file(house, b"x" * FILE_LIMIT)).size == FILE_LIMIT
    before = set(house.objects.kept)
    with pytest.raises(FileTooLarge) as refused:
        await house.uploads.upload(
            house.caller, "big.jsonl", "batch", of(b"x" * FILE_LIMIT, b"y", b"z")
        )
    assert (refused.value.file, refused.value.limit) == ("big.jsonl", FILE_LIMIT)
    assert set(house.objects.kept) == before
    assert len(await rows(house)) == 1


async def test_a_client_that_hangs_up_leaves_nothing(house: House) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"x"
        raise ConnectionResetError()

    with pytest.raises(ConnectionResetError):
        await house.uploads.upload(house.caller, "in.jsonl", "batch", pieces())
    assert house.objects.kept == {}
    assert await rows(house) == []
    assert await house.facts() == []


async def test_an_upload_that_is_cancelled_leaves_nothing(house: House) -> None:
    stuck = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x"
        stuck.set()
        await asyncio.Event().wait()

    uploading = asyncio.create_task(
        house.uploads.upload(house.caller, "in.jsonl", "batch", pieces())
    )
    await stuck.wait()
    uploading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await uploading
    assert house.objects.kept == {}
    assert await rows(house) == []


async def test_what_a_form_says_behind_its_file_is_judged_at_the_end_and_leaves_nothing(
    house: House,
) -> None:
    for said in (Asked(purpose="vision"), Asked(purpose="batch", expires_after=1.0)):
        with pytest.raises(InvalidValue):
            await house.uploads.upload_form(house.caller, "in", of(LINES), saying(said))
    assert house.objects.kept == {}
    assert await rows(house) == []
    late = Asked(purpose="batch", expires_after=7_200.0)
    file = await house.uploads.upload_form(house.caller, "in", of(LINES), saying(late))
    assert file.expires_at - file.created_at == timedelta(hours=2)


async def test_a_full_disk_is_told_and_leaves_nothing(house: House) -> None:
    house.objects.full = True
    with pytest.raises(StorageFull):
        await a_file(house)
    assert await rows(house) == []
    house.objects.full = False
    house.objects.trouble = lambda method, key: FULL if method == "put" else None
    with pytest.raises(StorageFull):
        await a_file(house)
    assert await rows(house) == []


async def test_a_disk_that_is_too_full_to_remove_anything_is_swept_later(house: House) -> None:
    """As some that copy on write are."""
    file = await a_file(house)
    house.objects.trouble = lambda method, key: FULL if method == "remove" else None
    assert (await house.uploads.delete(house.caller, file.id)).sweep_at is not None
    with pytest.raises(InvalidValue):
        await house.uploads.upload_form(
            house.caller, "in", of(LINES), saying(Asked(purpose="vision"))
        )
    assert all(row.sweep_at is not None for row in await rows(house))


async def test_an_outage_in_an_upload_leaves_what_is_to_be_swept(house: House) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"x"
        house.objects.unavailable = True
        yield b"y"

    with pytest.raises(StorageUnavailable):
        await house.uploads.upload(house.caller, "in.jsonl", "batch", pieces())
    [left] = await rows(house)
    assert left.status is FileStatus.UPLOADING
    assert left.sweep_at is not None


async def test_a_deleted_file_is_gone_with_its_content(house: House) -> None:
    file = await a_file(house)
    deleted = await house.uploads.delete(house.caller, file.id)
    assert (deleted.status, deleted.deleted_at) == (FileStatus.DELETED, house.clock())
    assert house.objects.kept == {}
    with pytest.raises(NotFound):
        await house.uploads.get(house.caller, file.id)
    with pytest.raises(NotFound):
        await house.uploads.delete(house.caller, file.id)
    assert (await house.facts())[1:] == [
        FileDeleted(file_id=file.id, name="in.jsonl", expired=False)
    ]


async def test_a_file_is_deleted_also_while_its_store_is_away(house: House) -> None:
    file = await a_file(house)
    house.objects.unavailable = True
    deleted = await house.uploads.delete(house.caller, file.id)
    assert deleted.sweep_at is not None
    assert set(house.objects.kept) == {file.key}


async def test_a_file_that_a_live_batch_needs_is_not_deleted(house: House) -> None:
    file = await a_file(house)
    batch = a_batch(house.store.default, input_file_id=file.id)
    async with house.store.start_work("someone", "request:1") as work:
        await work.batches.add(batch)
    with pytest.raises(FileInUse) as refused:
        await house.uploads.delete(house.caller, file.id)
    assert refused.value.path == ("file_id",)
    assert set(house.objects.kept) == {file.key}
    assert (await house.uploads.get(house.caller, file.id)).status is FileStatus.PROCESSED


async def test_who_may_do_what(house: House) -> None:
    file = await a_file(house)
    viewer = a_caller(house.store.default.id, Role.VIEWER)
    assert await house.uploads.get(viewer, file.id) == file
    with pytest.raises(Forbidden):
        await house.uploads.upload(viewer, "in.jsonl", "batch", of(LINES))
    with pytest.raises(Forbidden):
        await house.uploads.delete(viewer, file.id)
    stranger = a_caller("another project")
    with pytest.raises(NotFound):
        await house.uploads.get(stranger, file.id)
    with pytest.raises(NotFound):
        await house.uploads.delete(stranger, file.id)
