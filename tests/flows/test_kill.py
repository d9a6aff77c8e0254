"""The server killed at seeded moments while clients write: nothing is lost, doubled or half done.

MODELYARD_TEST_KILLS says how often on each database, MODELYARD_TEST_SEED which moments.
"""

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from websockets.exceptions import WebSocketException

from tests.support.api import Api, a_client, following, positions
from tests.support.server import Running, running

KILLS = int(os.environ.get("MODELYARD_TEST_KILLS", "6"))
SEED = int(os.environ.get("MODELYARD_TEST_SEED", "7"))
CLIENTS = 8
FOLLOW = "subscription($after: String) { events(after: $after) { cursor } }"
REVISIONS = """query($id: ID!, $after: String) { modelDeployment(id: $id) { name
  revisions(first: 100, after: $after) { nodes { id number note }
    pageInfo { endCursor hasNextPage } } } }"""
SHOWN = {
    "createModelDeployment": "deployment { id name }",
    "addModelRevision": "revision { id number note }",
    "updateModelDeployment": "deployment { id }",
}


@dataclass
class Request:
    mutation: str
    said: dict[str, Any]
    answer: Any = None

    async def send(self, api: Api) -> Any:
        return await api.change(self.mutation, self.said, SHOWN[self.mutation])


@dataclass
class Harness:
    """What the clients asked for and heard, over all of the server's lives."""

    random: Random
    start: str = ""
    deployments: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    repeated: int = 0
    heard: list[str] = field(default_factory=list)
    moments: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def live(self, server: Running) -> None:
        """Clients write and one follows until the server is killed, somewhere in their midst."""
        self.moments, self.reached = self.random.randrange(5, 60), asyncio.Event()
        async with a_client(server.url) as api:
            tasks = [asyncio.create_task(self._write(api)) for _ in range(CLIENTS)]
            tasks.append(asyncio.create_task(self._follow(server)))
            done, _ = await asyncio.wait(
                [*tasks, asyncio.create_task(self.reached.wait())],
                return_when=asyncio.FIRST_COMPLETED,
            )
            assert not done.intersection(tasks), done
            asyncio.get_running_loop().call_later(
                self.random.uniform(0, 0.03), server.process.send_signal, signal.SIGKILL
            )
            await asyncio.gather(*tasks)

    async def _write(self, api: Api) -> None:
        """Each request sent and each answer is a moment to be killed at, or soon after."""
        with suppress(httpx.TransportError):
            while True:
                request = self._request()
                self.requests.append(request)
                self._pass()
                request.answer = await request.send(api)
                self._pass()

    def _pass(self) -> None:
        self.moments -= 1
        if self.moments == 0:
            self.reached.set()

    def _request(self) -> Request:
        mutation = self.random.choice(["addModelRevision"] * 6 + list(SHOWN))
        name = f"n{len(self.requests)}"
        if mutation == "createModelDeployment":
            return Request(mutation, {"name": name, "idempotencyKey": name})
        said: dict[str, Any] = {"deploymentId": self.random.choice(self.deployments)}
        if mutation == "updateModelDeployment":
            return Request(mutation, said | {"tags": [name]})
        said |= {"runtimeVariant": "ECHO", "note": name, "idempotencyKey": name}
        return Request(mutation, said | {"activate": self.random.random() < 0.3})

    async def _follow(self, server: Running) -> None:
        with suppress(WebSocketException, OSError):
            after = self.heard[-1] if self.heard else self.start
            async with following(server.url, FOLLOW, after=after) as payloads:
                async for payload in payloads:
                    self.heard.append(payload["data"]["events"]["cursor"])

    async def hear_the_rest(self, server: Running, last: str) -> None:
        after = self.heard[-1] if self.heard else self.start
        async with following(server.url, FOLLOW, after=after) as payloads:
            while self.heard[-1:] != [last]:
                self.heard.append((await anext(payloads))["data"]["events"]["cursor"])

    async def repeat(self, api: Api) -> None:
        """Whatever had a key in the life that ended, answered or not, may be sent again."""
        while self.repeated < len(self.requests):
            request = self.requests[self.repeated]
            self.repeated += 1
            if "idempotencyKey" in request.said:
                again = await request.send(api)
                assert request.answer in (None, again)
                request.answer = again


