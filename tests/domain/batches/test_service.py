import asyncio
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from domain.access.access import Role
from domain.batches.batch import Batch, BatchReason, BatchStatus, Retry, TargetKind, Terms, Wish
from domain.batches.facts import (
    BatchJobCreated,
    BatchJobPaused,
    BatchJobResumed,
    BatchJobStatusChanged,
)
from domain.batches.input.requests import Limits
from domain.batches.profile import BatchProfile
from domain.errors import (
    BatchNotCancellable,
    BatchNotPausable,
    FileInUse,
    Forbidden,
    IdempotencyKeyReused,
    InvalidValue,
    NotFound,
    QuotaExceeded,
    UserError,
)
from domain.files.file import FilePurpose
from domain.files.service import gone
from tests.support.batches import a_file, an_upload
from tests.support.build import a_caller
from tests.support.builders import a_project, fresh
from tests.support.office import Office, lines

LEASE = timedelta(seconds=15)


@pytest.fixture
def office() -> Office:
    return Office()


async def is_due(office: Office) -> list[str]:
    """The batches that a worker would look at now."""
    now = office.clock.now
    claims = await office.store.batch_claims.take("w", now, now + LEASE, 9)
    for claim in claims:
        await office.store.batch_claims.release(claim, None)
    return [claim.batch_id for claim in claims]


async def test_a_new_batch_is_validating_and_looked_at(office: Office) -> None:
    file = await office.an_input()
    batch = await office.a_batch(
        input_file_id=file.id,
        completion_window="2h",
        metadata={"a": "b"},
        output_expires_after=7200,
    )
    now = office.clock.now
    assert batch == Batch(
        id=batch.id,
        project_id=office.store.default.id,
        status=BatchStatus.VALIDATING,
        status_since=now,
        endpoint="/v1/chat/completions",
        input_file_id=file.id,
        completion_window="2h",
        metadata={"a": "b"},
        output_expires_after=7200,
        created_at=now,
        created_by="key:tester",
        expires_at=now + timedelta(hours=2),
    )
    assert await office.kept(batch.id) == batch
    assert (await office.facts())[-1] == BatchJobCreated(
        batch_job_id=batch.id, endpoint="/v1/chat/completions", input_file_id=file.id
    )
    assert await is_due(office) == [batch.id]


async def test_only_an_editor_makes_and_decides(office: Office) -> None:
    batch, new = await office.a_batch(), await office.a_new_batch()
    viewer, stranger = office.by(Role.VIEWER), a_caller("elsewhere")
    with pytest.raises(Forbidden):
        await office.batches.create(viewer, new)
    for decide in (office.batches.cancel, office.batches.pause, office.batches.resume):
        with pytest.raises(Forbidden):
            await decide(viewer, batch.id)
        with pytest.raises(NotFound) as missing:
            await decide(stranger, batch.id)
        assert (missing.value.kind, missing.value.path) == ("batch job", ("batch_job_id",))
    with pytest.raises(Forbidden):
        await office.batches.retry(viewer, batch.id)
    with pytest.raises(NotFound):
        await office.batches.retry(stranger, batch.id)
    assert await office.kept(batch.id) == batch


@pytest.mark.parametrize("deleted", [True, False])
async def test_a_file_that_is_not_there_is_not_found(office: Office, deleted: bool) -> None:
    file = an_upload(office.store.default)
    if deleted:
        file = gone(a_file(office.store.default), office.clock.now)
    await keep_file(office, file)
    with pytest.raises(NotFound) as missing:
        await office.a_batch(input_file_id=file.id)
    assert (missing.value.kind, missing.value.path) == ("file", ("input_file_id",))
    with pytest.raises(NotFound):
        await office.a_batch(input_file_id=fresh())


async def test_another_projects_file_is_not_found(office: Office) -> None:
    other = a_project()
    async with office.store.start_work("t", "t") as work:
        await work.projects.add(other)
    file = await office.an_input(caller=a_caller(other.id))
    with pytest.raises(NotFound):
        await office.a_batch(input_file_id=file.id)


