"""The commands against the real server, with real replicas."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.forks import Process, forks
from tests.support.server import START_SECONDS, Running, environment, modelyard, running

SLOW = "modelyard echo --host {host} --port {port} --name {name} --start-delay 4"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path / "data", "--stop-replicas") as server:
        yield server


def run(server: Running, *arguments: str, cwd: Path) -> Any:
    return modelyard(*arguments, env={"MODELYARD_SERVER": server.url}, cwd=cwd)


def ok(ran: Any) -> str:
    assert ran.returncode == 0, ran.stderr
    return str(ran.stdout)


@contextmanager
def deploying(url: str, cwd: Path) -> Iterator[tuple[Process, Any]]:
    """`deploy --wait` of an engine that starts slowly, and what it says on standard error."""
    arguments = ["deploy", "--variant", "echo", "--name", "chat", "--command", SLOW, "--wait"]
    read, written = os.pipe()
    with (cwd / "out").open("w") as out, open(written, "w") as theirs:
        env = environment({"MODELYARD_SERVER": url})
        process = forks().start(arguments, env, cwd, out.fileno(), theirs.fileno())
    with open(read) as said:
        yield process, said


def until(words: str, said: Any) -> None:
    assert any(words in line for line in said), f"nothing was said of {words!r}"


def test_a_deployment_from_its_first_revision_to_its_end(server: Running, tmp_path: Path) -> None:
    first = ok(run(server, "deploy", "--variant", "echo", "--name", "chat", "--wait", cwd=tmp_path))
    assert first == "chat is ready: revision 1, 1 of 1 replicas healthy.\n"
    again = run(server, "deploy", "--variant", "echo", "--name", "chat", "--wait", cwd=tmp_path)
    assert "runs this already, as revision 1" in again.stderr
    assert ok(again) == first
    assert "Uvicorn running" in ok(run(server, "logs", "chat", cwd=tmp_path))
    scaled = ok(run(server, "scale", "chat", "2", "--wait", "--json", cwd=tmp_path))
    assert json.loads(scaled)["deployment"]["replicaGroups"][0]["replicaCounts"]["healthy"] == 2
    assert "HEALTHY" in ok(run(server, "describe", "chat", cwd=tmp_path))
    broken = run(
        server, "deploy", "--variant", "echo", "--name", "chat", "--wait", "--json",
        "--command", "echo boom on $PORT >&2; exit 3", "--progress-deadline", "3s", cwd=tmp_path,
    )  # fmt: skip
    assert broken.returncode == 1
    assert "The rollout of revision 2 of chat failed: PROGRESS_DEADLINE" in broken.stderr
    assert broken.stderr.splitlines()[-1].startswith("  boom on ")
    assert json.loads(broken.stdout)["outcome"] == "failed"
    events = json.loads(ok(run(server, "events", "chat", "--json", cwd=tmp_path)))
    assert "RolloutFailed" in {each["__typename"] for each in events}
    listed = json.loads(ok(run(server, "ls", "--json", cwd=tmp_path)))
    assert [each["activeRevision"]["number"] for each in listed] == [1]
    assert ok(run(server, "rm", "chat", "--wait", cwd=tmp_path)) == "chat is gone.\n"
    assert json.loads(ok(run(server, "ls", "--json", cwd=tmp_path))) == []


def test_a_server_that_is_killed_meanwhile_ends_no_wait(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server, deploying(server.url, tmp_path) as (process, said):
        until("DEPLOYING", said)
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
        until("trying again", said)
        port = server.url.rpartition(":")[2]
        with running(tmp_path / "data", "--stop-replicas", "--port", port):
            until("Connected again.", said)
            assert process.wait(START_SECONDS) == 0
    assert "chat is ready: revision 1" in (tmp_path / "out").read_text()


def test_ctrl_c_leaves_the_rollout_to_the_server(server: Running, tmp_path: Path) -> None:
    with deploying(server.url, tmp_path) as (process, said):
        until("DEPLOYING", said)
        process.send_signal(signal.SIGINT)
        until("No longer waiting.", said)
        assert process.wait(START_SECONDS) == 130
    ran = run(server, "rollout", "status", "chat", "--wait", cwd=tmp_path)
    assert "chat is ready: revision 1" in ok(ran)