async def check(api: Api, harness: Harness) -> str:
    """That rows, events and answers agree; the newest event's cursor."""
    events = await api.events(harness.start)
    cursors = [event["cursor"] for event in events]
    first, *_, last = positions([harness.start, *cursors])
    assert positions(cursors) == list(range(first + 1, last + 1))
    created = {e["deploymentId"]: e["name"] for e in told(events, "DeploymentCreated")}
    added = [
        (e["deploymentId"], e["revisionNumber"], e["revisionId"])
        for e in told(events, "RevisionAdded")
    ]
    kept: dict[str, tuple[str, int]] = {}
    for deployment_id, name in created.items():
        revisions = await all_revisions(api, deployment_id, name)
        numbers = sorted(revision["number"] for revision in revisions)
        assert numbers == list(range(1, len(numbers) + 1))
        mine = sorted((deployment_id, r["number"], r["id"]) for r in revisions)
        assert mine == sorted(each for each in added if each[0] == deployment_id)
        kept |= {revision["note"]: (revision["id"], revision["number"]) for revision in revisions}
    assert len(kept) == len(added)  # each key's note once
    updated = [tag for e in told(events, "DeploymentUpdated") for tag in e["tags"]]
    assert len(set(updated)) == len(updated)
    for request in harness.requests:
        if request.answer is not None:
            assert_kept(request, created, kept, updated)
    return str(cursors[-1])


def assert_kept(
    request: Request,
    created: Mapping[str, str],
    kept: Mapping[str, tuple[str, int]],
    updated: list[str],
) -> None:
    match request.mutation:
        case "createModelDeployment":
            made = request.answer["deployment"]
            assert created[made["id"]] == made["name"] == request.said["name"]
        case "addModelRevision":
            made = request.answer["revision"]
            assert kept[request.said["note"]] == (made["id"], made["number"])
        case _:
            assert request.said["tags"][0] in updated


def told(events: list[Any], kind: str) -> list[Any]:
    return [event for event in events if event["__typename"] == kind]


async def all_revisions(api: Api, deployment_id: str, name: str) -> list[Any]:
    found: list[Any] = []
    page: Any = {"hasNextPage": True, "endCursor": None}
    while page["hasNextPage"]:
        said = {"id": deployment_id, "after": page["endCursor"]}
        deployment = (await api.get(REVISIONS, **said))["modelDeployment"]
        assert deployment["name"] == name
        found += deployment["revisions"]["nodes"]
        page = deployment["revisions"]["pageInfo"]
    return found


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_killed_server_keeps_what_it_answered_and_nothing_by_halves(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    env = {}
    if kind == "postgres":
        env["MODELYARD_DATABASE_URL"] = request.getfixturevalue("postgres_url")
    harness = Harness(Random(SEED))
    for kill in range(KILLS + 1):
        with running(tmp_path / "data", env=env) as server:
            async with a_client(server.url) as api:
                if kill == 0:
                    harness.start = (await api.get("{ eventCursor }"))["eventCursor"]
                    harness.deployments = [await api.deployment(name, 0) for name in ("a", "b")]
                else:
                    await check(api, harness)
                    await harness.repeat(api)
                    last = await check(api, harness)
                    await harness.hear_the_rest(server, last)
                    recorded = [event["cursor"] for event in await api.events(harness.start)]
                    assert harness.heard == recorded[: recorded.index(last) + 1]
            if kill < KILLS:
                await harness.live(server)
                assert server.process.wait(60.0) == -signal.SIGKILL
    assert len(harness.requests) > KILLS
