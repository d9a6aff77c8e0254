"""Two servers on one PostgreSQL: what one writes the other tells, numbers and positions are shared."""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from domain.events import Cursor
from infra.db.migrate import migrate
from tests.support.api import Api, a_client, following, positions
from tests.support.postgres import Databases
from tests.support.server import Running, modelyard, running

OF_DEPLOYMENT = """subscription($id: ID!, $after: String) {
  deploymentEvents(deploymentId: $id, after: $after) { __typename cursor
    ... on RevisionAdded { revisionNumber revision { number } } } }"""
EVENTS = "subscription($after: String) { events(after: $after) { __typename cursor } }"
STATUS = "subscription($id: ID!) { deploymentStatusChanged(deploymentId: $id) { status } }"
AT = "query($after: String) { events(after: $after) { nodes { at } } }"
ADDERS = 32
WRITERS = 16
EACH = 5


@dataclass(frozen=True)
class Pair:
    one: Running
    two: Running
    url: str
    folder: Path


@pytest.fixture(scope="module")
def pair(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    with databases.cloned(databases.template(migrate)) as url:
        env = {"MODELYARD_DATABASE_URL": url}
        with running(folder / "one", env=env) as one, running(folder / "two", env=env) as two:
            yield Pair(one, two, url, folder)


@asynccontextmanager
async def both(pair: Pair) -> AsyncIterator[tuple[Api, Api]]:
    async with a_client(pair.one.url) as one, a_client(pair.two.url) as two:
        yield one, two


async def head(api: Api) -> str:
    return str((await api.get("{ eventCursor }"))["eventCursor"])


async def test_what_one_writes_the_others_subscriber_hears(pair: Pair) -> None:
    async with both(pair) as (one, two):
        deployment, after = await one.deployment("crossing"), await head(one)
        async with following(pair.two.url, OF_DEPLOYMENT, id=deployment, after=after) as payloads:
            await one.revision(deployment)
            heard = (await anext(payloads))["data"]["deploymentEvents"]
            assert (heard["__typename"], heard["revision"]) == ("RevisionAdded", {"number": 1})
            await two.revision(deployment)
            assert (await anext(payloads))["data"]["deploymentEvents"]["revisionNumber"] == 2


async def test_a_cursor_of_one_resumes_on_the_other(pair: Pair) -> None:
    async with both(pair) as (one, two):
        start, deployment = await head(one), await one.deployment("moving")
        for api in (one, two, one):
            await api.revision(deployment)
        told = [event["cursor"] for event in await two.events(start)]
        for index, cursor in enumerate([start, *told]):
            async with following(pair.two.url, EVENTS, after=cursor) as payloads:
                for expected in told[index:]:
                    assert (await anext(payloads))["data"]["events"]["cursor"] == expected


async def test_32_revisions_added_over_both_are_numbered_without_a_gap(pair: Pair) -> None:
    async with both(pair) as (one, two):
        start, deployment = await head(one), await one.deployment("numbered")
        made = await asyncio.gather(
            *((one, two)[number % 2].revision(deployment) for number in range(ADDERS))
        )
        assert sorted(each["number"] for each in made) == list(range(1, ADDERS + 1))
        told = await two.events(start)
        added = [
            event["revisionNumber"] for event in told if event["__typename"] == "RevisionAdded"
        ]
        assert added == list(range(1, ADDERS + 1))


async def test_one_key_sent_to_both_at_once_does_one_thing(pair: Pair) -> None:
    async with both(pair) as (one, two):
        deployment = await one.deployment("twins")
        made = await asyncio.gather(
            *(api.revision(deployment, idempotencyKey="twin") for api in (one, two) * 4)
        )
        assert {each["number"] for each in made} == {1}
        assert len({each["id"] for each in made}) == 1


async def test_16_writers_are_followed_by_every_transport_without_a_gap(pair: Pair) -> None:
    async with both(pair) as (one, two):
        start = await head(one)
        deployments = [await one.deployment(f"w{number}") for number in range(WRITERS)]
        count = WRITERS * (1 + EACH)

        async def write(number: int) -> None:
            for _ in range(EACH):
                await (one, two)[number % 2].revision(deployments[number])

        async with asyncio.TaskGroup() as tasks:
            followers = [
                tasks.create_task(take(stream, url, start, count))
                for url in (pair.one.url, pair.two.url)
                for stream in (over_websocket, over_sse, over_multipart)
            ]
            for number in range(WRITERS):
                tasks.create_task(write(number))
        first = positions([start])[0] + 1
        for follower in followers:
            assert positions(follower.result()) == list(range(first, first + count))


async def take(stream: Any, url: str, after: str, count: int) -> list[str]:
    cursors: list[str] = []
    async with stream(url, after) as payloads:
        async for payload in payloads:
            cursors.append(payload["data"]["events"]["cursor"])
            if len(cursors) == count:
                break
    return cursors


@asynccontextmanager
async def over_websocket(url: str, after: str) -> AsyncIterator[AsyncIterator[Any]]:
    async with following(url, EVENTS, after=after) as payloads:
        yield payloads


@asynccontextmanager
async def over_sse(url: str, after: str) -> AsyncIterator[AsyncIterator[Any]]:
    async with over_http(url, after, "text/event-stream") as lines:
        yield (orjson.loads(line[6:]) async for line in lines if line.startswith("data: {"))


@asynccontextmanager
async def over_multipart(url: str, after: str) -> AsyncIterator[AsyncIterator[Any]]:
    async with over_http(url, after, "multipart/mixed;subscriptionSpec=1.0") as lines:
        yield (
            orjson.loads(line)["payload"] async for line in lines if line.startswith('{"payload"')
        )


@asynccontextmanager
async def over_http(url: str, after: str, accept: str) -> AsyncIterator[AsyncIterator[str]]:
    said = {"query": EVENTS, "variables": {"after": after}}
    async with (
        httpx.AsyncClient(timeout=60.0) as http,
        http.stream("POST", f"{url}/graphql", json=said, headers={"accept": accept}) as response,
    ):
        assert response.status_code == 200
        yield response.aiter_lines()


async def test_a_deletion_by_one_ends_the_others_subscriptions(pair: Pair) -> None:
    async with a_client(pair.one.url) as one:
        deployment, after = await one.deployment("gone"), await head(one)
        async with (
            following(pair.two.url, OF_DEPLOYMENT, id=deployment, after=after) as events,
            following(pair.two.url, STATUS, id=deployment) as statuses,
        ):
            assert await anext(statuses) == told_status("PENDING")
            await one.change("deleteModelDeployment", {"deploymentId": deployment})
            assert [each async for each in statuses] == [told_status("STOPPED")]
            kinds = [each["data"]["deploymentEvents"]["__typename"] async for each in events]
            assert kinds == ["DeploymentStatusChanged", "DeploymentDeleted"]
        async with following(pair.two.url, OF_DEPLOYMENT, id=deployment, after=after) as events:
            assert len([each async for each in events]) == 2
        async with following(pair.two.url, OF_DEPLOYMENT, id=deployment) as events:
            assert [each async for each in events] == []


def told_status(status: str) -> Any:
    return {"data": {"deploymentStatusChanged": {"status": status}}}


@pytest.mark.parametrize("place", ["garbage", "other log", "ahead", "negative", "huge", "endless"])
async def test_a_cursor_of_no_place_in_the_log_is_told_by_every_door(
    pair: Pair, place: str
) -> None:
    async with a_client(pair.one.url) as api:
        deployment = await api.deployment(place.replace(" ", "-"))
        now = Cursor.decode(await head(api))
        after = {
            "garbage": "garb\0age",
            "other log": Cursor("feed", 1).encode(),
            "ahead": Cursor(now.epoch, now.position + 1).encode(),
            "negative": Cursor(now.epoch, -1).encode(),
            "huge": Cursor(now.epoch, 2**64).encode(),
            "endless": urlsafe_b64encode(f"{now.epoch}:{'9' * 5_000}".encode()).decode(),
        }[place]
        assert await api.codes(AT, after=after) == ["CURSOR_UNKNOWN"]
    for query in (EVENTS, OF_DEPLOYMENT):
        said = {"after": after} | ({"id": deployment} if query is OF_DEPLOYMENT else {})
        async with following(pair.one.url, query, **said) as payloads:
            [only] = [each async for each in payloads]
        assert only["errors"][0]["extensions"]["code"] == "CURSOR_UNKNOWN"


async def test_a_restore_that_is_told_ends_every_servers_subscriptions(pair: Pair) -> None:
    """Last here: cursors of before are unknown from now on, on both."""
    async with both(pair) as (one, two):
        after = await head(one)
        async with (
            following(pair.one.url, EVENTS, after=after) as first,
            following(pair.two.url, EVENTS, after=after) as second,
        ):
            await one.deployment("restored")
            for payloads in (first, second):
                assert "errors" not in await anext(payloads)
            run = await asyncio.to_thread(
                modelyard,
                *("events", "restored", "--data-dir", str(pair.folder / "one")),
                env={"MODELYARD_DATABASE_URL": pair.url},
                cwd=pair.folder,
            )
            assert (run.returncode, run.stdout) == (0, "The event log has a new epoch.\n")
            for payloads in (first, second):
                [last] = [each async for each in payloads]
                assert last["errors"][0]["extensions"]["code"] == "CURSOR_UNKNOWN"
        for api, server in ((one, pair.one), (two, pair.two)):
            assert await api.codes(AT, after=after) == ["CURSOR_UNKNOWN"]
            async with following(server.url, EVENTS, after=after) as payloads:
                [only] = [each async for each in payloads]
            assert only["errors"][0]["extensions"]["code"] == "CURSOR_UNKNOWN"
            assert await api.events(await head(api)) == []
