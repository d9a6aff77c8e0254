"""A new batch of the lines that have no result."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.batches import remaining
from domain.batches.batch import Batch, BatchStatus, TargetKind, Wish
from domain.batches.facts import BatchJobCreated
from domain.batches.input.requests import Limits
from domain.batches.input.validation import Reading
from domain.batches.shard import Shard
from domain.errors import (
    BatchNotRetryable,
    InputFileGone,
    NotFound,
    NothingToRetry,
    QuotaExceeded,
    StorageUnavailable,
)
from domain.files.facts import FileDeleted
from domain.files.file import KEPT, File
from domain.listing import Listing
from tests.support.batches import bits
from tests.support.memory_objects import MemoryObjects
from tests.support.office import Office, lines, pieces

DAY = timedelta(days=1)
CONTENT = lines(["a", "b", "c", "d", "e"])


@pytest.fixture
def office() -> Office:
    return Office()


async def cut(objects: MemoryObjects, file: File, batch_id: str) -> tuple[Shard, ...]:
    """As validation cuts it."""
    reading = Reading(
        objects=objects,
        file=file,
        endpoint="/v1/chat/completions",
        limits=Limits(),
        loads=json.loads,
        dumps=lambda entry: repr(entry).encode(),
        batch_id=batch_id,
    )
    async for _ in reading.index():
        pass
    return reading.checked.shards


async def an_ended_batch(
    office: Office,
    content: bytes = CONTENT,
    *,
    done: Sequence[int] = (),
    failed: Sequence[int] = (),
    status: BatchStatus = BatchStatus.COMPLETED,
    wish: Wish | None = None,
) -> Batch:
    file = await office.an_input(content)
    batch = await office.a_batch(
        input_file_id=file.id, metadata={"a": "b"}, wish=wish or Wish(target=TargetKind.ECHO)
    )
    shards = await cut(office.objects, file, batch.id)
    (one,) = shards
    async with office.store.start_work("worker", "test") as work:
        kept = replace(one, done=bits(one.lines, *done), failed=bits(one.lines, *failed))
        await work.batch_shards.add([kept])
    batch = await office.running(batch, total=one.lines)
    if status is BatchStatus.CANCELLED:
        batch = await office.batches.cancel(office.caller, batch.id)
    return await office.ended(batch, status)


async def content(office: Office, batch: Batch) -> bytes:
    file = await office.files.get(office.caller, batch.input_file_id)
    return b"".join([piece async for piece in office.files.content(file)])


async def files(office: Office) -> list[File]:
    return list((await office.store.reads.files.page(Listing(first=100))).items)


@pytest.mark.parametrize(
    "status", [BatchStatus.COMPLETED, BatchStatus.EXPIRED, BatchStatus.CANCELLED]
)
async def test_lines_without_a_result_are_asked_again_in_their_order(
    office: Office, status: BatchStatus
) -> None:
    first = await an_ended_batch(office, done=[1, 2, 4], failed=[2], status=status)
    office.clock.forward(hours=30)
    again = await office.batches.retry(office.caller, first.id)
    assert await content(office, again) == lines(["a", "c", "d"])
    now = office.clock.now
    assert (again.status, again.retry_of) == (BatchStatus.VALIDATING, first.id)
    assert (again.created_at, again.expires_at) == (now, now + DAY)
    said = ("endpoint", "completion_window", "metadata", "output_expires_after", "wish")
    assert all(getattr(again, name) == getattr(first, name) for name in said)
    assert (await office.facts())[-1] == BatchJobCreated(
        batch_job_id=again.id,
        endpoint=again.endpoint,
        input_file_id=again.input_file_id,
        retry_of=first.id,
    )
    assert await office.kept(first.id) == first


async def test_the_new_input_is_kept_as_long_as_any(office: Office) -> None:
    again = await office.batches.retry(office.caller, (await an_ended_batch(office)).id)
    file = await office.files.get(office.caller, again.input_file_id)
    assert file.expires_at == office.clock.now + KEPT
    assert file.name == f"batch_{again.retry_of}_retry.jsonl"


async def test_blank_lines_and_a_missing_last_newline_change_nothing(office: Office) -> None:
    a, b, c, d = lines(["a", "b", "c", "d"]).splitlines(keepends=True)
    blanks = b"\n  \r\n" + a + b"\n\t\n" + b + b"   \n" + c + b"\n" + d.rstrip()
    first = await an_ended_batch(office, blanks, done=[0, 2])
    again = await office.batches.retry(office.caller, first.id)
    assert (await content(office, again)).splitlines() == [b.rstrip(), d.rstrip()]


async def test_a_retry_can_be_retried(office: Office) -> None:
    first = await an_ended_batch(office, done=[0, 1, 2])
    again = await office.batches.retry(office.caller, first.id)
    file = await office.files.get(office.caller, again.input_file_id)
    (shard,) = await cut(office.objects, file, again.id)
    assert shard.lines == 2


@pytest.mark.parametrize("status", [BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS])
async def test_one_that_runs_is_not_retried(office: Office, status: BatchStatus) -> None:
    batch = await office.a_batch()
    if status is BatchStatus.IN_PROGRESS:
        batch = await office.running(batch)
    with pytest.raises(BatchNotRetryable, match=status.value):
        await office.batches.retry(office.caller, batch.id)


async def test_one_whose_input_was_refused_is_not_retried(office: Office) -> None:
    failed = await office.ended(await office.a_batch(), BatchStatus.FAILED)
    with pytest.raises(BatchNotRetryable, match="failed"):
        await office.batches.retry(office.caller, failed.id)


async def test_where_every_line_has_a_result_there_is_nothing_to_retry(office: Office) -> None:
    first = await an_ended_batch(office, done=range(5))
    with pytest.raises(NothingToRetry) as refused:
        await office.batches.retry(office.caller, first.id)
    assert (refused.value.code, refused.value.path) == ("NOTHING_TO_RETRY", ("batch_job_id",))


async def test_one_cancelled_before_it_had_lines_has_nothing_to_retry(office: Office) -> None:
    batch = await office.a_batch()
    batch = await office.batches.cancel(office.caller, batch.id)
    await office.ended(batch, BatchStatus.CANCELLED)
    with pytest.raises(NothingToRetry):
        await office.batches.retry(office.caller, batch.id)


async def test_an_input_that_was_deleted_is_told_of(office: Office) -> None:
    first = await an_ended_batch(office)
    await office.files.delete(office.caller, first.input_file_id)
    with pytest.raises(InputFileGone):
        await office.batches.retry(office.caller, first.id)
    assert await files(office) == []


async def test_an_input_that_vanished_from_storage_is_told_of(office: Office) -> None:
    first = await an_ended_batch(office)
    (file,) = await files(office)
    del office.objects.kept[file.key]
    with pytest.raises(InputFileGone):
        await office.batches.retry(office.caller, first.id)
    assert await files(office) == [file]


async def test_storage_that_is_away_leaves_no_file_behind(office: Office) -> None:
    first = await an_ended_batch(office)
    office.objects.unavailable = True
    with pytest.raises(StorageUnavailable):
        await office.batches.retry(office.caller, first.id)
    assert len(await files(office)) == 1


async def test_a_refused_retry_leaves_no_file_behind(office: Office) -> None:
    first = await an_ended_batch(office)
    await office.a_profile("day", is_default=True, max_active=1)
    await office.a_batch()
    with pytest.raises(QuotaExceeded):
        await office.batches.retry(office.caller, first.id)
    deleted = (await office.facts())[-1]
    assert isinstance(deleted, FileDeleted)
    assert deleted.name == f"batch_{first.id}_retry.jsonl"


async def test_what_the_first_asked_for_has_to_be_there_still(office: Office) -> None:
    await office.an_endpoint("cloud")
    wish = Wish(endpoint="cloud")
    first = await an_ended_batch(office, wish=wish)
    (endpoint,) = (await office.store.reads.external_endpoints.page(Listing(first=1))).items
    await office.external_endpoints.delete(office.caller, endpoint.id)
    with pytest.raises(NotFound) as missing:
        await office.batches.retry(office.caller, first.id)
    assert missing.value.path == ("external_endpoint",)


async def test_two_retries_at_once_with_one_key_make_one_batch_and_one_file(office: Office) -> None:
    first = await an_ended_batch(office)
    made = await asyncio.gather(
        *(office.batches.retry(office.caller, first.id, "k") for _ in range(3))
    )
    assert len({batch.id for batch in made}) == 1
    left = {file.id for file in await files(office)}
    assert left == {first.input_file_id, made[0].input_file_id}
    assert await office.batches.retry(office.caller, first.id, "k") == made[0]
    assert (await office.batches.retry(office.caller, first.id)).id != made[0].id


@given(st.data())
async def test_exactly_the_lines_that_are_left_come_out(data: st.DataObject) -> None:
    """However blank lines and pieces fall, over several shards."""
    objects = MemoryObjects()
    texts = data.draw(
        st.lists(st.sampled_from([b"", b" ", b"{1}", b"{22}", b"{333}\r"]), max_size=30)
    )
    whole = b"\n".join(texts)
    await objects.put("files/a", pieces(whole))
    requests = [text for text in texts if text.strip()]
    shards: list[Shard] = []
    expected: list[bytes] = []
    at = start = 0
    while at < len(requests):
        size = data.draw(st.integers(1, len(requests) - at))
        mine = requests[at : at + size]
        end = start
        for text in mine:
            end = whole.index(text.strip(), end) + len(text.strip())
        done, failed = (
            data.draw(st.lists(st.integers(0, size - 1), max_size=size, unique=True))
            for _ in range(2)
        )
        failed = [line for line in failed if line in done]
        shards.append(a_cut(len(shards), size, start, end, done, failed))
        expected += [
            text.strip() for line, text in enumerate(mine) if line not in done or line in failed
        ]
        at, start = at + size, end
    found = b"".join(
        [piece async for piece in remaining.lines(objects, "files/a", remaining.unfinished(shards))]
    )
    assert [line.strip() for line in found.splitlines()] == expected


def a_cut(
    number: int, size: int, start: int, end: int, done: list[int], failed: list[int]
) -> Shard:
    return Shard(
        batch_id="b",
        number=number,
        first=0,
        lines=size,
        start=start,
        end=end,
        index_start=0,
        index_end=0,
        done=bits(size, *done),
        failed=bits(size, *failed),
    )