async def test_a_batchs_own_results_are_no_input(office: Office) -> None:
    file = a_file(office.store.default, purpose=FilePurpose.BATCH_OUTPUT)
    await keep_file(office, file)
    with pytest.raises(InvalidValue, match="batch_output") as refused:
        await office.a_batch(input_file_id=file.id)
    assert refused.value.path == ("input_file_id",)


async def test_a_file_over_the_servers_limit_is_refused() -> None:
    office = Office(limits=Limits(size=10))
    await office.a_batch(input_file_id=(await office.an_input(b"0123456789")).id)
    with pytest.raises(InvalidValue, match="11 bytes"):
        await office.a_batch(input_file_id=(await office.an_input(b"0123456789a")).id)


async def test_the_input_can_not_be_deleted_while_the_batch_needs_it(office: Office) -> None:
    batch = await office.a_batch()
    with pytest.raises(FileInUse):
        await office.files.delete(office.caller, batch.input_file_id)
    await office.ended(batch, BatchStatus.COMPLETED)
    await office.files.delete(office.caller, batch.input_file_id)


async def test_of_a_deletion_and_a_batch_at_once_one_is_refused(office: Office) -> None:
    new = await office.a_new_batch()
    made, deleted = await asyncio.gather(
        office.batches.create(office.caller, new),
        office.files.delete(office.caller, new.input_file_id),
        return_exceptions=True,
    )
    assert isinstance(made, NotFound) != isinstance(deleted, FileInUse)


@pytest.mark.parametrize(
    ("wish", "path"),
    [
        (Wish(deployment="chat"), ("deployment",)),
        (Wish(endpoint="cloud"), ("external_endpoint",)),
        (Wish(target=TargetKind.EXTERNAL, deployment="chat"), ("deployment",)),
        (Wish(target=TargetKind.ECHO, endpoint="cloud"), ("external_endpoint",)),
        (Wish(profile="night"), ("profile",)),
        (Wish(target=TargetKind.KUBERNETES_JOB), ("target",)),
    ],
)
async def test_what_a_wish_names_has_to_be_there(office: Office, wish: Wish, path: Any) -> None:
    with pytest.raises(UserError) as refused:
        await office.a_batch(wish=wish)
    assert getattr(refused.value, "path", None) == path
    assert not await is_due(office)


async def test_options_are_checked_for_every_caller(office: Office) -> None:
    with pytest.raises(InvalidValue) as refused:
        await office.a_batch(wish=Wish(priority=11))
    assert refused.value.path == ("priority",)


async def test_a_key_makes_one_batch(office: Office) -> None:
    new = await office.a_new_batch()
    first = await office.batches.create(office.caller, new, "k")
    office.clock.forward(hours=23)
    assert await office.batches.create(office.caller, new, "k") == first
    with pytest.raises(IdempotencyKeyReused):
        await office.batches.create(office.caller, replace(new, metadata={"a": "b"}), "k")
    office.clock.forward(hours=2)
    assert (await office.batches.create(office.caller, new, "k")).id != first.id


async def test_two_at_once_with_one_key_make_one_batch(office: Office) -> None:
    new = await office.a_new_batch()
    made = await asyncio.gather(*(office.batches.create(office.caller, new, "k") for _ in range(5)))
    assert len({batch.id for batch in made}) == 1
    assert sum(isinstance(fact, BatchJobCreated) for fact in await office.facts()) == 1


async def test_a_refused_batch_leaves_its_key_free(office: Office) -> None:
    new = await office.a_new_batch(wish=Wish(profile="night"))
    with pytest.raises(NotFound):
        await office.batches.create(office.caller, new, "k")
    await office.a_profile("night")
    assert (await office.batches.create(office.caller, new, "k")).profile_id is not None


