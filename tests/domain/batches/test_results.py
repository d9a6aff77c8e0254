from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import orjson
import pytest

from domain.batches import results
from domain.batches.batch import Batch, BatchStatus
from domain.batches.results import ResultPage, Results
from domain.batches.shard import Segment
from domain.errors import CursorInvalid, ObjectMissing, ResultsDeleted
from domain.files.file import FileStatus
from domain.work import BatchLists, Reads
from tests.support.batch_yard import BatchYard, requests


def pages(yard: BatchYard) -> Results:
    return Results(reads=yard.store.reads, objects=yard.objects)


async def everything(
    yard: BatchYard, batch: Batch, first: int, after: str | None = None
) -> list[str]:
    """All there is now, page by page."""
    found: list[str] = []
    while True:
        page = await pages(yard).page(await yard.now(batch), after, first)
        found += [orjson.loads(line.line)["custom_id"] for line in page.lines]
        if not page.lines:
            return found
        after = page.lines[-1].cursor


async def a_worked_batch(yard: BatchYard, count: int = 12, most: int | None = 5) -> Batch:
    batch = await yard.batch(requests(count))
    await yard.tend()
    await yard.work(batch, most=most, fails=lambda custom_id: custom_id == "r3")
    return batch


@pytest.mark.parametrize("first", [1, 2, 5, 100])
async def test_pages_give_each_answer_once_in_the_order_of_commits(first: int) -> None:
    yard = BatchYard()
    batch = await a_worked_batch(yard)
    before = await everything(yard, batch, 100)
    assert len(before) == len(set(before)) == 5
    assert await everything(yard, batch, first) == before
    await yard.work(batch)
    after = await everything(yard, batch, first)
    assert after[:5] == before
    assert sorted(after) == sorted(f"r{n}" for n in range(12))


@pytest.mark.parametrize("first", [1, 3, 100])
async def test_a_cursor_goes_on_when_the_batch_has_ended(first: int) -> None:
    yard = BatchYard()
    batch = await a_worked_batch(yard)
    early = await pages(yard).page(await yard.now(batch), None, 3)
    await yard.work(batch)
    running = await everything(yard, batch, 100)
    await yard.tend()
    assert await yard.status(batch) is BatchStatus.COMPLETED
    assert await everything(yard, batch, first) == running
    assert await everything(yard, batch, first, early.next) == running[3:]


async def test_errors_are_told_from_results_before_and_after_the_end() -> None:
    yard = BatchYard()
    batch = await a_worked_batch(yard, most=None)
    for _ in range(2):
        page = await pages(yard).page(await yard.now(batch), None, 100)
        wrong = [orjson.loads(line.line)["custom_id"] for line in page.lines if line.is_error]
        assert wrong == ["r3"]
        await yard.tend()
    assert (await yard.now(batch)).is_final


async def test_there_is_a_next_page_for_as_long_as_more_may_come() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(4))
    assert await pages(yard).page(await yard.now(batch), None, 10) == ResultPage((), None)
    await yard.tend()
    await yard.work(batch)
    running = await pages(yard).page(await yard.now(batch), None, 10)
    assert running.next == running.lines[-1].cursor
    assert (await pages(yard).page(await yard.now(batch), running.next, 10)).next == running.next
    await yard.tend()
    over = await yard.now(batch)
    assert (await pages(yard).page(over, running.next, 10)).next is None
    assert (await pages(yard).page(over, None, 2)).next is not None
    assert (await pages(yard).page(over, None, 4)).next is None


async def test_a_page_ends_before_it_grows_too_large() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(6))
    await yard.tend()
    await yard.work(batch)
    size = len((await pages(yard).page(await yard.now(batch), None, 1)).lines[0].line)
    small = replace(pages(yard), page_bytes=2 * size)
    page = await small.page(await yard.now(batch), None, 100)
    assert len(page.lines) == 3
    assert len((await small.page(await yard.now(batch), page.next, 100)).lines) == 3


@pytest.mark.parametrize("cursor", ["", "?", "YTox", results.encoded("other", 1, 0)])
async def test_a_cursor_of_something_else_is_refused(cursor: str) -> None:
    yard = BatchYard()
    batch = await a_worked_batch(yard)
    with pytest.raises(CursorInvalid):
        await pages(yard).page(await yard.now(batch), cursor, 10)


async def test_results_that_were_deleted_are_said_to_be() -> None:
    yard = BatchYard()
    batch = await a_worked_batch(yard, most=None)
    await yard.tend()
    over = await yard.now(batch)
    file = await yard.result_file(over.output_file_id)
    async with yard.store.start_work("ada", "request:3") as work:
        await work.files.put(replace(file, status=FileStatus.DELETED, deleted_at=yard.clock()))
    with pytest.raises(ResultsDeleted):
        await pages(yard).page(over, None, 10)


async def test_results_that_were_lost_are_no_deletion() -> None:
    yard = BatchYard()
    batch = await a_worked_batch(yard)
    yard.objects.kept.clear()
    with pytest.raises(ObjectMissing):
        await pages(yard).page(await yard.now(batch), None, 10)


async def test_answers_that_move_while_they_are_read_are_read_where_they_are() -> None:
    yard = BatchYard()
    batch = await a_worked_batch(yard, most=None)
    running = await yard.now(batch)
    seen = await yard.store.reads.batches.segments(batch.id, 0, 10)
    await yard.tend()

    late = LateBatches(yard.store.reads.batches, [seen])
    reads = cast("Reads", SimpleNamespace(batches=late, files=yard.store.reads.files))
    page = await Results(reads=reads, objects=yard.objects).page(running, None, 100)
    assert len(page.lines) == 12
    assert late.seen == []


class LateBatches:
    """Tells first of segments as they were."""

    def __init__(self, batches: BatchLists, seen: list[Sequence[Segment]]) -> None:
        self.batches, self.seen = batches, seen

    async def segments(self, batch_id: str, after: int, limit: int) -> Sequence[Segment]:
        if self.seen:
            return self.seen.pop()
        return await self.batches.segments(batch_id, after, limit)
