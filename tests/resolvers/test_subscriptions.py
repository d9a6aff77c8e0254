"""Following the log. Each test waits for the next event; none sleeps."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from domain.deployments.deployment import Deployment, DeploymentStatus
from domain.deployments.reason import Reason
from domain.events import Cursor, Event, Scope
from domain.work import EventLog
from resolvers.context import Context, Services
from schema.relay import global_id
from tests.support.build import a_caller, a_server_admin
from tests.support.graph import Answer, Graph
from tests.support.playing import Player

EVENTS = """subscription($filter: EventFilter, $after: String) {
  events(filter: $filter, after: $after) { __typename cursor } }"""
OF_DEPLOYMENT = """subscription($id: ID!, $after: String) {
  deploymentEvents(deploymentId: $id, after: $after) { __typename cursor
    ... on RevisionAdded { revision { number } deployment { name } } } }"""
STATUS = """subscription($id: ID!) { deploymentStatusChanged(deploymentId: $id) {
  status statusReason activeRevision { number } } }"""


class WatchedLog:
    """The log, how many follow it, and when somebody began to."""

    def __init__(self, log: EventLog) -> None:
        self.log, self.followers, self.began = log, 0, asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.log, name)

    async def follow(self, after: Cursor | None, scope: Scope) -> AsyncGenerator[Event, None]:
        self.followers += 1
        self.began.set()
        try:
            async for event in self.log.follow(after, scope):
                yield event
        finally:
            self.followers -= 1


def watched(graph: Graph) -> tuple[WatchedLog, Context]:
    log = WatchedLog(graph.house.store.log)
    parts = {name: getattr(graph.services, name) for name in Services.__slots__}
    return log, Context.of(Services(**parts | {"log": log}), graph.house.caller)


def kind_of(result: Any) -> Any:
    assert result.errors is None
    return result.data["events"]["__typename"]


def id_of(deployment: Deployment) -> str:
    return global_id("ModelDeployment", deployment.id)


async def every(stream: AsyncIterator[Answer]) -> list[Any]:
    found = [answer async for answer in stream]
    assert [answer.errors for answer in found] == [[] for _ in found]
    return [next(iter(answer.data.values())) for answer in found]


async def test_a_subscription_starts_now_and_follows(graph: Graph) -> None:
    await graph.house.a_folder(name="before")
    log, context = watched(graph)
    stream = await graph.schema.subscribe(EVENTS, context_value=context)
    async with aclosing(stream):
        task = asyncio.ensure_future(anext(stream))
        await log.began.wait()
        await graph.house.a_folder(name="after")
        assert kind_of(await task) == "FolderCreated"
        task = asyncio.ensure_future(anext(stream))
        await graph.house.a_deployment()
        assert kind_of(await task) == "DeploymentCreated"


async def test_a_subscription_resumes_behind_a_cursor(graph: Graph) -> None:
    for name in ("a", "b", "c"):
        await graph.house.a_folder(name=name)
    seen = (await graph.get("{ events { nodes { cursor } } }"))["events"]["nodes"]
    async with aclosing(graph.follow(EVENTS, after=seen[0]["cursor"])) as stream:
        found = [(await anext(stream)).data["events"]["cursor"] for _ in range(2)]
    assert found == [node["cursor"] for node in seen[1:]]


async def test_a_subscription_delivers_what_its_filter_and_project_let_through(
    graph: Graph,
) -> None:
    head = (await graph.get("{ eventCursor }"))["eventCursor"]
    await graph.house.access.create_key("command", "ci", {})
    await graph.house.a_folder()
    await graph.house.a_deployment()
    said = {"filter": {"types": ["DEPLOYMENT_CREATED"]}, "after": head}
    async with aclosing(graph.follow(EVENTS, **said)) as stream:
        assert (await anext(stream)).data["events"]["__typename"] == "DeploymentCreated"
    admin = a_server_admin(graph.house.store.default.id)
    said = {"filter": {"everyProject": True}, "after": head}
    async with aclosing(graph.follow(EVENTS, admin, **said)) as stream:
        assert (await anext(stream)).data["events"]["__typename"] == "KeyCreated"
    [answer] = [a async for a in graph.follow(EVENTS, **said)]
    assert answer.codes == ["FORBIDDEN"]


async def test_a_deployments_subscription_ends_after_its_deletion(graph: Graph) -> None:
    house = graph.house
    head = (await graph.get("{ eventCursor }"))["eventCursor"]
    request = await house.a_request()
    [deployment] = (await house.store.reads.deployments.by_ids([request.deployment_id])).values()
    await house.deployments.add_revision(house.caller, request)
    async with aclosing(graph.follow(OF_DEPLOYMENT, id=id_of(deployment), after=head)) as stream:
        first, second = await anext(stream), await anext(stream)
        assert first.data["deploymentEvents"]["__typename"] == "DeploymentCreated"
        added = second.data["deploymentEvents"]
        assert added["revision"] == {"number": 1}
        assert added["deployment"] == {"name": "chat"}
        await house.a_folder()
        await house.deployments.delete(house.caller, deployment.id)
        rest = [(await anext(stream)).data["deploymentEvents"], *await every(stream)]
    assert [each["__typename"] for each in rest] == ["DeploymentStatusChanged", "DeploymentDeleted"]


async def test_a_deleted_deployments_history_is_replayed_and_ends(graph: Graph) -> None:
    head = (await graph.get("{ eventCursor }"))["eventCursor"]
    deployment = await graph.house.a_deployment()
    await graph.house.deployments.delete(graph.house.caller, deployment.id)
    found = await every(graph.follow(OF_DEPLOYMENT, id=id_of(deployment), after=head))
    assert [each["__typename"] for each in found] == [
        "DeploymentCreated",
        "DeploymentStatusChanged",
        "DeploymentDeleted",
    ]
    assert await every(graph.follow(OF_DEPLOYMENT, id=id_of(deployment))) == []
    last = found[-1]["cursor"]
    assert await every(graph.follow(OF_DEPLOYMENT, id=id_of(deployment), after=last)) == []


async def test_a_long_history_is_replayed_whole(graph: Graph) -> None:
    head = (await graph.get("{ eventCursor }"))["eventCursor"]
    request = await graph.house.a_request()
    for n in range(130):
        patch = {"tags": (f"t{n}",)}
        await graph.house.deployments.update(
            graph.house.caller,
            request.deployment_id,
            patch,  # type: ignore[arg-type]  # a literal dict in a loop
        )
    await graph.house.deployments.delete(graph.house.caller, request.deployment_id)
    own = global_id("ModelDeployment", request.deployment_id)
    found = await every(graph.follow(OF_DEPLOYMENT, id=own, after=head))
    assert len(found) == 133
    assert len({each["cursor"] for each in found}) == 133


async def test_what_nodes_show_is_of_the_events_moment(graph: Graph) -> None:
    """Nothing that was loaded for one event is kept for the next."""
    deployment = await graph.house.a_deployment()
    head = (await graph.get("{ eventCursor }"))["eventCursor"]
    query = """subscription($id: ID!, $after: String) {
      deploymentEvents(deploymentId: $id, after: $after) {
      ... on DeploymentEvent { deployment { name } } } }"""
    async with aclosing(graph.follow(query, id=id_of(deployment), after=head)) as stream:
        for name in ("one", "two"):
            await graph.house.deployments.update(graph.house.caller, deployment.id, {"name": name})
            answer = await anext(stream)
            assert answer.data["deploymentEvents"]["deployment"] == {"name": name}


async def test_a_status_comes_first_as_it_is_then_as_it_changes(graph: Graph) -> None:
    house, player = graph.house, Player(graph.house)
    request = await house.a_request(activate=True)
    own = global_id("ModelDeployment", request.deployment_id)
    async with aclosing(graph.follow(STATUS, id=own)) as stream:
        first = (await anext(stream)).data["deploymentStatusChanged"]
        assert first == {"status": "PENDING", "statusReason": None, "activeRevision": None}
        await house.deployments.update(house.caller, request.deployment_id, {"name": "other"})
        await house.deployments.add_revision(house.caller, request)
        then = (await anext(stream)).data["deploymentStatusChanged"]
        assert (then["status"], then["activeRevision"]) == ("DEPLOYING", None)
        await player.promote(request.deployment_id)
        then = (await anext(stream)).data["deploymentStatusChanged"]
        assert (then["status"], then["activeRevision"]) == ("READY", {"number": 1})
        await house.deployments.delete(house.caller, request.deployment_id)
        last = (await anext(stream)).data["deploymentStatusChanged"]
        assert last["status"] == DeploymentStatus.STOPPED.name
        assert await every(stream) == []


async def test_a_reason_that_changes_comes_too(graph: Graph) -> None:
    deployment = await graph.house.a_deployment()
    async with aclosing(graph.follow(STATUS, id=id_of(deployment))) as stream:
        await anext(stream)
        for reason in (Reason.REPLICAS_STARTING, Reason.REPLICAS_FAILING):
            await Player(graph.house).become(deployment.id, DeploymentStatus.DEPLOYING, reason)
            shown = (await anext(stream)).data["deploymentStatusChanged"]
            assert (shown["status"], shown["statusReason"]) == ("DEPLOYING", reason.name)


async def test_a_deployment_that_drains_is_followed_until_it_is_gone(graph: Graph) -> None:
    house, player = graph.house, Player(graph.house)
    made, (revision,) = await player.deployed()
    replica = await player.start(revision)
    head = (await graph.get("{ eventCursor }"))["eventCursor"]
    async with (
        aclosing(graph.follow(OF_DEPLOYMENT, id=id_of(made), after=head)) as events,
        aclosing(graph.follow(STATUS, id=id_of(made))) as statuses,
    ):
        await anext(statuses)
        await house.deployments.delete(house.caller, made.id)
        assert (await anext(statuses)).data["deploymentStatusChanged"]["status"] == "STOPPING"
        await player.exit(replica)
        await player.stopped(made.id)
        assert (await anext(statuses)).data["deploymentStatusChanged"]["status"] == "STOPPED"
        assert await every(statuses) == []
        assert [each["__typename"] for each in await every(events)] == [
            "DeploymentStatusChanged",
            "ReplicaExited",
            "DeploymentStatusChanged",
            "DeploymentDeleted",
        ]


async def test_the_status_of_a_deleted_deployment_comes_once(graph: Graph) -> None:
    deployment = await graph.house.a_deployment()
    await graph.house.deployments.delete(graph.house.caller, deployment.id)
    found = await every(graph.follow(STATUS, id=id_of(deployment)))
    assert found == [{"status": "STOPPED", "statusReason": "DELETED", "activeRevision": None}]


@pytest.mark.parametrize("query", [OF_DEPLOYMENT, STATUS])
async def test_errors_come_as_one_result_and_the_stream_ends(graph: Graph, query: str) -> None:
    deployment = id_of(await graph.house.a_deployment())
    for caller, own in ((None, "garbage"), (a_caller("f" * 32), deployment)):
        [answer] = [each async for each in graph.follow(query, caller, id=own)]
        assert (answer.data, answer.codes) == (None, ["NOT_FOUND"])


async def test_a_cursor_that_cant_resume_ends_the_stream(graph: Graph) -> None:
    deployment = await graph.house.a_deployment()
    stream = graph.follow(OF_DEPLOYMENT, id=id_of(deployment), after="garbage")
    [answer] = [each async for each in stream]
    assert answer.codes == ["CURSOR_UNKNOWN"]
    [answer] = [each async for each in graph.follow(EVENTS, after="garbage")]
    assert answer.codes == ["CURSOR_UNKNOWN"]


async def test_a_malformed_subscription_is_one_result(graph: Graph) -> None:
    [answer] = [each async for each in graph.follow("subscription { nothing }")]
    assert answer.codes == ["GRAPHQL_VALIDATION_FAILED"]


@pytest.mark.parametrize("query", [EVENTS, OF_DEPLOYMENT, STATUS])
async def test_who_leaves_follows_the_log_no_longer(graph: Graph, query: str) -> None:
    deployment = await graph.house.a_deployment()
    log, context = watched(graph)
    said = {} if query is EVENTS else {"id": id_of(deployment)}
    stream = await graph.schema.subscribe(query, variable_values=said, context_value=context)
    async with aclosing(stream):
        if query is STATUS:
            await anext(stream)
        task = asyncio.ensure_future(anext(stream))
        await log.began.wait()
        await graph.house.deployments.delete(graph.house.caller, deployment.id)
        await task
        assert log.followers == 1
    assert log.followers == 0
