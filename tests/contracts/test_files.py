"""Files, on the fake and on each database."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from domain.files.file import File, FilePurpose, FileStatus
from domain.listing import Compare, Listing, Op
from tests.conftest import AnyStore
from tests.support.batches import a_batch, a_completed_batch, a_file, an_upload
from tests.support.builders import NOON, a_project
from tests.support.memory_rules import BrokenRule

SECOND = timedelta(seconds=1)
PROJECT = a_project()


async def add(store: AnyStore, *files: File) -> None:
    async with store.start_work("ada", "request:1") as w:
        if await w.projects.get(PROJECT.id) is None:
            await w.projects.add(PROJECT)
        for file in files:
            await w.files.add(file)


async def test_a_file_comes_back_as_it_was(store: AnyStore) -> None:
    output = a_file(
        PROJECT,
        purpose=FilePurpose.BATCH_OUTPUT,
        batch_id="b",
        size=2**40,
        key="batches/b/output-1",
    )
    await add(store, output)
    assert await store.reads.files.by_ids([output.id, "nothing"]) == {output.id: output}
    gone = replace(output, status=FileStatus.DELETED, deleted_at=NOON, sweep_at=NOON)
    async with store.start_work("ada", "request:2") as w:
        assert await w.files.lock(output.id) == output
        await w.files.put(gone)
    assert await store.reads.files.by_ids([output.id]) == {output.id: gone}


async def test_an_upload_is_seen_by_nobody_before_it_is_whole(store: AnyStore) -> None:
    upload, whole = an_upload(PROJECT), a_file(PROJECT)
    deleted = a_file(PROJECT, status=FileStatus.DELETED, deleted_at=NOON)
    await add(store, upload, whole, deleted)
    files = store.reads.files
    assert set(await files.by_ids([upload.id, whole.id, deleted.id])) == {whole.id, deleted.id}
    every = Listing(first=9, with_deleted=True)
    assert (await files.page(Listing(first=9))).items == (whole,)
    assert await files.count(Listing(first=9)) == 1
    assert {file.id for file in (await files.page(every)).items} == {whole.id, deleted.id}
    assert await files.count(every) == 2
    named = replace(every, where=Compare("name", Op.EQ, upload.name))
    assert await files.count(named) == 2
    async with store.start_work("ada", "request:2") as w:
        assert await w.files.get(upload.id) == upload


async def test_files_expire_when_nobody_needs_them(store: AnyStore) -> None:
    early, late, needed, used, young = (
        a_file(PROJECT, expires_at=NOON - seconds * SECOND) for seconds in (2, 0, 3, 1, -1)
    )
    gone = a_file(PROJECT, status=FileStatus.DELETED, deleted_at=NOON, expires_at=NOON - SECOND)
    upload = an_upload(PROJECT, expires_at=NOON - SECOND)
    await add(store, late, needed, used, young, gone, upload, early)
    async with store.start_work("ada", "request:2") as w:
        await w.batches.add(a_batch(PROJECT, input_file_id=needed.id))
        await w.batches.add(a_completed_batch(PROJECT, input_file_id=used.id))
    assert await store.reads.files.expired(NOON, 9) == [early, used, late]
    assert await store.reads.files.expired(NOON, 1) == [early]


async def test_what_is_left_of_files_is_swept_in_time(store: AnyStore) -> None:
    early = an_upload(PROJECT, sweep_at=NOON - SECOND)
    late = a_file(PROJECT, status=FileStatus.DELETED, deleted_at=NOON, sweep_at=NOON)
    young, kept = an_upload(PROJECT, sweep_at=NOON + SECOND), a_file(PROJECT)
    await add(store, late, young, kept, early)
    assert await store.reads.files.to_sweep(NOON, 9) == [early, late]
    assert await store.reads.files.to_sweep(NOON, 1) == [early]


async def test_what_a_server_takes_in_is_known_by_its_name(store: AnyStore) -> None:
    mine, others, nobodys = (an_upload(PROJECT, writer=writer) for writer in ("a", "b", None))
    whole = a_file(PROJECT, writer="a")
    await add(store, mine, others, nobodys, whole)
    assert await store.reads.files.uploads_of("a") == [mine]
    assert await store.reads.files.uploads_of("b") == [others]
    assert await store.reads.files.uploads_of("c") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"sha256": ""},
        {"size": -1},
        {"deleted_at": NOON},
        {"status": FileStatus.DELETED},
        {"status": FileStatus.UPLOADING, "sweep_at": None},
    ],
    ids=lambda wrong: "-".join(wrong),
)
async def test_what_can_not_be_true_of_a_file_is_not_kept(
    store: AnyStore, wrong: dict[str, Any]
) -> None:
    file = a_file(PROJECT, **wrong)
    with pytest.raises((IntegrityError, BrokenRule)):
        await add(store, file)
    assert await store.reads.files.by_ids([file.id]) == {}
