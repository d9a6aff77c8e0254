"""Batch jobs whose engine, input or server fails them midway, by a real server with real files."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.dedicated_jobs import Visitor, visiting
from tests.support.kill_jobs import Job, check
from tests.support.kill_watch import watching
from tests.support.marking import MODEL, MarkingEngine, marking_engine
from tests.support.server import Running, running


@dataclass(frozen=True)
class Place:
    data_dir: Path
    server: Running
    engine: MarkingEngine
    visitor: Visitor

    @property
    def http(self) -> httpx.AsyncClient:
        return self.visitor.api.http


@asynccontextmanager
async def a_place(data_dir: Path) -> AsyncIterator[Place]:
    """A server that knows an engine of the test's own."""
    async with marking_engine() as engine:
        with running(data_dir) as server:
            async with visiting(server.url) as visitor:
                said = {"name": "marking", "baseUrl": engine.url, "models": [MODEL]}
                await visitor.api.change("createExternalEndpoint", said)
                yield Place(data_dir, server, engine, visitor)


def marks(count: int, kind: str = "line") -> list[str]:
    return [f"{kind}-{number}" for number in range(count)]


async def test_an_engine_that_is_busy_for_a_while_costs_no_line(tmp_path: Path) -> None:
    async with a_place(tmp_path / "data") as place:
        place.engine.is_busy = True
        job = Job(marks(200), options={"retry": {"attempts": 1}})
        await job.create(place.http)
        await place.visitor.heard(job, lambda event: event.get("jobReason") == "ENGINE_BUSY")
        place.engine.is_busy = False
        end = await place.visitor.end_of(job)
    check(job, end)
    assert (end.shown["status"], len(end.output)) == ("completed", 200)
    assert place.engine.refused > 0


async def test_what_an_engine_says_of_an_error_is_in_the_error_file(tmp_path: Path) -> None:
    async with a_place(tmp_path / "data") as place:
        job = Job(["good", "bad", "better"])
        await job.create(place.http)
        end = await place.visitor.end_of(job)
    check(job, end)
    assert [line["custom_id"] for line in end.output] == ["good", "better"]
    [line] = end.errors
    said = {"error": {"message": "no: bad", "type": "invalid_request_error"}}
    assert (line["error"], line["response"]["status_code"]) == (None, 400)
    assert line["response"]["body"] == said


async def test_a_custom_id_that_is_there_twice_fails_the_batch_and_sends_nothing(
    tmp_path: Path,
) -> None:
    async with a_place(tmp_path / "data") as place:
        job = Job(["a", "b", "a"])
        await job.create(place.http)
        end = await place.visitor.end_of(job)
    [error] = end.shown["errors"]["data"]
    assert (error["code"], error["line"]) == ("duplicate_custom_id", 3)
    assert end.shown["status"] == "failed"
    assert end.shown["request_counts"] == {"total": 0, "completed": 0, "failed": 0}
    assert (end.output, end.errors, dict(place.engine.visits)) == ([], [], {})


@dataclass
class Spaced(Job):
    """With blank lines between the others."""

    def content(self) -> bytes:
        return b"\n" + super().content().replace(b"\n", b"\n\n  \n")


async def test_blank_lines_and_a_restart_double_and_lose_nothing(tmp_path: Path) -> None:
    job = Spaced(marks(400), options={"maxConcurrency": 20})
    async with a_place(tmp_path / "data") as place:
        await job.create(place.http)
        await place.visitor.heard(job, lambda event: event.get("completed", 0) > 0)
        assert await place.visitor.completed(job) < 400
        assert place.server.stop(signal.SIGKILL) == -signal.SIGKILL
        with running(place.data_dir) as server:
            async with visiting(server.url) as visitor:
                end = await visitor.end_of(job)
    check(job, end)
    assert (end.shown["status"], len(end.output)) == ("completed", 400)


async def test_a_server_that_is_stopped_costs_no_line_an_attempt(tmp_path: Path) -> None:
    """What is in flight then is waited for."""
    job = Job(marks(600), options={"maxConcurrency": 40, "retry": {"attempts": 1}})
    async with a_place(tmp_path / "data") as place:
        await job.create(place.http)
        await place.visitor.heard(job, lambda event: event.get("completed", 0) > 0)
        assert await asyncio.to_thread(place.server.stop) == 0
        told = place.server.log.read_text()
        with running(place.data_dir) as server:
            async with visiting(server.url) as visitor:
                end = await visitor.end_of(job)
    check(job, end)
    assert (end.shown["status"], len(end.output)) == ("completed", 600)
    assert "a request failed" not in told
    assert {len(visits) for visits in place.engine.visits.values()} == {1}


async def test_an_input_that_is_removed_midway_fails_the_rest(tmp_path: Path) -> None:
    """All but what was read of it before."""
    lines = 5_000
    job = Job(marks(lines), options={"maxConcurrency": 64})
    async with a_place(tmp_path / "data") as place:
        await job.create(place.http)
        await place.visitor.heard(job, lambda event: event.get("completed", 0) > 0)
        await remove_input(place.data_dir)
        end = await place.visitor.end_of(job)
    done, counts = len(end.output), end.shown["request_counts"]
    assert 0 < done < lines
    assert end.shown["status"] == "completed"
    assert counts == {"total": lines, "completed": done, "failed": lines - done}
    answered = {line["custom_id"] for line in end.output}
    assert [line["custom_id"] for line in end.errors] == [m for m in job.marks if m not in answered]
    told = {(line["response"], line["error"]["code"]) for line in end.errors}
    assert told == {(None, "input_unavailable")}
    assert set(place.engine.visits) == answered


async def remove_input(data_dir: Path) -> None:
    async with watching(f"sqlite+aiosqlite:///{data_dir / 'modelyard.db'}") as watch:
        [input_file] = [file for file in await watch.files() if file.purpose == "batch"]
    (data_dir / "objects" / input_file.key).unlink()