async def test_terms_are_the_wish_over_the_profile_over_the_defaults(office: Office) -> None:
    assert (await office.a_batch()).terms == Terms()
    rules: dict[str, Any] = {"priority": 2, "max_concurrency": 50, "request_timeout": 30.0}
    profile = await office.a_profile("day", is_default=True, retry=Retry(attempts=1), **rules)
    batch = await office.a_batch()
    assert batch.profile_id == profile.id
    assert batch.terms == Terms(**rules, retry=Retry(attempts=1))
    wish = Wish(priority=9, max_concurrency=50, request_timeout=5, retry=Retry(attempts=2))
    assert (await office.a_batch(wish=wish)).terms == Terms(
        priority=9, max_concurrency=50, request_timeout=5, retry=Retry(attempts=2)
    )
    other = await office.a_profile("night", priority=1)
    named = await office.a_batch(wish=Wish(profile="night"))
    assert (named.profile_id, named.terms) == (other.id, Terms(priority=1))


async def test_a_wish_beyond_the_profile_is_refused(office: Office) -> None:
    await office.a_profile("day", is_default=True, max_concurrency=10, max_window=3600.0)
    with pytest.raises(InvalidValue, match="'day' allows: 1h") as refused:
        await office.a_batch(completion_window="24h")
    assert refused.value.path == ("completion_window",)
    with pytest.raises(InvalidValue, match="'day' allows: 10") as refused:
        await office.a_batch(completion_window="1h", wish=Wish(max_concurrency=11))
    assert refused.value.path == ("max_concurrency",)
    await office.a_batch(completion_window="1h", wish=Wish(max_concurrency=10))


async def test_quotas_are_kept(office: Office) -> None:
    await office.a_profile("day", is_default=True, max_bytes=3, max_active=2)
    with pytest.raises(InvalidValue, match="'day' allows 3"):
        await office.a_batch(input_file_id=(await office.an_input(b"0123")).id)
    first, _ = [await office.a_batch() for _ in range(2)]
    with pytest.raises(QuotaExceeded, match="2 active batches"):
        await office.a_batch()
    await office.a_profile("night")
    await office.a_batch(wish=Wish(profile="night"))
    await office.ended(first, BatchStatus.COMPLETED)
    await office.a_batch()


async def test_many_at_once_do_not_exceed_a_quota(office: Office) -> None:
    await office.a_profile("day", is_default=True, max_active=3)
    some = [await office.a_new_batch() for _ in range(8)]
    made = await asyncio.gather(
        *(office.batches.create(office.caller, new) for new in some), return_exceptions=True
    )
    assert sum(isinstance(each, Batch) for each in made) == 3
    assert sum(isinstance(each, QuotaExceeded) for each in made) == 5


async def test_a_profile_that_changes_meanwhile_counts_as_it_is_now(office: Office) -> None:
    profile = await office.a_profile("day", is_default=True, priority=2)
    asked: list[str] = []

    async def default(project_id: str) -> BatchProfile | None:
        """The first time, it is changed before anybody can lock it."""
        asked.append(project_id)
        read = await office.store.reads.batch_profiles.default(project_id)
        if len(asked) == 1:
            await office.profiles.update(office.caller, profile.id, {"priority": 7})
        return read

    reads = SimpleNamespace(
        batch_profiles=SimpleNamespace(default=default),
        batches=office.store.reads.batches,
        answers=office.store.reads.answers,
        external_endpoints=office.store.reads.external_endpoints,
    )
    batches = replace(office.batches, reads=cast("Any", reads))
    batch = await batches.create(office.caller, await office.a_new_batch(), "k")
    assert (batch.terms.priority, len(asked)) == (7, 2)
    assert await office.kept(batch.id) == batch


