"""Batch jobs and uploads whose disk is full, really, and has room again."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.dedicated_jobs import Visitor, visiting
from tests.support.forms import until
from tests.support.kill_jobs import Job, check, upload
from tests.support.marking import MODEL, MarkingEngine, marking_engine
from tests.support.short_disk import MIB, ShortDisk, kinds, short_disk

ANSWER = 128 * 1024  # bytes: sixty of them are more than a database that may grow a little
LINES = 300
AT_ONCE = 64  # requests


@dataclass(frozen=True)
class Place:
    disk: ShortDisk
    engine: MarkingEngine
    visitor: Visitor


@pytest.fixture(params=kinds())
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """A server on such a disk, which knows an engine of long answers."""
    async with marking_engine() as engine:
        engine.padding = ANSWER
        with short_disk(request.param, tmp_path) as disk:
            async with visiting(disk.server.url) as visitor:
                said = {"name": "marking", "baseUrl": engine.url, "models": [MODEL]}
                await visitor.api.change("createExternalEndpoint", said)
                yield Place(disk, engine, visitor)
        assert "Traceback" not in disk.server.log.read_text()


async def test_a_job_waits_for_room_and_counts_nothing_that_is_not_stored(place: Place) -> None:
    marks, place.engine.seconds = [f"held-{n}" for n in range(LINES)], 1.0
    job, visitor = Job(marks, options={"maxConcurrency": AT_ONCE}), place.visitor
    await job.create(visitor.api.http)
    await until(lambda: len(place.engine.visits) == AT_ONCE)
    place.disk.fill()
    place.engine.released.set()
    await visitor.heard(job, lambda event: event.get("jobReason") == "STORAGE_FULL")
    await until(lambda: place.engine.answered == len(place.engine.visits))
    sent, tries = len(place.engine.visits), waits(place)
    await until(lambda: waits(place) > tries + 1)
    counted = await visitor.completed(job)
    assert counted == len(await results(visitor, job)) < sent
    assert len(place.engine.visits) == sent < LINES, "nothing more is sent"
    assert {key.partition("/")[0] for key in place.disk.objects()} <= {"files", "batches"}
    place.disk.free()
    end = await visitor.end_of(job)
    check(job, end)
    assert (end.shown["status"], len(end.output)) == ("completed", LINES)
    assert all(len(visits) == 1 for visits in place.engine.visits.values()), "nothing is sent twice"


async def test_a_job_whose_files_find_no_room_is_finalized_once_they_do(place: Place) -> None:
    job, visitor = Job([*(f"line-{n}" for n in range(LINES)), "held"]), place.visitor
    await job.create(visitor.api.http)
    await visitor.heard(job, lambda event: event.get("completed") == LINES)
    place.disk.fill(room=4 * MIB)
    place.engine.released.set()
    held_up = {"jobStatusAfter": "FINALIZING", "jobReason": "STORAGE_FULL"}
    await visitor.heard(job, lambda event: held_up.items() <= event.items())
    shown = (await visitor.api.http.get(f"/v1/batches/{job.id}")).json()
    assert (shown["status"], shown["output_file_id"]) == ("finalizing", None)
    assert shown["request_counts"] == {"total": LINES + 1, "completed": LINES + 1, "failed": 0}
    await until(lambda: not begun(place))
    place.disk.free()
    end = await visitor.end_of(job)
    check(job, end)
    assert (end.shown["status"], len(end.output)) == ("completed", LINES + 1)


async def test_an_upload_that_finds_no_room_is_refused_and_leaves_nothing(place: Place) -> None:
    http, content = place.visitor.api.http, b"x" * (16 * MIB)
    place.disk.fill(room=4 * MIB)
    purpose, file = {"purpose": "batch"}, {"file": ("big", content)}
    answer = await http.post("/v1/files", data=purpose, files=file)
    assert (answer.status_code, answer.json()["error"]["code"]) == (507, "storage_full")
    assert answer.headers["x-should-retry"] == "false"
    assert place.disk.objects() == set()
    assert (await http.get("/v1/files")).json()["data"] == []
    place.disk.free()
    kept = await upload(http, content)
    assert [each["id"] for each in (await http.get("/v1/files")).json()["data"]] == [kept]


def waits(place: Place) -> int:
    """How often it was tried to store results, in vain."""
    return place.disk.server.log.read_text().count("results wait for the storage")


def begun(place: Place) -> list[str]:
    """What there is of result files, and of what is being written."""
    found = place.disk.objects()
    return [key for key in found if "tmp/" in key or "/output" in key or "/error" in key]


async def results(visitor: Visitor, job: Job) -> list[bytes]:
    answer = await visitor.api.http.get(f"/v1/batches/{job.id}/results?limit=1000")
    assert answer.status_code == 200, answer.text
    return answer.content.splitlines()
