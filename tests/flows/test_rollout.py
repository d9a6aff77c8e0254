"""Rollouts through the real server, with real engines and requests that keep coming."""

import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.api import Api, a_client
from tests.support.load import (
    activate,
    chat,
    echo,
    load,
    marked,
    replicas,
    rollouts,
    serving,
    stands,
)
from tests.support.server import Running, running

MORE = 40  # requests that have to be answered before and after something


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("rollout") / "data", "--stop-replicas") as server:
        yield server


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Of servers whose replicas may outlive them, but not the test."""
    yield tmp_path / "data"
    for pid in marked(installation(tmp_path / "data")):
        os.kill(pid, signal.SIGKILL)


def installation(place: Path) -> str:
    with sqlite3.connect(place / "modelyard.db") as connection:
        return str(connection.execute("SELECT name FROM installation").fetchone()[0])


async def test_a_rolling_rollout_of_two_replicas_fails_no_request(server: Running) -> None:
    async with a_client(server.url) as api:
        deployment = await serving(api, "rolling", replicas=2)
        async with load(server.url, "rolling") as asked:
            await asked.more(MORE)
            await activate(api, deployment, echo("two", "--start-delay", "0.5"))
            await stands(api, deployment, "READY")
            asked.answered_by.clear()
            await asked.more(MORE)
        assert asked.failures == []
        assert set(asked.answered_by) == {"two"}
        serve = [each for each in await replicas(api, deployment) if each["status"] == "HEALTHY"]
        assert [each["revision"]["number"] for each in serve] == [2, 2]


async def test_a_broken_revision_is_rolled_back_by_itself_and_fails_no_request(
    server: Running,
) -> None:
    async with a_client(server.url) as api:
        deployment = await serving(api, "broken", replicas=2)
        async with load(server.url, "broken") as asked:
            broken = {"models": [{"service": {"startCommand": ["false", "{port}"]}}]}
            await activate(api, deployment, broken, progressDeadline="PT3S")
            await stands(api, deployment, "READY")
            await asked.more(MORE)
        assert asked.failures == []
        assert set(asked.answered_by) == {"one"}
        [failed, first] = await rollouts(api, deployment)
        assert (failed["status"], first["status"]) == ("FAILED", "SUCCEEDED")
        assert failed["statusReason"] in ("PROGRESS_DEADLINE", "TOO_MANY_EXITS")
        assert {each["revision"]["number"] for each in await replicas(api, deployment)} == {1}


async def test_blue_green_serves_the_old_until_it_is_promoted_and_shows_the_new_by_number(
    server: Running,
) -> None:
    async with a_client(server.url) as api:
        deployment = await serving(api, "colours")
        strategy = {"blueGreen": {"autoPromote": False}}
        said = {"deploymentId": deployment, "strategy": strategy}
        await api.change("updateModelDeployment", said)
        async with load(server.url, "colours") as asked:
            await activate(api, deployment, echo("two"))
            await stands(api, deployment, "DEPLOYING", reason="AWAITING_PROMOTION")
            await asked.more(MORE)
            assert set(asked.answered_by) == {"one"}
            assert await chat(api.http, "colours@2") == "Echo from two: hello"
            await api.change("promoteRollout", {"deploymentId": deployment})
            await stands(api, deployment, "READY")
            asked.answered_by.clear()
            await asked.more(MORE)
            assert set(asked.answered_by) == {"two"}
        assert asked.failures == []


async def test_a_canary_gets_its_weight_of_the_requests(server: Running) -> None:
    async with a_client(server.url) as api:
        strategy = {"canary": {"steps": [{"weight": 25, "pause": None}]}}
        deployment = await serving(api, "canary", replicas=2, strategy=strategy)
        async with load(server.url, "canary") as asked:
            await activate(api, deployment, echo("two"))
            await stands(api, deployment, "DEPLOYING", reason="CANARY_STEP")
            asked.answered_by.clear()
            await asked.more(10 * MORE)
            share = asked.answered_by["two"] / asked.answered_by.total()
            assert 0.15 < share < 0.35
            await api.change("resumeRollout", {"deploymentId": deployment})
            await stands(api, deployment, "READY")
            asked.answered_by.clear()
            await asked.more(MORE)
            assert set(asked.answered_by) == {"two"}
        assert asked.failures == []


async def test_a_deleted_deployment_drains_and_leaves_nothing(
    place: Path,
) -> None:
    with running(place, "--stop-replicas") as server:
        async with a_client(server.url) as api:
            deployment = await serving(api, "gone", "--tokens-per-second", "10", replicas=2)
            own = installation(place)
            assert len(marked(own)) >= 2
            async with streamed(api, "gone") as lines:
                assert (await anext(lines)).startswith("data: {")
                await api.change("deleteModelDeployment", {"deploymentId": deployment})
                assert (await stands(api, deployment, "STOPPING", "STOPPED"))[
                    "status"
                ] == "STOPPING"
                assert [line async for line in lines if line][-1] == "data: [DONE]"
            await stands(api, deployment, "STOPPED")
            assert marked(own) == set()
            with sqlite3.connect(place / "modelyard.db") as connection:
                ports = connection.execute(
                    "SELECT count(*) FROM place_ports JOIN replicas ON replicas.id = replica_id"
                    " WHERE status <> 'exited'"
                )
                assert ports.fetchone() == (0,)


@asynccontextmanager
async def streamed(api: Api, model: str) -> AsyncIterator[AsyncIterator[str]]:
    """The lines of an answer that takes some seconds."""
    words = {"role": "user", "content": "hello " * 30}
    said = {"model": model, "messages": [words], "stream": True}
    async with api.http.stream("POST", "/v1/chat/completions", json=said) as answer:
        assert answer.status_code == 200
        yield answer.aiter_lines()


async def test_replicas_serve_on_when_the_server_is_killed_and_are_taken_over(
    place: Path,
) -> None:
    with running(place) as server:
        async with a_client(server.url) as api:
            deployment = await serving(api, "adopted", replicas=2)
            before = await replicas(api, deployment)
            own = installation(place)
            processes = marked(own)
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    assert marked(own) == processes
    async with a_client(before[0]["endpoints"][0]["url"]) as engine:
        assert (await engine.http.get("/health")).status_code == 200
    with running(place, "--stop-replicas") as server:
        async with a_client(server.url) as api:
            async with load(server.url, "adopted") as asked:
                await asked.more(MORE)
            assert await replicas(api, deployment) == before
            assert marked(own) == processes
            await api.change(
                "scaleModelDeployment", {"deploymentId": deployment, "desiredReplicas": 1}
            )
            await stands(api, deployment, "READY")
    assert marked(own) == set()


async def test_a_server_that_stops_says_what_keeps_running_and_how_to_end_it(
    place: Path,
) -> None:
    with running(place) as server:
        async with a_client(server.url) as api:
            await serving(api, "kept", replicas=2)
        own = installation(place)
        processes = marked(own)
        assert server.stop() == 0
        [line] = server.said()
        assert "keep running: 2." in line
        assert "--stop-replicas" in line
    assert marked(own) == processes
    with running(place, "--stop-replicas") as server:
        async with a_client(server.url) as api, load(server.url, "kept") as asked:
            await asked.more(MORE)
        assert marked(own) == processes
        assert server.stop() == 0
        assert server.said() == []
    assert marked(own) == set()