async def test_cancelling_begins_at_once_and_cuts_within_a_minute(office: Office) -> None:
    batch = await office.running(await office.a_batch())
    await is_due(office)
    office.clock.forward(minutes=5)
    cancelled = await office.batches.cancel(office.caller, batch.id)
    now = office.clock.now
    assert cancelled == replace(
        batch,
        status=BatchStatus.CANCELLING,
        status_since=now,
        reason=BatchReason.DRAINING,
        ending=BatchStatus.CANCELLED,
        drain_until=now + timedelta(seconds=60),
        cancelling_at=now,
    )
    assert (await office.facts())[-1] == BatchJobStatusChanged(
        batch_job_id=batch.id,
        job_status_before=BatchStatus.IN_PROGRESS,
        job_status_after=BatchStatus.CANCELLING,
        job_reason=BatchReason.DRAINING,
    )
    assert await is_due(office) == [batch.id]


async def test_a_short_request_timeout_is_all_the_time_that_is_left(office: Office) -> None:
    batch = await office.running(await office.a_batch(wish=Wish(request_timeout=5)))
    cancelled = await office.batches.cancel(office.caller, batch.id)
    assert cancelled.drain_until == office.clock.now + timedelta(seconds=5)


async def test_one_that_drains_already_gets_no_more_time(office: Office) -> None:
    soon = office.clock.now + timedelta(seconds=3)
    batch = await office.running(
        await office.a_batch(), ending=BatchStatus.EXPIRED, drain_until=soon
    )
    cancelled = await office.batches.cancel(office.caller, batch.id)
    assert (cancelled.ending, cancelled.drain_until) == (BatchStatus.CANCELLED, soon)


async def test_cancelling_twice_is_cancelling_once(office: Office) -> None:
    batch = await office.a_batch()
    first = await office.batches.cancel(office.caller, batch.id)
    assert (first.status, first.reason) == (BatchStatus.CANCELLING, None)
    facts = await office.facts()
    office.clock.forward(seconds=9)
    assert await office.batches.cancel(office.caller, batch.id) == first
    assert await office.facts() == facts


@pytest.mark.parametrize(
    "status",
    [
        BatchStatus.FINALIZING,
        BatchStatus.COMPLETED,
        BatchStatus.FAILED,
        BatchStatus.EXPIRED,
        BatchStatus.CANCELLED,
    ],
)
async def test_what_ends_anyway_is_neither_cancelled_nor_paused(
    office: Office, status: BatchStatus
) -> None:
    batch = await office.a_batch()
    if status is BatchStatus.FINALIZING:
        batch = await office.running(batch)
        batch = await office.put(
            replace(batch, status=status, finalizing_at=office.clock.now, ending=status.COMPLETED)
        )
    else:
        if status is BatchStatus.CANCELLED:
            batch = await office.batches.cancel(office.caller, batch.id)
        batch = await office.ended(batch, status)
    facts = await office.facts()
    with pytest.raises(BatchNotCancellable, match=status.value) as refused:
        await office.batches.cancel(office.caller, batch.id)
    assert refused.value.code == "BATCH_NOT_CANCELLABLE"
    for decide in (office.batches.pause, office.batches.resume):
        with pytest.raises(BatchNotPausable, match=status.value):
            await decide(office.caller, batch.id)
    assert await office.kept(batch.id) == batch
    assert await office.facts() == facts


async def test_pausing_and_resuming_are_told_once(office: Office) -> None:
    batch = await office.running(await office.a_batch())
    await is_due(office)
    paused = await office.batches.pause(office.caller, batch.id)
    assert (paused.paused_at, paused.reason) == (office.clock.now, BatchReason.PAUSED)
    assert await office.batches.pause(office.caller, batch.id) == paused
    assert (await office.facts())[-2:] == [
        BatchJobPaused(batch_job_id=batch.id),
        standing(batch, BatchReason.PAUSED),
    ]
    resumed = await office.batches.resume(office.caller, batch.id)
    assert (resumed.paused_at, resumed.reason) == (None, BatchReason.QUEUED)
    assert await office.batches.resume(office.caller, batch.id) == resumed
    assert (await office.facts())[-2:] == [
        BatchJobResumed(batch_job_id=batch.id),
        standing(batch, BatchReason.QUEUED),
    ]
    assert await is_due(office) == [batch.id]


