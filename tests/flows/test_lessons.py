"""What has bitten real systems (the end of the design of batches): each lesson with the tests that fail
where it is unlearned. Here are those that belong to no one part; the others stay beside their part.
"""

import asyncio
from pathlib import Path

import pytest

from infra.inference.engines import connections
from tests.support.dedicated_jobs import visiting
from tests.support.holding import MODEL, holding_engine
from tests.support.kill_jobs import Job
from tests.support.server import running
from tests.support.working import World

ROOT = Path(__file__).parents[2] / "tests"
LESSONS = {
    "a driver kept as a singleton mixed two jobs": (
        "flows/test_batch_dedicated.py::test_two_jobs_at_once_on_one_template_have_a_deployment_each",
        "domain/batches/test_worker.py::test_jobs_at_different_targets_do_not_wait_for_each_other",
    ),
    "a readiness timeout leaked the deployment": (
        "flows/test_batch_dedicated.py::"
        "test_a_job_whose_engine_never_becomes_ready_says_why_and_leaves_nothing",
    ),
    "a storage outage became 'input file not found'": (
        "domain/batches/test_validation.py::test_a_store_that_breaks_off_is_no_verdict",
        "domain/batches/test_tending.py::test_a_store_that_is_away_fails_no_batch",
        "domain/batches/test_worker_storage.py::test_an_input_store_that_is_away_is_waited_for",
    ),
    "two jobs raced for one local port": (
        "infra/process/test_ports.py::test_a_port_found_taken_is_given_up_for_another",
        "infra/process/test_ports.py::test_a_port_stolen_in_between_is_no_fault_of_the_replica",
    ),
    "several workers overwrote each other's usage": (
        "domain/batches/test_workers_together.py::"
        "test_two_workers_share_a_job_and_no_line_is_sent_twice",
    ),
    "a host path was baked into the manifest": (
        "infra/process/test_preparation.py::"
        "test_what_lies_below_the_mount_path_lies_in_the_local_folder",
    ),
    "a service port was fixed at 8000 whatever the engine's": (
        "infra/process/test_ports.py::test_a_command_with_a_fixed_port_gets_the_definitions",
        "infra/gateway/test_batch_targets.py::"
        "test_a_seat_is_where_a_replica_answers_under_its_own_name",
    ),
    "a read timeout was fixed at 30 s whatever was asked": (
        "infra/inference/test_engines.py::"
        "test_a_reply_that_takes_33_seconds_or_far_more_is_not_cut",
        "infra/inference/test_engines.py::"
        "test_a_reply_that_takes_33_seconds_is_cut_where_30_were_asked_for",
        "domain/batches/test_worker.py::test_a_reply_may_take_longer_than_any_lease",
    ),
    "an HTTP pool was capped at 100 connections": (
        "flows/test_lessons.py::"
        "test_a_server_has_600_requests_at_once_at_an_engine_that_takes_them",
        "flows/test_lessons.py::test_one_job_has_600_requests_at_once_at_an_engine_that_takes_them",
        "domain/batches/test_worker.py::test_as_many_at_once_as_the_engine_takes",
    ),
    "blank lines plus a restart duplicated results": (
        "flows/test_batch_outages.py::test_blank_lines_and_a_restart_double_and_lose_nothing",
        "domain/batches/test_tending.py::"
        "test_a_restart_in_the_midst_of_blank_lines_sends_no_line_again",
    ),
    "one duplicate custom_id hung the job": (
        "flows/test_batch_outages.py::"
        "test_a_custom_id_that_is_there_twice_fails_the_batch_and_sends_nothing",
    ),
    "finalizing dropped missing lines with a warning": (
        "domain/batches/test_tending.py::"
        "test_a_missing_segment_is_a_loud_fault_and_never_a_dropped_line",
        "domain/batches/test_finalise.py::test_rows_that_disagree_are_a_fault",
    ),
    "'completed' came before its file id": (
        "domain/batches/test_tending.py::test_no_status_is_final_before_its_files_are_there",
    ),
    "a resume marched through 20 million done lines one by one": (
        "infra/test_batch_scale.py::test_nobody_walks_shards_that_are_done",
    ),
    "an engine answers 429 for ten seconds": (
        "domain/batches/test_worker.py::"
        "test_an_engine_that_has_too_many_for_ten_seconds_loses_nothing",
        "flows/test_batch_outages.py::test_an_engine_that_is_busy_for_a_while_costs_no_line",
    ),
    "an engine is down for five minutes": (
        "domain/batches/test_worker.py::test_an_engine_that_is_down_for_five_minutes_costs_nothing",
    ),
    "an engine's error body arrives in the error file": (
        "flows/test_batch_outages.py::test_what_an_engine_says_of_an_error_is_in_the_error_file",
    ),
    "an input file is removed midway": (
        "flows/test_batch_outages.py::test_an_input_that_is_removed_midway_fails_the_rest",
    ),
    "a disk fills": (
        "domain/batches/test_worker_storage.py::"
        "test_a_disk_that_fills_stops_sending_and_nothing_is_counted_that_is_not_stored",
        "domain/batches/test_tending.py::"
        "test_a_disk_that_is_full_holds_finalizing_up_and_loses_nothing",
        "flows/test_files_failing.py::test_a_full_disk_refuses_an_upload_once_and_leaves_nothing",
    ),
    "a server's orderly stop failed the lines in flight": (
        "flows/test_batch_outages.py::test_a_server_that_is_stopped_costs_no_line_an_attempt",
    ),
    "a line that could be read but not sent hung the job": (
        "domain/batches/test_validation.py::test_a_body_that_could_not_be_written_again_is_refused",
        "domain/batches/test_worker_storage.py::test_a_line_that_can_not_be_sent_ends_by_itself",
    ),
}
AT_ONCE = 600
JOBS = 10  # each at a target of its own, where it begins with 64
PATIENCE = 120.0  # seconds, of a busy machine


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_lesson_has_its_tests(lesson: str) -> None:
    for test in LESSONS[lesson]:
        file, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text(), f"{test} is gone"


async def test_a_server_has_600_requests_at_once_at_an_engine_that_takes_them(
    tmp_path: Path,
) -> None:
    """Nothing of a whole server caps them: neither its connections, nor its files, nor its memory."""
    jobs = [Job([f"{n}-{line}" for line in range(64)], model=f"{MODEL}-{n}") for n in range(JOBS)]
    async with holding_engine(AT_ONCE) as engine:
        with running(tmp_path / "data") as server:
            async with visiting(server.url) as visitor:
                for job in jobs:
                    said = {"name": job.model, "baseUrl": engine.url, "models": [job.model]}
                    await visitor.api.change("createExternalEndpoint", said)
                await asyncio.gather(*(job.create(visitor.api.http) for job in jobs))
                async with asyncio.timeout(PATIENCE):
                    assert await engine.most() >= AT_ONCE
                ends = [await visitor.end_of(job) for job in jobs]
    for end in ends:
        counts = end.shown["request_counts"]
        assert counts == {"total": 64, "completed": 64, "failed": 0}


async def test_one_job_has_600_requests_at_once_at_an_engine_that_takes_them() -> None:
    """From 64 on, by a clock that stands still: so that the machine's own slowness is not the engine's."""
    world = World()
    batch = await world.batch(lines=6_000)
    async with holding_engine(AT_ONCE, warm=3_000) as engine, connections() as engines:
        world.seats.ids = [engine.address]
        async with world.worker(inference=engines).running():
            async with asyncio.timeout(PATIENCE):
                assert await engine.most() >= AT_ONCE
    assert (await world.now(batch)).failed == 0
