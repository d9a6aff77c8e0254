"""A worker's ports, beside the database and over a server's HTTP: one behaviour."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.batches.batch import Batch, BatchReason, BatchStatus, Usage
from domain.batches.jobs.tokens import LIFE
from domain.batches.ports import Standstill
from domain.batches.shard import Entry, Progress
from domain.errors import ObjectMissing, StorageFull, StorageUnavailable
from tests.conftest import AnyStore
from tests.support.batches import a_progress, a_shard
from tests.support.clock import TestClock
from tests.support.pod_ports import LEASE, Ports, Server, a_batch_in_pods, a_server, beside

USED = Usage(input_tokens=3, output_tokens=2, total_tokens=5)


@pytest.fixture
async def server(store: AnyStore, clock: TestClock, tmp_path: Path) -> AsyncIterator[Server]:
    async with a_server(store, clock, tmp_path) as found:
        yield found


@pytest.fixture
async def batch(store: AnyStore) -> Batch:
    return await a_batch_in_pods(store)


@pytest.fixture(params=["beside", "over HTTP"])
def ports(request: pytest.FixtureRequest, server: Server, batch: Batch, clock: TestClock) -> Ports:
    if request.param == "beside":
        return beside(server.store, server.objects, clock)
    return server.ports(batch)


def me(batch: Batch, name: str = "pod-a") -> str:
    return f"pods/{batch.id}/{name}"


async def taken(ports: Ports, batch: Batch, clock: TestClock, name: str = "pod-a") -> Any:
    now = clock()
    return list(await ports.claims.take(batch.id, me(batch, name), now, now + LEASE, 1))


async def test_what_one_took_nobody_else_is_given_until_its_lease_is_over(
    ports: Ports, batch: Batch, clock: TestClock
) -> None:
    [first] = await taken(ports, batch, clock)
    [second] = await taken(ports, batch, clock, "pod-b")
    assert (first.number, second.number) == (0, 1)
    assert await taken(ports, batch, clock, "pod-c") == []
    clock.advance(LEASE / 2)
    kept = await ports.claims.renew(me(batch), [first], clock() + LEASE)
    assert list(kept) == [(batch.id, 0)]
    clock.advance(LEASE / 2)
    [again] = await taken(ports, batch, clock, "pod-c")
    assert (again.number, again.token) == (1, second.token + 1)
    assert list(await ports.claims.renew(me(batch, "pod-b"), [second], clock() + LEASE)) == []


async def test_what_is_given_back_is_free_at_once(
    ports: Ports, batch: Batch, clock: TestClock
) -> None:
    [shard] = await taken(ports, batch, clock)
    await ports.claims.release(me(batch), [shard])
    [again] = await taken(ports, batch, clock, "pod-b")
    assert (again.number, again.token > shard.token) == (0, True)


async def test_who_leaves_leaves_all_that_it_had(
    ports: Ports, batch: Batch, clock: TestClock
) -> None:
    now = clock()
    await ports.workers.renew(me(batch), now, now + LEASE)
    both = await ports.workers.renew(me(batch, "pod-b"), now, now + LEASE)
    assert [each.id for each in both] == [me(batch), me(batch, "pod-b")]
    await taken(ports, batch, clock)
    await ports.workers.leave(me(batch))
    [alone] = await ports.workers.renew(me(batch, "pod-b"), clock(), clock() + LEASE)
    assert alone.id == me(batch, "pod-b")
    assert [s.number for s in await taken(ports, batch, clock, "pod-b")] == [0]


async def test_a_commit_counts_once_and_a_stale_one_never(
    ports: Ports, server: Server, batch: Batch, clock: TestClock
) -> None:
    [shard] = await taken(ports, batch, clock)
    progress = replace(a_progress(shard, 0, 9, usage=USED), usage=USED)
    first = await ports.records.store(batch.id, [progress], is_doubtful=False)
    assert first.places == (0,)
    assert first.batch is not None
    assert (first.batch.completed, first.batch.usage) == (2, USED)
    doubtful = await ports.records.store(batch.id, [progress], is_doubtful=True)
    assert (doubtful.places, doubtful.batch) == ((0,), first.batch)
    await ports.claims.release(me(batch), [shard])
    await taken(ports, batch, clock, "pod-b")
    late = await ports.records.store(batch.id, [a_progress(shard, 3)], is_doubtful=False)
    assert (late.places, late.batch) == ((), first.batch)
    [segment] = await server.store.reads.batches.segments(batch.id, 0, 9)
    assert (segment.key, segment.entries) == (progress.key, progress.entries)


async def test_a_commit_that_comes_twice_counts_once(
    server: Server, batch: Batch, clock: TestClock
) -> None:
    """As from a proxy that was not answered in time: it does not say that it is doubtful."""
    ports = server.ports(batch)
    [shard] = await taken(ports, batch, clock)
    progress = a_progress(shard, 0, 9)
    for _ in range(2):
        stored = await ports.records.store(batch.id, [progress], is_doubtful=False)
        assert stored.places == (0,)
        assert stored.batch is not None
        assert stored.batch.completed == 2
    [_] = await server.store.reads.batches.segments(batch.id, 0, 9)
    again = a_progress(progress.shard, 0, 1)
    with pytest.raises(StorageUnavailable, match="400"):
        await ports.records.store(batch.id, [again], is_doubtful=False)


async def test_a_standstill_is_told_and_its_end(ports: Ports, batch: Batch) -> None:
    seen = Standstill(BatchReason.ENGINE_BUSY, "It is busy.")
    told = await ports.records.tell(batch.id, seen)
    assert told is not None
    assert (told.reason, told.message) == (BatchReason.ENGINE_BUSY, "It is busy.")
    going = await ports.records.tell(batch.id, None)
    assert going is not None
    assert (going.reason, going.message) == (None, "")


async def test_a_message_is_no_longer_than_people_read(server: Server, batch: Batch) -> None:
    seen = Standstill(BatchReason.ENGINE_BUSY, "x" * 1_000_000)
    told = await server.ports(batch).records.tell(batch.id, seen)
    assert told is not None
    assert len(told.message) <= 4_000


async def test_a_worker_sees_its_batch_and_whether_there_is_something_to_do(
    ports: Ports, server: Server, batch: Batch, clock: TestClock
) -> None:
    assert (await ports.reads.batches.by_ids([batch.id]))[batch.id] == batch
    assert list(await ports.reads.batches.runnable(10, clock())) == [batch]
    for name in ("pod-a", "pod-b"):
        await taken(ports, batch, clock, name)
    assert list(await ports.reads.batches.runnable(10, clock())) == []
    async with server.store.start_work("ada", "request:1") as work:
        ending = replace(batch, ending=BatchStatus.CANCELLED)
        await work.batches.put(ending)
    assert (await ports.reads.batches.by_ids([batch.id]))[batch.id] == ending


async def test_the_input_is_read_in_parts(ports: Ports, server: Server, batch: Batch) -> None:
    await ports.reads.batches.runnable(10, server.clock())
    files = await ports.reads.files.by_ids([batch.input_file_id])
    key = files[batch.input_file_id].key
    await server.objects.put_bytes(key, b"0123456789")
    assert await ports.objects.get(key, 2, 5) == b"234"
    with pytest.raises(ObjectMissing):
        await ports.objects.get(batch.index_key or "", 0, 5)


async def test_a_segment_is_put_or_it_is_told_why_not(
    ports: Ports, server: Server, batch: Batch
) -> None:
    key = f"batches/{batch.id}/segments/{'0' * 32}"
    await ports.objects.put_bytes(key, b"line\n" * 9)
    assert server.objects.kept[key][0] == b"line\n" * 9
    server.objects.full = True
    with pytest.raises(StorageFull):
        await ports.objects.put_bytes(f"{key[:-1]}1", b"x")
    server.objects.full, server.objects.unavailable = False, True
    with pytest.raises(StorageUnavailable):
        await ports.objects.put_bytes(f"{key[:-1]}2", b"x")


async def status(server: Server, batch: Batch, token: str | None) -> int:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    url = f"{server.url}/v1/batch-workers/{batch.id}"
    async with server.session.get(url, headers=headers) as response:
        return response.status


async def test_a_token_is_good_for_its_batch_and_its_time_alone(
    server: Server, store: AnyStore, batch: Batch
) -> None:
    other = await a_batch_in_pods(store)
    token = server.tokens.new(batch.id)
    assert await status(server, batch, token) == 200
    assert await status(server, other, token) == 401
    assert await status(server, batch, None) == 401
    assert await status(server, batch, "my_key") == 401
    assert await status(server, batch, f"{token[:-6]}AAAA{token[-2:]}") == 401
    server.clock.advance(LIFE)
    assert await status(server, batch, token) == 401


async def test_a_batch_that_runs_elsewhere_is_none_of_a_pods(
    server: Server, store: AnyStore, batch: Batch
) -> None:
    async with store.start_work("ada", "request:1") as work:
        await work.batches.put(replace(batch, place=None))
    assert await status(server, batch, server.tokens.new(batch.id)) == 404


async def test_a_token_that_ran_out_is_taken_anew_from_the_file(
    server: Server, batch: Batch
) -> None:
    calls = server.calls(batch)
    await calls.ask("renew", worker="pod-a")
    calls.token.said = server.tokens.new(batch.id)
    server.clock.advance(LIFE)
    with pytest.raises(StorageUnavailable, match="401"):
        await calls.seen()
    calls.token.file.write_text(server.tokens.new(batch.id))
    assert await calls.seen() is not None


async def test_a_token_that_came_meanwhile_is_kept_where_an_older_one_is_refused(
    server: Server, batch: Batch
) -> None:
    """As for an answer that took its time, where the mounted file is older than both."""
    calls = server.calls(batch, "mybw_old")
    calls.token.said = server.tokens.new(batch.id)
    assert calls.token.refuse("mybw_old")
    assert await calls.seen() is not None


async def test_a_batch_that_is_over_is_looked_at_and_left_and_no_more(
    server: Server, store: AnyStore, batch: Batch, clock: TestClock
) -> None:
    ports, calls = server.ports(batch), server.calls(batch)
    await ports.workers.renew(me(batch), clock(), clock())
    async with store.start_work("ada", "request:1") as work:
        over = replace(
            batch,
            status=BatchStatus.CANCELLED,
            failed=batch.total,
            error_file_id="f",
            cancelling_at=clock(),
            cancelled_at=clock(),
        )
        await work.batches.put(over)
    for name in ("begin", "renew", "take", "keep", "store", "tell", "look"):
        with pytest.raises(StorageUnavailable, match="409"):
            await calls.ask(name, worker="pod-a")
    with pytest.raises(StorageUnavailable, match="409"):
        await calls.put(f"batches/{batch.id}/segments/{'0' * 32}", b"late")
    with pytest.raises(StorageUnavailable, match="409"):
        await calls.get(batch.index_key or "", 0, 1)
    assert await ports.reads.batches.by_ids([batch.id]) == {batch.id: over}
    await ports.workers.leave(me(batch))


async def test_a_batch_that_is_gone_has_nothing_to_leave(
    server: Server, batch: Batch, clock: TestClock
) -> None:
    ports = server.ports(replace(batch, id="b" * 32))
    shard = replace(a_shard(batch), batch_id="b" * 32)
    await ports.workers.leave(me(batch))
    await ports.claims.release(me(batch), [shard])
    with pytest.raises(StorageUnavailable, match="404"):
        await ports.objects.put_bytes(f"batches/{'b' * 32}/segments/{'0' * 32}", b"late")


@pytest.mark.parametrize("part", [(-5, 0), (5, 4), (0, 2**27), (2**62, 2**62 + 1)])
async def test_a_part_that_no_object_has_is_refused(
    server: Server, batch: Batch, part: tuple[int, int]
) -> None:
    with pytest.raises(StorageUnavailable, match="400"):
        await server.calls(batch).get(batch.index_key or "", *part)


@pytest.mark.parametrize("key", ["files/another", "batches/another/segments/00000000"])
async def test_objects_of_others_are_out_of_reach(server: Server, batch: Batch, key: str) -> None:
    calls = server.calls(batch)
    server.objects.kept.clear()
    await server.objects.put_bytes(key, b"secret")
    with pytest.raises(StorageUnavailable, match="404"):
        await calls.get(key, 0, 6)
    with pytest.raises(StorageUnavailable, match="400"):
        await calls.put(key, b"mine")
    with pytest.raises(StorageUnavailable, match="400"):
        await calls.put(f"batches/{batch.id}/output-1", b"mine")
    assert list(server.objects.kept) == [key]


def lies(progress: Progress) -> dict[str, Progress]:
    shard = progress.shard
    text: Any = "1"
    return {
        "another batch": replace(progress, shard=replace(shard, batch_id="b" * 32)),
        "another shard": replace(progress, shard=replace(shard, number=7)),
        "another object": replace(progress, key="files/x"),
        "more lines than there are": replace(progress, shard=replace(shard, done=b"\xff\xff")),
        "more than it brings": replace(progress, shard=replace(shard, done=b"\xff\x03")),
        "other bits": replace(progress, shard=replace(shard, done=b"\x01")),
        "a line twice": replace(progress, entries=(*progress.entries, progress.entries[0])),
        "a line beyond": replace(progress, entries=(Entry(12, False, 0, 5),)),
        "errors not done": replace(progress, shard=replace(shard, failed=b"\x80\x00")),
        "no token": replace(progress, shard=replace(shard, token=text)),
        "nowhere": replace(progress, entries=(Entry(0, False, 9, 5),)),
    }


async def test_results_that_do_not_add_up_are_refused(
    server: Server, batch: Batch, clock: TestClock
) -> None:
    ports = server.ports(batch)
    [shard] = await taken(ports, batch, clock)
    for why, lie in lies(a_progress(shard, 0)).items():
        with pytest.raises(StorageUnavailable, match="400"):
            await ports.records.store(batch.id, [lie], is_doubtful=False)
        now = (await server.store.reads.batches.by_ids([batch.id]))[batch.id]
        assert now.completed == 0, why


@pytest.mark.parametrize("name", ["", "../x", "a/b", "A", 7, None, "x" * 101])
async def test_a_worker_is_called_as_pods_are(server: Server, batch: Batch, name: object) -> None:
    with pytest.raises(StorageUnavailable, match="400"):
        await server.calls(batch).ask("leave", worker=name)


async def test_workers_of_other_jobs_are_not_told_of(
    server: Server, store: AnyStore, batch: Batch
) -> None:
    other = await a_batch_in_pods(store)
    now = server.clock()
    await store.workers.renew("server-1", now, now + timedelta(hours=1))
    await server.ports(other).workers.renew(me(other), now, now)
    [mine] = await server.ports(batch).workers.renew(me(batch), now, now)
    assert mine.id == me(batch)
