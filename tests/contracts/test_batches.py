"""Batches, and which of them workers can work on, on the fake and on each database."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from domain.batches.batch import (
    Batch,
    BatchReason,
    BatchStatus,
    InputError,
    Place,
    Retry,
    TargetKind,
    TemplateWish,
    Terms,
    Usage,
    Wish,
)
from domain.errors import NotFound
from domain.listing import Compare, Listing, Op, Order
from tests.conftest import AnyStore
from tests.support.batches import (
    a_batch,
    a_completed_batch,
    a_profile,
    a_running_batch,
    a_shard,
    bits,
)
from tests.support.builders import NOON, a_project
from tests.support.memory_rules import BrokenRule

SECOND = timedelta(seconds=1)
PROJECT = a_project()
S = BatchStatus


async def add(store: AnyStore, *batches: Batch, shards: int = 0) -> None:
    async with store.start_work("ada", "request:1") as w:
        if await w.projects.get(PROJECT.id) is None:
            await w.projects.add(PROJECT)
        for batch in batches:
            await w.batches.add(batch)
            await w.batch_shards.add([a_shard(batch, number=n) for n in range(shards)])


async def put(store: AnyStore, batch: Batch) -> None:
    async with store.start_work("ada", "request:2") as w:
        await w.batches.lock(batch.id)
        await w.batches.put(batch)


async def test_a_batch_comes_back_as_it_was(store: AnyStore) -> None:
    wish = Wish(
        target=TargetKind.DEDICATED,
        template=TemplateWish(name="llama", version=3, overrides={"z": 1, "a": [None, 1.5]}),
        retry=Retry(attempts=2),
    )
    batch = a_batch(
        PROJECT,
        reason=BatchReason.INPUT_REFUSED,
        metadata={"z": "1", "a": "ü"},
        output_expires_after=3600.0,
        wish=wish,
        profile_id="p",
        terms=Terms(priority=9, max_concurrency=7, retry=Retry(longest=1.0), keep_alive=60.0),
        errors=(InputError(code="invalid_json_line", message="No JSON.", line=3),),
        retry_of="other",
        paused_at=NOON,
    )
    place = Place(target=TargetKind.DEDICATED, why="So.", template_id="t", revision_number=4)
    running = replace(
        batch,
        status=S.IN_PROGRESS,
        in_progress_at=NOON,
        place=place,
        model="llama",
        index_key="batches/b/index-1",
        total=2**40,
        completed=2**39,
        failed=1,
        usage=Usage(input_tokens=2**40, total_tokens=2**41),
        ending=S.EXPIRED,
        drain_until=NOON,
    )
    await add(store, batch)
    assert await store.reads.batches.by_ids([batch.id, "nothing"]) == {batch.id: batch}
    await put(store, running)
    kept = (await store.reads.batches.by_ids([batch.id]))[batch.id]
    assert kept == running
    assert list(kept.metadata) == ["z", "a"]
    assert (kept.left, kept.is_final) == (2**39 - 1, False)
    async with store.start_work("ada", "request:3") as w:
        assert await w.batches.get(batch.id) == running
        await w.batches.remove(batch.id)
    assert await store.reads.batches.by_ids([batch.id]) == {}


async def test_batches_are_listed_by_what_they_are(store: AnyStore) -> None:
    first, second = a_batch(PROJECT), a_running_batch(PROJECT, created_at=NOON + SECOND)
    await add(store, first, second)
    mine = Listing(first=9, within={"project_id": PROJECT.id}, order=Order(descending=True))
    assert (await store.reads.batches.page(mine)).items == (second, first)
    running = replace(mine, where=Compare("status", Op.EQ, S.IN_PROGRESS))
    assert (await store.reads.batches.page(running)).items == (second,)
    assert await store.reads.batches.count(running) == 1


OWN = {"completed": 3, "failed": 7, "total": 10}
WRONG: list[tuple[Any, dict[str, Any]]] = [
    (a_running_batch, {"in_progress_at": None}),
    (a_running_batch, {"completed_at": NOON}),
    (a_running_batch, {"cancelling_at": NOON}),
    (a_running_batch, {"finalizing_at": NOON}),
    (a_running_batch, {"completed": 6, "failed": 5}),
    (a_running_batch, {"completed": -1}),
    (a_running_batch, {"output_file_id": "f"}),
    (a_running_batch, {"ending": S.FAILED}),
    (a_running_batch, {"status": S.FINALIZING}),
    (a_running_batch, {"status": S.CANCELLING}),
    (a_batch, {"in_progress_at": NOON}),
    (a_batch, {"status": S.FAILED}),
    (a_batch, {"status": S.FAILED, "failed_at": NOON, **OWN}),
    (a_batch, {"status": S.EXPIRED}),
    (a_completed_batch, {"completed": 9}),
    (a_completed_batch, {"completed_at": None}),
    (a_completed_batch, {"finalizing_at": None}),
    (a_completed_batch, {"in_progress_at": None}),
    (a_completed_batch, {"cancelled_at": NOON}),
]


@pytest.mark.parametrize(("made", "wrong"), WRONG)
async def test_what_can_not_be_true_of_a_batch_is_not_kept(
    store: AnyStore, made: Any, wrong: dict[str, Any]
) -> None:
    batch = made(PROJECT, **wrong)
    with pytest.raises((IntegrityError, BrokenRule)):
        await add(store, batch)
    assert await store.reads.batches.by_ids([batch.id]) == {}


@pytest.mark.parametrize(
    "said",
    [
        {"status": S.EXPIRED, "expired_at": NOON},
        {
            "status": S.EXPIRED,
            "expired_at": NOON,
            "in_progress_at": NOON,
            "finalizing_at": NOON,
            **OWN,
        },
        {"status": S.CANCELLING, "cancelling_at": NOON},
        {"status": S.CANCELLING, "cancelling_at": NOON, "in_progress_at": NOON, "total": 3},
        {"status": S.CANCELLED, "cancelling_at": NOON, "cancelled_at": NOON, "error_file_id": "f"},
        {"status": S.FAILED, "failed_at": NOON},
        {"status": S.FINALIZING, "in_progress_at": NOON, "finalizing_at": NOON, "total": 3},
    ],
    ids=lambda said: f"{said['status']}-{len(said)}",
)
async def test_every_way_that_a_batch_goes_can_be_kept(
    store: AnyStore, said: dict[str, Any]
) -> None:
    batch = a_batch(PROJECT, **said)
    await add(store, batch)
    assert await store.reads.batches.by_ids([batch.id]) == {batch.id: batch}


async def test_what_can_be_worked_on_comes_by_priority_and_then_by_age(store: AnyStore) -> None:
    old, young, urgent, least = (
        a_running_batch(PROJECT, created_at=NOON - ago * SECOND, terms=Terms(priority=priority))
        for ago, priority in ((2, 5), (1, 5), (0, 10), (3, 1))
    )
    await add(store, young, least, urgent, old, shards=1)
    assert await store.reads.batches.runnable(9, NOON) == [urgent, old, young, least]
    assert await store.reads.batches.runnable(2, NOON) == [urgent, old]
    assert await store.reads.batches.is_runnable(least.id, NOON), "whoever comes before it"


@pytest.mark.parametrize(
    "said",
    [
        {"status": S.VALIDATING, "in_progress_at": None},
        {"status": S.CANCELLING, "cancelling_at": NOON},
        {"place": None},
        {"paused_at": NOON},
        {"ending": S.EXPIRED},
    ],
    ids=lambda said: "-".join(said),
)
async def test_nobody_works_on_a_batch_that_has_to_wait_or_ends(
    store: AnyStore, said: dict[str, Any]
) -> None:
    batch = a_running_batch(PROJECT, **said)
    await add(store, batch, shards=2)
    assert await store.reads.batches.runnable(9, NOON) == []
    assert list(await store.shard_claims.take(batch.id, "w", NOON, NOON + SECOND, 9)) == []


async def test_a_batch_whose_shards_are_done_or_had_is_not_worked_on(store: AnyStore) -> None:
    done, had, half = (a_running_batch(PROJECT) for _ in range(3))
    await add(store, done, had, half)
    async with store.start_work("ada", "request:2") as w:
        await w.batch_shards.add([a_shard(done, done=bits(10, *range(10)))])
        await w.batch_shards.add([a_shard(had)])
        await w.batch_shards.add([a_shard(half, number=n) for n in range(2)])
    for batch in (had, half):
        assert len(await store.shard_claims.take(batch.id, "w", NOON, NOON + SECOND, 1)) == 1
    assert await store.reads.batches.runnable(9, NOON) == [half]
    assert await store.reads.batches.is_runnable(half.id, NOON)
    assert not await store.reads.batches.is_runnable(had.id, NOON)
    later = await store.reads.batches.runnable(9, NOON + SECOND)
    assert {batch.id for batch in later} == {half.id, had.id}


async def test_a_file_is_needed_until_its_batches_are_final(store: AnyStore) -> None:
    batch = a_running_batch(PROJECT, input_file_id="f")
    await add(store, batch, a_completed_batch(PROJECT, input_file_id="g"))
    async with store.start_work("ada", "request:2") as w:
        assert await w.needs_file("f")
        assert not await w.needs_file("g")
        final = replace(batch, status=S.EXPIRED, expired_at=NOON, completed=4, failed=6)
        await w.batches.put(final)
        assert not await w.needs_file("f")


async def test_active_batches_are_counted_by_project_and_profile(store: AnyStore) -> None:
    profile, other = a_profile(PROJECT), a_project()
    await add(
        store,
        a_batch(PROJECT, profile_id=profile.id),
        a_running_batch(PROJECT, profile_id=profile.id),
        a_completed_batch(PROJECT, profile_id=profile.id),
        a_batch(PROJECT),
    )
    async with store.start_work("ada", "request:2") as w:
        await w.projects.add(other)
        await w.batches.add(a_batch(other, profile_id=profile.id))
        assert await w.active_batches(PROJECT.id, profile.id) == 2
        assert await w.active_batches(PROJECT.id, None) == 1
        assert await w.active_batches(other.id, profile.id) == 1
        assert await w.active_batches(other.id, None) == 0


async def test_a_batch_that_is_not_there_can_not_be_replaced(store: AnyStore) -> None:
    with pytest.raises(NotFound):
        await put(store, a_batch(PROJECT))
