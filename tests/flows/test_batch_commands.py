"""`modelyard batch …` as real processes, against a real server and an engine of the test's own."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.dedicated_jobs import visiting
from tests.support.marking import MODEL, MarkingEngine, marking_engine
from tests.support.server import Running, modelyard, running


@dataclass(frozen=True)
class Terminal:
    folder: Path
    server: Running
    engine: MarkingEngine

    async def run(self, *said: str) -> "subprocess.CompletedProcess[str]":
        """`modelyard batch` with what is said, to its end."""
        env = {"MODELYARD_SERVER": self.server.url}
        return await asyncio.to_thread(modelyard, "batch", *said, env=env, cwd=self.folder)

    async def out(self, *said: str) -> str:
        """What it prints; it has to end well."""
        ran = await self.run(*said)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    async def job(self, id: str) -> Any:
        return json.loads(await self.out("describe", id, "--json"))

    def written(self, name: str, *marks: str) -> str:
        """A file of bare bodies without a model, one for each mark."""
        bodies = [{"messages": [{"role": "user", "content": mark}]} for mark in marks]
        (self.folder / name).write_text("".join(json.dumps(body) + "\n" for body in bodies))
        return name

    def read(self, name: str) -> list[Any]:
        return lines((self.folder / name).read_text())


@asynccontextmanager
async def a_terminal(folder: Path) -> AsyncIterator[Terminal]:
    async with marking_engine() as engine:
        with running(folder / "data") as server:
            async with visiting(server.url) as visitor:
                said = {"name": "spare", "baseUrl": engine.url, "models": [MODEL]}
                await visitor.api.change("createExternalEndpoint", said)
            yield Terminal(folder, server, engine)


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def marks(found: list[Any]) -> list[str]:
    """The answers', of result lines."""
    return [line["response"]["body"]["choices"][0]["message"]["content"] for line in found]


async def test_a_file_is_looked_at_run_listed_and_described(tmp_path: Path) -> None:
    async with a_terminal(tmp_path) as terminal:
        file = terminal.written("in.jsonl", "a", "bad", "c")
        seen = (await terminal.out("validate", file, "--model", MODEL)).splitlines()
        assert seen[0] == "3 requests for marking."
        assert seen[1].startswith("They would run at EXTERNAL spare: ")
        lost = await terminal.run("validate", file)
        assert (lost.returncode, lost.stdout.splitlines()[0]) == (1, "It would fail.")
        assert "missing_required_parameter" in lost.stdout
        assert terminal.engine.visits == {}
        ran = await terminal.run("run", file, "--model", MODEL, "-o", "out.jsonl")
        assert (ran.returncode, ran.stdout) == (1, "")
        told = ran.stderr.splitlines()
        assert "COMPLETED: 2 of 3 lines have a result, 1 an error." in told
        assert told[-2:] == ["Results are in out.jsonl.", "Errors are in out.errors.jsonl."]
        assert marks(terminal.read("out.jsonl")) == ["a", "c"]
        [error] = terminal.read("out.errors.jsonl")
        assert (error["custom_id"], error["response"]["status_code"]) == ("line-2", 400)
        head, only = (await terminal.out("ls", "--status", "completed")).splitlines()
        assert head.split()[0] == "JOB"
        job = only.split()[0]
        assert only.split()[1:6] == ["COMPLETED", "marking", "3/3", "1", "EXTERNAL"]
        assert "2 of 3 lines have a result, 1 an error." in await terminal.out("describe", job)
        for verb, code in {
            "cancel": "BATCH_NOT_CANCELLABLE",
            "pause": "BATCH_NOT_PAUSABLE",
            "resume": "BATCH_NOT_PAUSABLE",
        }.items():
            refused = await terminal.run(verb, job)
            assert (refused.returncode, refused.stdout) == (1, "")
            assert refused.stderr.startswith(f"modelyard: {code}: ")


async def test_a_job_is_paused_resumed_cancelled_and_retried(tmp_path: Path) -> None:
    async with a_terminal(tmp_path) as terminal:
        terminal.engine.is_busy = True
        file = terminal.written("in.jsonl", "a", "b")
        job = (await terminal.out("run", file, "--model", MODEL, "-d")).strip()
        assert (await terminal.out("pause", job)).startswith(f"{job} is ")
        assert (await terminal.job(job))["pausedAt"] is not None
        await terminal.out("resume", job)
        assert (await terminal.job(job))["pausedAt"] is None
        assert "CANCELLING" in await terminal.out("cancel", job)
        ended = await terminal.run("results", job, "-f")
        assert (ended.returncode, ended.stdout) == (1, "")  # nothing was answered
        await terminal.out("results", job, "--errors", "cut.jsonl")
        cut = terminal.read("cut.jsonl")
        assert [line["custom_id"] for line in cut] == ["line-1", "line-2"]
        assert {line["error"]["code"] for line in cut} == {"batch_cancelled"}
        assert "CANCELLED: 0 of 2 lines have a result, 2 an error." in ended.stderr
        terminal.engine.is_busy = False
        again = (await terminal.out("retry", job)).split()[0]
        assert again != job
        followed = await terminal.out("results", again, "-f")
        assert sorted(marks(lines(followed))) == ["a", "b"]
        assert (await terminal.job(again))["retryOf"] == {"openaiId": job}
        await terminal.out("results", again, "-o", "again.jsonl")
        assert marks(terminal.read("again.jsonl")) == ["a", "b"]
