"""What is swept of files and objects, and what is not."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.batches.batch import Batch
from domain.errors import StorageUnavailable
from domain.files.facts import FileCreated, FileDeleted
from domain.files.file import File, FilePurpose, FileStatus
from domain.files.service import LEASE
from domain.files.sweeping import AT_ONCE, EVERY, GRACE, Sweeping
from tests.support.batches import a_batch, a_completed_batch, a_running_batch
from tests.support.builders import fresh
from tests.support.house import House

HOUR = timedelta(hours=1).total_seconds()


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def sweeping(house: House) -> Sweeping:
    return Sweeping(
        start_work=house.store.start_work,
        reads=house.store.reads,
        objects=house.objects,
        clock=house.clock,
    )


async def of(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def a_file(house: House, expires_after: float = HOUR) -> File:
    return await house.uploads.upload(
        house.caller, "in.jsonl", "batch", of(b"lines"), expires_after
    )


async def a_dead_upload(house: House) -> File:
    """As a process leaves it that is killed between its last byte and the commit."""
    file = await a_file(house)
    dead = replace(
        file,
        status=FileStatus.UPLOADING,
        size=0,
        sha256="",
        sweep_at=house.clock() + LEASE,
    )
    async with house.store.start_work("someone", "request:1") as work:
        await work.files.put(dead)
    return dead


async def kept(house: House, batch: Batch) -> Batch:
    async with house.store.start_work("someone", "request:1") as work:
        await work.batches.add(batch)
    return batch


def held(house: House) -> dict[str, File]:
    rows: dict[str, File] = house.store._kept.tables["file"]
    return dict(rows)


async def test_a_file_whose_time_is_up_goes_with_its_content(
    house: House, sweeping: Sweeping
) -> None:
    file = await a_file(house)
    other = await a_file(house, expires_after=2 * HOUR)
    assert await sweeping.act() == EVERY
    assert set(house.objects.kept) == {file.key, other.key}
    house.clock.forward(hours=1)
    await sweeping.act()
    assert set(house.objects.kept) == {other.key}
    gone = held(house)[file.id]
    assert (gone.status, gone.deleted_at, gone.sweep_at) == (
        FileStatus.DELETED,
        house.clock(),
        None,
    )
    assert (await house.facts())[-1] == FileDeleted(file_id=file.id, name="in.jsonl", expired=True)
    before = await house.facts()
    await sweeping.act()
    assert await house.facts() == before


async def test_a_file_that_a_live_batch_needs_outlives_its_time(
    house: House, sweeping: Sweeping
) -> None:
    file = await a_file(house)
    batch = await kept(house, a_running_batch(house.store.default, input_file_id=file.id))
    house.clock.forward(hours=3)
    await sweeping.act()
    assert set(house.objects.kept) == {file.key}
    done = a_completed_batch(house.store.default, id=batch.id, input_file_id=file.id)
    async with house.store.start_work("someone", "request:1") as work:
        await work.batches.put(done)
    await sweeping.act()
    assert house.objects.kept == {}


async def test_a_dead_upload_is_removed_once_its_lease_ran_out(
    house: House, sweeping: Sweeping
) -> None:
    dead = await a_dead_upload(house)
    await sweeping.act()
    assert set(house.objects.kept) == {dead.key}
    house.clock.forward(seconds=LEASE.total_seconds())
    await sweeping.act()
    assert house.objects.kept == {}
    assert held(house) == {}
    facts = await house.facts()
    assert [type(fact) for fact in facts] == [FileCreated]  # the test's own


async def test_a_servers_successor_has_its_dead_uploads_swept_at_once_and_no_others(
    house: House, sweeping: Sweeping
) -> None:
    dead = replace(await a_dead_upload(house), writer="mine")
    other = replace(await a_dead_upload(house), writer="another server's")
    async with house.store.start_work("someone", "request:1") as work:
        for each in (dead, other):
            await work.files.put(each)
    whole = await a_file(house)
    await replace(house.uploads, writer="mine").end_left()
    await sweeping.act()
    assert set(house.objects.kept) == {other.key, whole.key}
    assert set(held(house)) == {other.id, whole.id}


async def test_an_upload_says_which_server_takes_it_in_until_it_is_whole(house: House) -> None:
    seen: list[str | None] = []

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x"
        seen.extend(each.writer for each in held(house).values())

    uploads = replace(house.uploads, writer="mine")
    file = await uploads.upload(house.caller, "in.jsonl", "batch", pieces())
    assert (seen, file.writer, held(house)[file.id].writer) == (["mine"], None, None)


async def test_a_dead_upload_can_not_be_finished_once_it_is_being_swept(
    house: House, sweeping: Sweeping
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"x"
        house.clock.forward(seconds=LEASE.total_seconds())
        house.objects.trouble = lambda method, key: (
            StorageUnavailable(where="x", problem="away") if method == "remove" else None
        )
        with pytest.raises(StorageUnavailable):
            await sweeping.act()

    with pytest.raises(StorageUnavailable, match="still for too long"):
        await house.uploads.upload(house.caller, "in.jsonl", "batch", pieces())
    house.objects.trouble = lambda method, key: None
    await sweeping.act()
    assert house.objects.kept == {}
    assert held(house) == {}


async def test_what_a_deletion_could_not_remove_is_removed_later(
    house: House, sweeping: Sweeping
) -> None:
    file = await a_file(house)
    house.objects.unavailable = True
    await house.uploads.delete(house.caller, file.id)
    with pytest.raises(StorageUnavailable):
        await sweeping.act()
    assert held(house)[file.id].sweep_at is not None
    house.objects.unavailable = False
    await sweeping.act()
    assert house.objects.kept == {}
    assert held(house)[file.id].sweep_at is None


async def test_files_expire_also_while_their_store_is_away(
    house: House, sweeping: Sweeping
) -> None:
    file = await a_file(house)
    house.clock.forward(hours=1)
    house.objects.unavailable = True
    with pytest.raises(StorageUnavailable):
        await sweeping.act()
    assert held(house)[file.id].status is FileStatus.DELETED
    house.objects.unavailable = False
    await sweeping.act()
    assert house.objects.kept == {}


async def test_more_than_one_round_takes_is_gone_on_with_at_once(
    house: House, sweeping: Sweeping
) -> None:
    for _ in range(AT_ONCE + 1):
        await a_file(house)
    house.clock.forward(hours=1)
    assert await sweeping.act() == 0.0
    assert await sweeping.act() == EVERY
    assert house.objects.kept == {}


async def test_what_killed_writers_left_unfinished_is_swept(
    house: House, sweeping: Sweeping
) -> None:
    house.objects.unfinished = 3
    await sweeping.act()
    assert house.objects.unfinished == 0


async def test_an_old_object_of_no_file_is_removed_and_a_young_one_is_not(
    house: House, sweeping: Sweeping
) -> None:
    stray = f"files/{fresh()}"
    await house.objects.put_bytes(stray, b"x")
    file = await a_file(house, expires_after=24 * HOUR)
    await sweeping.act()
    assert set(house.objects.kept) == {stray, file.key}
    house.clock.forward(seconds=GRACE.total_seconds() + 1)
    uploading = await a_dead_upload(house)
    await sweeping.act()
    assert set(house.objects.kept) == {file.key, uploading.key}


async def test_an_old_upload_that_still_goes_on_is_no_stray(
    house: House, sweeping: Sweeping
) -> None:
    """A bucket may date an object by when its upload began."""
    uploading = await a_dead_upload(house)
    house.clock.forward(seconds=GRACE.total_seconds() + 1)
    async with house.store.start_work("someone", "request:1") as work:
        await work.files.put(replace(uploading, sweep_at=house.clock() + LEASE))
    await sweeping.act()
    assert set(house.objects.kept) == {uploading.key}


async def test_all_objects_are_looked_through_once_an_hour(
    house: House, sweeping: Sweeping
) -> None:
    def looks() -> int:
        return house.objects.calls.count(("listed", "files/"))

    for _ in range(3):
        await sweeping.act()
    assert looks() == 1
    house.clock.forward(hours=1)
    await sweeping.act()
    await sweeping.act()
    assert looks() == 2


async def test_a_look_that_failed_is_taken_again(house: House, sweeping: Sweeping) -> None:
    house.objects.trouble = lambda method, key: (
        StorageUnavailable(where="x", problem="away") if method == "listed" else None
    )
    with pytest.raises(StorageUnavailable):
        await sweeping.act()
    house.objects.trouble = lambda method, key: None
    stray = f"batches/{fresh()}/index-1"
    await house.objects.put_bytes(stray, b"x")
    house.clock.forward(minutes=1)
    before = len(house.objects.calls)
    await sweeping.act()
    assert ("listed", "batches/") in house.objects.calls[before:]


async def test_of_a_final_batch_its_results_alone_are_kept(
    house: House, sweeping: Sweeping
) -> None:
    batch = a_completed_batch(house.store.default)
    area = f"batches/{batch.id}"
    output = await a_file(house, expires_after=24 * HOUR)
    results = replace(
        output,
        id=fresh(),
        key=f"{area}/output-3",
        purpose=FilePurpose.BATCH_OUTPUT,
        batch_id=batch.id,
    )
    async with house.store.start_work("someone", "request:1") as work:
        await work.files.add(results)
    await kept(house, replace(batch, output_file_id=results.id))
    for name in ("index-1", "output-2", "output-3", "error-3", "segments/1", "segments/2"):
        await house.objects.put_bytes(f"{area}/{name}", b"x")
    await sweeping.act()
    assert set(house.objects.kept) == {output.key, results.key}


async def test_of_a_live_batch_nothing_is_removed_and_of_none_what_is_old(
    house: House, sweeping: Sweeping
) -> None:
    living = await kept(house, a_batch(house.store.default))
    mine, stray = f"batches/{living.id}/segments/1", f"batches/{fresh()}/segments/1"
    for key in (mine, stray):
        await house.objects.put_bytes(key, b"x")
    await sweeping.act()
    assert set(house.objects.kept) == {mine, stray}
    house.clock.forward(seconds=GRACE.total_seconds() + 1)
    await sweeping.act()
    assert set(house.objects.kept) == {mine}
