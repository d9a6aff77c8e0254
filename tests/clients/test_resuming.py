"""Connections are cut and servers die; who goes on behind the last cursor misses nothing, twice nothing."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.support.api import Api, a_client
from tests.support.cable import Cable, a_cable
from tests.support.followers import (
    WAIT,
    Event,
    Follow,
    GraphqlWs,
    by_gql,
    by_gql_and_aiohttp,
    following,
)
from tests.support.server import Running, running

ALL = "subscription($after: String) { events(after: $after) { __typename cursor } }"
ONE = """subscription($id: ID!, $after: String) {
  deploymentEvents(deploymentId: $id, after: $after) { __typename cursor } }"""
HISTORY = """query($after: String) { events(first: 100, after: $after) {
  nodes { __typename cursor ... on DeploymentEvent { deploymentId } }
  pageInfo { endCursor hasNextPage } } }"""
ROUNDS = 6


@pytest.fixture(params=["gql", "gql over aiohttp", "graphql-ws"])
def client(request: pytest.FixtureRequest) -> Follow:
    ours: dict[str, Follow] = {"gql": by_gql, "gql over aiohttp": by_gql_and_aiohttp}
    return ours.get(request.param) or GraphqlWs(request.getfixturevalue("node"))


async def history(api: Api, after: str) -> list[Event]:
    found: list[Event] = []
    more = True
    while more:
        page = (await api.get(HISTORY, after=after))["events"]
        found += page["nodes"]
        more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
    return found


async def here(api: Api) -> str:
    return str((await api.get("{ eventCursor }"))["eventCursor"])


async def changes(api: Api, deployment_id: str, count: int) -> None:
    for number in range(count):
        said = {"deploymentId": deployment_id, "tags": [f"{uuid4().hex[:8]}-{number}"]}
        await api.change("updateModelDeployment", said)


async def take(events: AsyncGenerator[Event, None], count: int) -> list[Event]:
    async with asyncio.timeout(WAIT):
        return [await anext(events) for _ in range(count)]


async def take_until(events: AsyncGenerator[Event, None], last: Event) -> list[Event]:
    found: list[Event] = []
    async with asyncio.timeout(WAIT):
        while not found or found[-1]["cursor"] != last["cursor"]:
            found.append(await anext(events))
    return found


def cursors(events: list[Event]) -> list[str]:
    return [event["cursor"] for event in events]


async def cut_again_and_again(
    api: Api, cable: Cable, events: AsyncGenerator[Event, None], deployment_id: str
) -> list[Event]:
    """What was heard while the cable was cut in the middle of each round."""
    heard: list[Event] = []
    for _ in range(ROUNDS):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(changes(api, deployment_id, 6))
            heard += await take(events, 3)
            while not cable.carries.is_set():  # what it has may be from before the last cut
                heard += await take(events, 1)
            cable.cut()
    assert cable.cuts == ROUNDS
    return heard


async def test_a_cut_connection_to_all_events_loses_none_and_doubles_none(
    client: Follow, server: Running
) -> None:
    async with a_cable(server.url) as cable, a_client(server.url) as api:
        start = await here(api)
        deployment_id = await api.deployment(f"all-{uuid4().hex[:8]}")
        async with following(client, cable.url, ALL, after=start) as events:
            heard = await cut_again_and_again(api, cable, events, deployment_id)
            told = await history(api, start)
            heard += await take_until(events, told[-1])
        assert cursors(heard) == cursors(told)
        assert len(told) == 1 + 6 * ROUNDS


async def test_a_cut_connection_to_a_deployments_events_loses_none_and_doubles_none(
    client: Follow, server: Running
) -> None:
    async with a_cable(server.url) as cable, a_client(server.url) as api:
        start = await here(api)
        deployment_id, other = [await api.deployment(f"one-{uuid4().hex[:8]}") for _ in range(2)]
        async with following(client, cable.url, ONE, id=deployment_id, after=start) as events:
            heard = await cut_again_and_again(api, cable, events, deployment_id)
            await changes(api, other, 1)
            told = [e for e in await history(api, start) if e["deploymentId"] == deployment_id]
            heard += await take_until(events, told[-1])
        assert cursors(heard) == cursors(told)
        assert len(told) == 1 + 6 * ROUNDS


async def test_followers_go_on_on_a_server_that_was_killed_and_one_that_was_stopped(
    tmp_path: Path, node: Path
) -> None:
    clients: list[Follow] = [by_gql, GraphqlWs(node)]
    async with a_cable("http://127.0.0.1:9") as cable, AsyncExitStack() as stack:
        followers: list[AsyncGenerator[Event, None]] = []
        heard: list[list[Event]] = [[] for _ in clients]
        start = ""
        for end in (signal.SIGKILL, signal.SIGTERM, None):
            with ExitStack() as life:
                server = life.enter_context(running(tmp_path / "data"))
                cable.to(server.url)
                async with a_client(server.url) as api:
                    start = start or await here(api)
                    deployment_id = await api.deployment(f"again-{uuid4().hex[:8]}")
                    for each in clients[len(followers) :]:
                        follower = following(each, cable.url, ALL, after=start)
                        followers.append(await stack.enter_async_context(follower))
                    await changes(api, deployment_id, 4)
                    for mine, events in zip(heard, followers, strict=True):
                        mine += await take(events, 3)
                    told = await history(api, start)
                    if end is None:
                        for mine, events in zip(heard, followers, strict=True):
                            mine += await take_until(events, told[-1])
                if end is not None:
                    await asyncio.to_thread(server.stop, end)
    assert [cursors(mine) for mine in heard] == [cursors(told)] * 2
    assert len(told) == 3 * 5


async def test_graphql_ws_by_itself_comes_back_to_a_server_that_was_stopped(
    tmp_path: Path, node: Path
) -> None:
    stock = GraphqlWs(node, stock=True)
    async with a_cable("http://127.0.0.1:9") as cable:
        with running(tmp_path / "data") as server:
            cable.to(server.url)
            async with a_client(server.url) as api:
                start = await here(api)
                deployment_id = await api.deployment("stays")
            events = stock(f"{cable.url.replace('http', 'ws', 1)}/graphql", ALL, {"after": start})
            before = await take(events, 1)
            await asyncio.to_thread(server.stop)
        with running(tmp_path / "data") as server:
            cable.to(server.url)
            async with a_client(server.url) as api:
                await changes(api, deployment_id, 1)
            after: list[Any] = await take(events, 2)
        await events.aclose()
    assert before == after[:1]
    assert after[1]["__typename"] == "DeploymentUpdated"