async def test_one_that_is_validated_is_paused_without_a_reason(office: Office) -> None:
    batch = await office.a_batch()
    paused = await office.batches.pause(office.caller, batch.id)
    assert (paused.status, paused.reason) == (BatchStatus.VALIDATING, None)
    assert (await office.facts())[-1] == BatchJobPaused(batch_job_id=batch.id)
    assert await office.batches.resume(office.caller, batch.id) == batch


async def test_one_that_drains_is_not_paused(office: Office) -> None:
    batch = await office.running(await office.a_batch(), ending=BatchStatus.EXPIRED)
    with pytest.raises(BatchNotPausable, match="ending"):
        await office.batches.pause(office.caller, batch.id)


async def test_of_a_cancel_and_a_pause_at_once_the_cancel_holds(office: Office) -> None:
    batch = await office.running(await office.a_batch())
    for pair in (
        (office.batches.cancel, office.batches.pause),
        (office.batches.pause, office.batches.cancel),
    ):
        await office.put(batch)
        done = await asyncio.gather(
            *(decide(office.caller, batch.id) for decide in pair), return_exceptions=True
        )
        kept = await office.kept(batch.id)
        assert (kept.status, kept.paused_at) == (BatchStatus.CANCELLING, None)
        assert all(isinstance(each, Batch | BatchNotPausable) for each in done)


async def test_a_cancelled_batch_forgets_that_it_was_paused(office: Office) -> None:
    batch = await office.running(await office.a_batch())
    await office.batches.pause(office.caller, batch.id)
    cancelled = await office.batches.cancel(office.caller, batch.id)
    assert (cancelled.paused_at, cancelled.reason) == (None, BatchReason.DRAINING)


async def test_a_preview_tells_the_place_and_writes_nothing(office: Office) -> None:
    file = await office.an_input(lines(["a", "b"], model="echo"))
    wish = Wish(target=TargetKind.ECHO)
    new = await office.a_new_batch(input_file_id=file.id, wish=wish)
    facts = await office.facts()
    preview = await office.batches.preview(office.by(Role.VIEWER), new)
    assert (preview.total, preview.model, preview.errors) == (2, "echo", ())
    assert preview.place is not None
    assert preview.place.target is TargetKind.ECHO
    assert await office.facts() == facts
    assert not await is_due(office)


async def test_a_preview_tells_what_is_wrong_with_the_lines(office: Office) -> None:
    new = await office.a_new_batch(input_file_id=(await office.an_input(b"{\n")).id)
    preview = await office.batches.preview(office.caller, new)
    assert [(error.code, error.line) for error in preview.errors] == [("invalid_json_line", 1)]
    assert (preview.total, preview.place) == (0, None)


async def test_a_preview_tells_that_nothing_serves_the_model(office: Office) -> None:
    file = await office.an_input(lines(["a"], model="llama"))
    new = await office.a_new_batch(input_file_id=file.id)
    preview = await office.batches.preview(office.caller, new)
    assert [error.code for error in preview.errors] == ["model_not_found"]
    assert (preview.total, preview.model, preview.place) == (1, "llama", None)


async def test_a_preview_is_held_to_the_profiles_requests(office: Office) -> None:
    await office.a_profile("day", is_default=True, max_requests=1)
    file = await office.an_input(lines(["a", "b"]))
    new = await office.a_new_batch(input_file_id=file.id)
    preview = await office.batches.preview(office.caller, new)
    assert [error.code for error in preview.errors] == ["too_many_requests"]


async def keep_file(office: Office, file: Any) -> None:
    async with office.store.start_work("t", "t") as work:
        await work.files.add(file)


def standing(batch: Batch, reason: BatchReason) -> BatchJobStatusChanged:
    return BatchJobStatusChanged(
        batch_job_id=batch.id,
        job_status_before=BatchStatus.IN_PROGRESS,
        job_status_after=BatchStatus.IN_PROGRESS,
        job_reason=reason,
    )
