"""Tending over a store and objects in memory, with a time that the tests own."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import orjson

from domain.batches.batch import BatchReason, BatchStatus, Wish
from domain.batches.external_endpoint import ExternalEndpoint
from domain.batches.facts import BatchJobCreated, BatchJobPlaced, BatchJobStatusChanged
from domain.batches.ports import BatchClaims, Claim
from domain.batches.profile import Quotas
from domain.work import Reads
from tests.support.batch_yard import BatchYard, Gated, a_line, check_accounts, requests
from tests.support.batches import a_profile, a_progress, an_external_endpoint
from tests.support.memory_objects import FULL, UNAVAILABLE

S, R = BatchStatus, BatchReason


def ids(count: int) -> list[str]:
    return [f"r{n}" for n in range(count)]


async def test_a_batch_is_validated_worked_on_finalized_and_torn_down() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(10))
    async with yard.tended():
        running = await yard.now(batch)
        assert (running.status, running.total, running.model) == (S.IN_PROGRESS, 10, "m")
        await yard.work(batch, fails=lambda custom_id: custom_id in ("r3", "r8"))
        await yard.timer.pass_(1)
    over = await yard.now(batch)
    assert (over.status, over.completed, over.failed) == (S.COMPLETED, 8, 2)
    assert [line["custom_id"] for line in await yard.errors(batch)] == ["r3", "r8"]
    await check_accounts(yard, batch, ids(10))


async def test_what_becomes_of_it_is_told_in_order() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(2))
    await yard.tend()
    await yard.work(batch)
    await yard.tend()
    facts = [event.fact for event in await yard.events(batch)]
    told = [f.job_status_after for f in facts if isinstance(f, BatchJobStatusChanged)]
    assert told == [S.IN_PROGRESS, S.FINALIZING, S.COMPLETED]
    assert any(isinstance(fact, BatchJobPlaced) for fact in facts)


async def test_no_status_is_final_before_its_files_are_there() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(3))
    await yard.tend()
    await yard.work(batch, fails=lambda custom_id: custom_id == "r1")
    for _ in range(400):
        async with yard.tended():
            pass
        now = await yard.now(batch)
        assert now.is_final == (now.output_file_id is not None and now.error_file_id is not None)
        if now.is_final:
            break
    output = await yard.result_file(now.output_file_id)
    assert output.name == f"batch_{batch.id}_output.jsonl"
    assert output.size == len(yard.objects.content(output.key))


async def test_a_file_lives_as_long_as_the_batch_said() -> None:
    yard = BatchYard()
    said, unsaid = (
        await yard.batch(requests(1), output_expires_after=3600.0),
        await yard.batch(requests(1)),
    )
    await yard.tend()
    for batch in (said, unsaid):
        await yard.work(batch)
    await yard.tend()
    for batch, kept in ((said, timedelta(hours=1)), (unsaid, timedelta(days=30))):
        file = await yard.result_file((await yard.now(batch)).output_file_id)
        assert file.expires_at - file.created_at == kept


async def test_a_refused_input_fails_the_batch_and_leaves_nothing() -> None:
    yard = BatchYard()
    batch = await yard.batch(a_line("a") + b"\n\n" + a_line("a") + b"\n{")
    await yard.tend()
    failed = await yard.now(batch)
    assert (failed.status, failed.reason, failed.total) == (S.FAILED, R.INPUT_REFUSED, 0)
    assert [(e.code, e.line) for e in failed.errors] == [
        ("duplicate_custom_id", 3),
        ("invalid_json_line", 4),
    ]
    assert yard.area(batch) == set()


async def test_a_model_that_nothing_serves_fails_the_batch() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(1), wish=Wish())
    await yard.tend()
    failed = await yard.now(batch)
    assert (failed.status, failed.errors[0].code) == (S.FAILED, "model_not_found")


async def test_a_profile_says_how_many_requests_there_may_be() -> None:
    yard = BatchYard()
    profile = a_profile(yard.project, quotas=Quotas(max_requests=2))
    async with yard.store.start_work("ada", "request:1") as work:
        await work.batch_profiles.add(profile)
    many, few = [await yard.batch(requests(n), profile_id=profile.id) for n in (3, 2)]
    await yard.tend()
    assert [error.code for error in (await yard.now(many)).errors] == ["too_many_requests"]
    assert await yard.status(few) is S.IN_PROGRESS


async def test_a_store_that_is_away_fails_no_batch() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(3))
    yard.objects.unavailable = True
    async with yard.tended():
        await yard.timer.pass_(10)
        held_up = await yard.now(batch)
        assert (held_up.status, held_up.reason) == (S.VALIDATING, R.STORAGE_UNAVAILABLE)
        assert "it is away" in held_up.message
        yard.objects.unavailable = False
        await yard.timer.pass_(60)
        running = await yard.now(batch)
    assert (running.status, running.reason, running.message) == (S.IN_PROGRESS, R.QUEUED, "")


async def test_an_input_whose_bytes_are_gone_fails_the_batch() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(3))
    yard.objects.kept.clear()
    await yard.tend()
    failed = await yard.now(batch)
    assert (failed.status, failed.reason) == (S.FAILED, R.INPUT_UNAVAILABLE)
    assert [error.code for error in failed.errors] == ["file_not_found"]


async def test_a_disk_that_is_full_holds_finalizing_up_and_loses_nothing() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(5))
    await yard.tend()
    await yard.work(batch, fails=lambda custom_id: custom_id == "r2")
    yard.objects.trouble = lambda method, key: (
        FULL if "/error-" in key and method == "put" else None
    )
    async with yard.tended():
        await yard.timer.pass_(10)
        full = await yard.now(batch)
        assert (full.status, full.reason) == (S.FINALIZING, R.STORAGE_FULL)
        assert not [key for key in yard.area(batch) if key.startswith("output")]
        yard.objects.trouble = lambda method, key: None
        await yard.timer.pass_(60)
    assert await yard.status(batch) is S.COMPLETED
    await check_accounts(yard, batch, ids(5))


async def test_a_missing_segment_is_a_loud_fault_and_never_a_dropped_line() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(5))
    await yard.tend()
    await yard.work(batch)
    segment = next(key for key in yard.objects.kept if "/segments/" in key)
    kept = yard.objects.kept.pop(segment)
    async with yard.tended():
        await yard.timer.pass_(10)
        assert await yard.status(batch) is S.FINALIZING
        assert segment in (await yard.now(batch)).message
        assert yard.logger.named("a batch lacks what should be stored")
        yard.objects.kept[segment] = kept
        await yard.timer.pass_(60)
    await check_accounts(yard, batch, ids(5))


async def test_cancelling_keeps_what_was_done_and_says_so_of_the_rest() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(6))
    await yard.tend()
    done = await yard.work(batch, most=2)
    await yard.cancel(batch)
    await yard.tend()
    assert await yard.status(batch) is S.CANCELLED
    assert {line["custom_id"] for line in await yard.output(batch)} == set(done)
    assert {line["error"]["code"] for line in await yard.errors(batch)} == {"batch_cancelled"}
    await check_accounts(yard, batch, ids(6))


async def test_a_batch_cancelled_while_validating_is_validated_first() -> None:
    yard = BatchYard()
    good, bad = await yard.batch(requests(3)), await yard.batch(b"{}")
    await yard.cancel(good)
    await yard.cancel(bad)
    await yard.tend()
    assert {await yard.status(good), await yard.status(bad)} == {S.CANCELLED}
    await check_accounts(yard, good, ids(3))
    refused = await yard.now(bad)
    assert (refused.total, refused.failed, refused.error_file_id) == (0, 0, None)
    assert "missing_required_parameter" in {error.code for error in refused.errors}


async def test_a_cancel_in_the_midst_of_validation_does_not_read_it_twice() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(3))
    slow = Gated(yard.objects, "put")
    async with yard.tended(objects=slow):
        await slow.begun.wait()
        await yard.cancel(batch)
        slow.go_on.set()
        await yard.timer.pass_(2)
    assert await yard.status(batch) is S.CANCELLED
    assert (
        len([1 for method, key in yard.objects.calls if (method, "index" in key) == ("put", True)])
        == 1
    )
    await check_accounts(yard, batch, ids(3))


class Behind:
    """What it tells of external endpoints is a moment old."""

    def __init__(self, reads: Reads, gone: ExternalEndpoint) -> None:
        self._reads, self.gone, self.asked = reads, gone, 0

    def __getattr__(self, name: str) -> Any:
        return self if name == "external_endpoints" else getattr(self._reads, name)

    async def serving(self, project_id: str, model: str) -> Sequence[ExternalEndpoint]:
        self.asked += 1
        return [self.gone] if self.asked == 1 else []


async def test_an_endpoint_that_goes_while_it_is_chosen_is_not_where_the_batch_runs() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(3), wish=Wish())
    reads = Behind(yard.store.reads, an_external_endpoint(yard.project, models=("m",)))
    await yard.tend(reads=cast(Reads, reads))
    over = await yard.now(batch)
    assert (over.status, over.place, reads.asked) == (S.FAILED, None, 2)
    assert [error.code for error in over.errors] == ["model_not_found"]


async def test_a_window_that_closed_while_validating_expires_the_batch() -> None:
    yard = BatchYard()
    past = yard.clock() - timedelta(seconds=1)
    good = await yard.batch(requests(3), expires_at=past)
    bad = await yard.batch(b"", expires_at=past)
    await yard.tend()
    assert {await yard.status(good), await yard.status(bad)} == {S.EXPIRED}
    facts = [event.fact for event in await yard.events(good)]
    told = [f.job_status_after for f in facts if isinstance(f, BatchJobStatusChanged)]
    assert list(dict.fromkeys(told)) == [S.IN_PROGRESS, S.FINALIZING, S.EXPIRED]
    await check_accounts(yard, good, ids(3))
    assert [error.code for error in (await yard.now(bad)).errors] == ["empty_file"]


async def test_a_window_that_closes_drains_and_expires() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(6))
    await yard.tend()
    await yard.change(batch, expires_at=yard.clock() + timedelta(seconds=30))
    now = yard.clock()
    taken = await yard.store.shard_claims.take(batch.id, "w", now, now + timedelta(90), 9)
    async with yard.tended():
        await yard.timer.pass_(31)
        draining = await yard.now(batch)
        assert (draining.status, draining.reason) == (S.IN_PROGRESS, R.DRAINING)
        await yard.timer.pass_(50)
        assert await yard.status(batch) is S.IN_PROGRESS
        await yard.timer.pass_(15)
    assert await yard.status(batch) is S.EXPIRED
    async with yard.store.start_work("batches", "w") as work:
        assert not await work.batch_shards.store(a_progress(taken[0], 0))
    assert {line["error"]["code"] for line in await yard.errors(batch)} == {"batch_expired"}
    await check_accounts(yard, batch, ids(6))


async def test_a_drain_ends_as_soon_as_nobody_works_on_it() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(6))
    await yard.tend()
    now = yard.clock()
    taken = await yard.store.shard_claims.take(batch.id, "w", now, now + timedelta(90), 9)
    await yard.cancel(batch)
    async with yard.tended():
        assert await yard.status(batch) is S.CANCELLING
        await yard.store.shard_claims.release("w", taken)
        await yard.timer.pass_(6)
        assert await yard.status(batch) is S.CANCELLED


async def test_a_drain_that_lasts_too_long_is_cut() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(6))
    await yard.tend()
    now = yard.clock()
    taken = await yard.store.shard_claims.take(batch.id, "w", now, now + timedelta(90), 9)
    await yard.cancel(batch, drain=8)
    await yard.tend(9)
    assert await yard.status(batch) is S.CANCELLED
    async with yard.store.start_work("batches", "w") as work:
        assert not await work.batch_shards.store(a_progress(taken[0], 0))
    await check_accounts(yard, batch, ids(6))


async def test_a_paused_batch_still_expires() -> None:
    yard = BatchYard()
    soon = yard.clock() + timedelta(seconds=60)
    batch = await yard.batch(requests(2), expires_at=soon, paused_at=yard.clock())
    async with yard.tended():
        paused = await yard.now(batch)
        assert (paused.status, paused.reason) == (S.IN_PROGRESS, R.PAUSED)
        await yard.timer.pass_(61)
    assert await yard.status(batch) is S.EXPIRED


async def test_a_long_validation_delays_no_other_batch() -> None:
    yard = BatchYard()
    slow = await yard.batch(requests(1))
    stuck = Gated(yard.objects, "stream", slow.input_file_id)
    async with yard.tended(objects=stuck):
        quick = await yard.batch(requests(1))
        await yard.timer.pass_(1)
        assert await yard.status(slow) is S.VALIDATING
        assert await yard.status(quick) is S.IN_PROGRESS


async def test_a_restart_in_the_midst_of_blank_lines_sends_no_line_again() -> None:
    yard = BatchYard()
    content = b"\n\r\n" + b"\n \n".join(a_line(f"r{n}") for n in range(20)) + b"\n\n"
    batch = await yard.batch(content)
    await yard.tend()
    first = await yard.work(batch, most=7)
    await yard.tend(worker="two")
    second = await yard.work(batch)
    await yard.tend(worker="three")
    assert sorted(first + second) == sorted(ids(20))
    await check_accounts(yard, batch, ids(20))


async def test_answers_are_in_the_order_of_the_input_across_shards() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(2_500))
    await yard.tend()
    assert len(await yard.store.reads.batches.shards(batch.id)) == 3
    await yard.work(batch, most=600, fails=lambda custom_id: custom_id.endswith("7"))
    await yard.work(batch, fails=lambda custom_id: custom_id.endswith("7"))
    await yard.tend()
    await check_accounts(yard, batch, ids(2_500))
    assert (await yard.now(batch)).failed == 250


async def test_a_claim_that_was_lost_writes_nothing_and_leaves_nothing() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(4))
    await yard.tend()
    await yard.work(batch)
    slow = Gated(yard.objects, "put", after=True)
    stalled = yard.tending("stalled", objects=slow)
    await stalled.act()
    await slow.begun.wait()
    yard.timer.stop(20)
    await yard.tend(worker="other")
    over = await yard.now(batch)
    assert over.status is S.COMPLETED
    slow.go_on.set()
    await yard.settle()
    assert await yard.now(batch) == over
    await check_accounts(yard, batch, ids(4))


async def test_two_that_write_the_same_results_do_not_both_say_so() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(4))
    await yard.tend()
    await yard.work(batch)
    one, two = (Gated(yard.objects, "put", after=True) for _ in range(2))
    await yard.tending("stalled", objects=one).act()
    await one.begun.wait()
    yard.timer.stop(20)
    await yard.tending("other", objects=two).act()
    await two.begun.wait()
    one.go_on.set()
    await yard.settle()
    assert await yard.status(batch) is S.FINALIZING
    assert len([key for key in yard.area(batch) if key.startswith("output")]) == 1
    two.go_on.set()
    await yard.settle()
    await check_accounts(yard, batch, ids(4))


async def test_a_renewal_that_is_refused_ends_the_act_at_once() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(4))
    await yard.tend()
    await yard.work(batch)
    stuck = Gated(yard.objects, "put", after=True)
    stalled = yard.tending("stalled", objects=stuck)
    await stalled.act()
    await yard.settle()
    yard.timer.stop(20)
    await yard.tend(worker="other")
    await stalled.renew()
    assert yard.logger.named("a claim was lost")
    await check_accounts(yard, batch, ids(4))


async def test_claims_are_renewed_for_as_long_as_an_act_takes() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(4))
    stuck = Gated(yard.objects, "put")
    async with yard.tended("slow", objects=stuck):
        await yard.timer.pass_(60)
        async with yard.tended("other"):
            await yard.timer.pass_(5)
            assert await yard.status(batch) is S.VALIDATING
    await yard.tend(worker="other")
    assert await yard.status(batch) is S.IN_PROGRESS


async def test_an_error_line_has_the_request_s_own_id_and_says_why() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(1))
    await yard.cancel(batch)
    await yard.tend()
    [line] = await yard.errors(batch)
    assert line["id"].startswith("batch_req_")
    assert line["response"] is None
    assert orjson.dumps(line["error"]).startswith(b'{"code":"batch_cancelled","message":"')


async def test_a_new_batch_is_looked_at_before_any_time_passes() -> None:
    yard = BatchYard()
    async with yard.tended():
        batch = await yard.batch(requests(1))
        async with yard.store.start_work("ada", "request:9") as work:
            said = {"endpoint": batch.endpoint, "input_file_id": batch.input_file_id}
            work.record(batch.project_id, BatchJobCreated(batch_job_id=batch.id, **said))
        await yard.timer.pass_(0)
        assert await yard.status(batch) is S.IN_PROGRESS


async def test_what_is_done_of_a_running_batch_is_not_read_again() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(2_500))
    await yard.tend()
    await yard.work(batch, most=900)
    await yard.change(batch)
    calls = len(yard.objects.calls)
    await yard.tend(worker="two")
    assert yard.objects.calls[calls:] == []
    left = await yard.work(batch)
    assert len(left) == 2_500 - 2 * 900 - 500


async def test_a_shutdown_gives_claims_back_at_once() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(1))
    async with yard.tended("slow", objects=Gated(yard.objects, "put")):
        assert await yard.status(batch) is S.VALIDATING
    async with yard.tended("other"):
        assert await yard.status(batch) is S.IN_PROGRESS


async def test_an_unavailable_database_leaves_the_claim_to_run_out() -> None:
    yard = BatchYard()
    batch = await yard.batch(requests(1))
    broken = BrokenOnce(yard.store.batch_claims)
    await yard.tend(claims=broken)
    assert yard.logger.named("a claim is left to run out")
    assert await yard.status(batch) is S.IN_PROGRESS


class BrokenOnce:
    """Claims that can't be given back the first time."""

    def __init__(self, claims: BatchClaims) -> None:
        self.take, self.renew = claims.take, claims.renew
        self._release, self.times = claims.release, 0

    async def release(self, claim: Claim, look_at: datetime | None) -> None:
        self.times += 1
        if self.times == 1:
            raise UNAVAILABLE
        await self._release(claim, look_at)
