"""Replicas and their groups through the API: lists, logs, commands, and what follows them."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from domain.deployments.deployment import Deployment, Revision
from domain.deployments.reason import Reason
from domain.deployments.replica import Endpoint, Replica, ReplicaStatus
from resolvers.limits import Limits
from resolvers.operations import Operations
from resolvers.views import Views
from schema.relay import global_id
from tests.support.graph import Graph
from tests.support.house import service
from tests.support.playing import Player

LIST = """query($id: ID!, $first: Int! = 20, $after: String, $filter: ModelReplicaFilter,
  $orderBy: ModelReplicaOrder, $all: Boolean! = false) { modelDeployment(id: $id) {
  replicas(first: $first, after: $after, filter: $filter, orderBy: $orderBy,
    includeExited: $all) {
    totalCount nodes { id status } pageInfo { hasNextPage endCursor } } } }"""
ONE = """query($id: ID!) { modelReplica(id: $id) { id status statusSince statusReason statusMessage
  endpoints { model url } createdAt firstHealthyAt exitedAt exitCode logTail
  deployment { name } revision { number } group { exits nextRetryAt } } }"""
STATUS = """subscription($id: ID!) { replicaStatusChanged(deploymentId: $id) { id status statusReason } }"""
LOGS = "subscription($id: ID!, $tail: Int! = 100) { replicaLogs(replicaId: $id, tail: $tail) { text } }"


@pytest.fixture
def player(graph: Graph) -> Player:
    return Player(graph.house)


def of(deployment: Deployment | Revision) -> str:
    own = deployment.id if isinstance(deployment, Deployment) else deployment.deployment_id
    return global_id("ModelDeployment", own)


def own(replica: Replica) -> str:
    return global_id("ModelReplica", replica.id)


async def running(graph: Graph, player: Player) -> tuple[Deployment, Revision]:
    made, (revision,) = await player.deployed()
    return made, revision


async def test_a_replica_is_shown_whole(graph: Graph, player: Player) -> None:
    made, revision = await running(graph, player)
    replica = await player.start(
        revision,
        endpoints=(
            Endpoint(model="a", host="127.0.0.1", port=20_001),
            Endpoint(model="b", host="::1", port=20_002),
        ),
    )
    gone = replace(
        replica,
        status=ReplicaStatus.EXITED,
        reason=Reason.OUT_OF_MEMORY,
        message="It took more than 8Gi.",
        exited_at=graph.house.clock(),
        exit_code=-9,
        log_tail=("loading", "killed"),
    )
    await player.move(gone)
    noon = "2026-11-21T12:00:00Z"
    assert (await graph.get(ONE, id=own(replica)))["modelReplica"] == {
        "id": own(replica),
        "status": "EXITED",
        "statusSince": noon,
        "statusReason": "OUT_OF_MEMORY",
        "statusMessage": "It took more than 8Gi.",
        "endpoints": [
            {"model": "a", "url": "http://127.0.0.1:20001"},
            {"model": "b", "url": "http://[::1]:20002"},
        ],
        "createdAt": noon,
        "firstHealthyAt": None,
        "exitedAt": noon,
        "exitCode": -9,
        "logTail": ["loading", "killed"],
        "deployment": {"name": made.name},
        "revision": {"number": 1},
        "group": {"exits": 0, "nextRetryAt": None},
    }


async def test_a_list_of_replicas_leaves_out_what_has_exited_unless_asked(
    graph: Graph, player: Player
) -> None:
    made, revision = await running(graph, player)
    first = await player.heal(await player.start(revision))
    gone = await player.exit(await player.start(revision))
    graph.house.clock.forward(seconds=1)
    young = await player.start(revision)

    async def found(**said: Any) -> list[str]:
        page = (await graph.get(LIST, id=of(made), **said))["modelDeployment"]["replicas"]
        assert page["totalCount"] == len(page["nodes"])
        return [node["id"] for node in page["nodes"]]

    assert await found() == [own(first), own(young)]
    assert await found(all=False) == [own(first), own(young)]
    assert set(await found(all=True)) == {own(first), own(gone), own(young)}
    exited = {"status": {"eq": "EXITED"}}
    assert await found(filter=exited) == []
    assert await found(filter=exited, all=True) == [own(gone)]
    assert await found(filter={"or": [{"status": {"in": ["HEALTHY"]}}]}) == [own(first)]
    by_status = {"field": "STATUS", "direction": "DESC"}
    assert await found(orderBy=by_status) == [own(young), own(first)]
    wanted = {"revisionNumber": {"eq": 1}, "groupId": {"eq": "garbage"}}
    assert await found(filter=wanted) == []


async def test_a_revision_lists_its_own_replicas(graph: Graph, player: Player) -> None:
    _, (one, two) = await player.deployed(2)
    first = await player.start(one)
    graph.house.clock.forward(seconds=1)
    second = await player.start(one)
    gone = await player.exit(await player.start(two))
    query = """query($ids: [ID!]!, $first: Int, $after: String, $all: Boolean) {
      nodes(ids: $ids) { ... on ModelRevision {
        replicas(first: $first, after: $after, includeExited: $all) {
          totalCount nodes { id } pageInfo { hasNextPage endCursor } } } } }"""
    ids = [global_id("ModelRevision", revision.id) for revision in (one, two)]

    async def found(**said: Any) -> list[Any]:
        return [node["replicas"] for node in (await graph.get(query, ids=ids, **said))["nodes"]]

    mine, none = await found(first=1)
    assert mine["nodes"] == [{"id": own(first)}]
    assert (mine["totalCount"], mine["pageInfo"]["hasNextPage"]) == (2, True)
    assert (none["totalCount"], none["nodes"]) == (0, [])
    rest, _ = await found(first=9, after=mine["pageInfo"]["endCursor"])
    assert rest["nodes"] == [{"id": own(second)}]
    _, all_of_two = await found(first=9, all=True)
    assert all_of_two["nodes"] == [{"id": own(gone)}]


async def test_two_lists_of_one_deployment_do_not_mix(graph: Graph, player: Player) -> None:
    """Lists that differ in what has exited alone are read apart."""
    made, revision = await running(graph, player)
    await player.exit(await player.start(revision))
    query = """query($id: ID!) { modelDeployment(id: $id) {
      here: replicas(filter: {}) { totalCount nodes { status } }
      all: replicas(includeExited: true) { totalCount nodes { status } } } }"""
    shown = (await graph.get(query, id=of(made)))["modelDeployment"]
    assert shown == {
        "here": {"totalCount": 0, "nodes": []},
        "all": {"totalCount": 1, "nodes": [{"status": "EXITED"}]},
    }


async def test_a_filter_may_ask_for_those_that_have_exited(graph: Graph, player: Player) -> None:
    made, revision = await running(graph, player)
    stays = await player.start(revision)
    gone = await player.exit(await player.start(revision))

    async def found(**is_exited: Any) -> set[str]:
        wanted = {"or": [{"and": [{"isExited": is_exited}]}]}
        answer = await graph.get(LIST, id=of(made), filter=wanted)
        listed = answer["modelDeployment"]["replicas"]
        assert listed["totalCount"] == len(listed["nodes"])
        return {node["id"] for node in listed["nodes"]}

    assert await found(eq=True) == {own(gone)}
    assert await found(eq=False) == {own(stays)}
    assert await found(**{"in": [True, False]}) == {own(gone), own(stays)}
    assert await found(**{"in": [True]}) == {own(gone)}
    assert await found(**{"in": []}) == set()
    assert await found() == {own(stays)}


async def test_what_has_exited_is_filtered_as_all_else(graph: Graph, player: Player) -> None:
    made, revision = await running(graph, player)
    stays = await player.start(revision)
    gone = await player.exit(await player.start(revision))
    wanted = {"not": {"isExited": {"eq": False}}, "id": {"in": [own(stays), own(gone)]}}
    listed = (await graph.get(LIST, id=of(made), filter=wanted))["modelDeployment"]["replicas"]
    assert [node["id"] for node in listed["nodes"]] == [own(gone)]


async def test_replicas_are_paged(graph: Graph, player: Player) -> None:
    made, revision = await running(graph, player)
    for _ in range(3):
        await player.start(revision)
    found: list[str] = []
    after = None
    while True:
        page = (await graph.get(LIST, id=of(made), first=2, after=after))["modelDeployment"]
        found += [node["id"] for node in page["replicas"]["nodes"]]
        after = page["replicas"]["pageInfo"]["endCursor"]
        if not page["replicas"]["pageInfo"]["hasNextPage"]:
            break
    assert len(set(found)) == len(found) == 3


async def test_a_group_counts_its_own_replicas(graph: Graph, player: Player) -> None:
    made, (one, two) = await player.deployed(2)
    await player.group(
        one, weight=90, desired_replicas=3, exits=2, message="It ended.", log_tail=("Traceback",)
    )
    graph.house.clock.forward(seconds=1)
    await player.heal(await player.start(one))
    await player.start(two)
    draining = await player.heal(await player.start(two))
    await player.move(replace(draining, status=ReplicaStatus.DRAINING))
    await player.exit(await player.start(two))
    query = """query($id: ID!) { modelDeployment(id: $id) { replicaGroups { weight desiredReplicas exits
      exitReason exitMessage logTail revision { number } deployment { name }
      replicaCounts { starting healthy unhealthy draining stopping present } } } }"""
    first, second = (await graph.get(query, id=of(made)))["modelDeployment"]["replicaGroups"]
    none = dict.fromkeys(("starting", "healthy", "unhealthy", "draining", "stopping"), 0)
    assert first == {
        "weight": 90,
        "desiredReplicas": 3,
        "exits": 2,
        "exitReason": None,
        "exitMessage": "It ended.",
        "logTail": ["Traceback"],
        "revision": {"number": 1},
        "deployment": {"name": made.name},
        "replicaCounts": {**none, "healthy": 1, "present": 1},
    }
    assert second["replicaCounts"] == {**none, "starting": 1, "draining": 1, "present": 2}


async def test_logs_are_the_last_lines(graph: Graph, player: Player) -> None:
    _, revision = await running(graph, player)
    replica = await player.start(revision)
    graph.house.written.write(replica.id, *(f"line {n}" for n in range(120)))
    query = "query($id: ID!, $tail: Int!) { modelReplica(id: $id) { logs(tail: $tail) } }"
    shown = await graph.get(query, id=own(replica), tail=2)
    assert shown["modelReplica"]["logs"] == ["line 118", "line 119"]
    shown = await graph.get("query($id: ID!) { modelReplica(id: $id) { logs } }", id=own(replica))
    assert len(shown["modelReplica"]["logs"]) == 100
    assert (await graph.get(query, id=own(replica), tail=0))["modelReplica"]["logs"] == []
    for tail in (-1, 1_001):
        answer = await graph.ask(query, id=own(replica), tail=tail)
        assert answer.codes == ["INVALID_VALUE"]
        assert answer.errors[0]["extensions"]["argument"] == ["tail"]


async def test_a_command_is_what_is_executed_and_shows_no_secret(
    graph: Graph, player: Player
) -> None:
    house = graph.house
    await house.secrets.create(house.caller, "TOKEN", "s3cret")
    draft = {
        **service(start_command="serve --port {port} --key $API_KEY"),
        "environment": [{"name": "API_KEY", "secret": "TOKEN"}],
    }
    request = await house.a_request(draft=draft)
    revision = await house.deployments.add_revision(house.caller, request)
    replica = await player.start(revision)
    query = "query($id: ID!) { modelReplica(id: $id) { command logs } }"
    answer = await graph.ask(query, id=own(replica))
    assert answer.data["modelReplica"]["command"] == [
        ["/bin/bash", "-c", "serve --port 20000 --key $API_KEY"]
    ]
    assert "s3cret" not in str(answer)


async def test_replicas_come_first_as_they_are_then_as_they_change(
    graph: Graph, player: Player
) -> None:
    made, revision = await running(graph, player)
    await player.exit(await player.start(revision))
    one = await player.start(revision)
    async with aclosing(graph.follow(STATUS, id=of(made))) as stream:

        async def told() -> Any:
            return (await anext(stream)).data["replicaStatusChanged"]

        assert await told() == {"id": own(one), "status": "STARTING", "statusReason": None}
        one = await player.heal(one)
        assert await told() == {"id": own(one), "status": "HEALTHY", "statusReason": None}
        two = await player.start(revision)
        assert await told() == {"id": own(two), "status": "STARTING", "statusReason": None}
        await graph.house.deployments.delete(graph.house.caller, made.id)
        await player.exit(one)
        assert await told() == {"id": own(one), "status": "EXITED", "statusReason": None}
        await player.exit(two)
        assert await told() == {"id": own(two), "status": "EXITED", "statusReason": None}
        await player.stopped(made.id)
        assert [answer async for answer in stream] == []


async def test_states_that_follow_quickly_come_as_one(graph: Graph, player: Player) -> None:
    made, revision = await running(graph, player)
    replica = await player.start(revision)
    async with aclosing(graph.follow(STATUS, id=of(made))) as stream:
        await anext(stream)
        await player.exit(await player.heal(replica))
        other = await player.start(revision)
        shown = [(await anext(stream)).data["replicaStatusChanged"] for _ in range(2)]
    assert [(each["id"], each["status"]) for each in shown] == [
        (own(replica), "EXITED"),
        (own(other), "STARTING"),
    ]


async def test_a_stopped_deployments_replicas_are_none_and_the_stream_ends(
    graph: Graph, player: Player
) -> None:
    made, _ = await running(graph, player)
    await graph.house.deployments.delete(graph.house.caller, made.id)
    assert [answer async for answer in graph.follow(STATUS, id=of(made))] == []


async def test_logs_are_followed_until_the_replica_is_gone(graph: Graph, player: Player) -> None:
    _, revision = await running(graph, player)
    replica, written = await player.start(revision), graph.house.written
    written.write(replica.id, "one", "two", "three")
    async with aclosing(graph.follow(LOGS, id=own(replica), tail=2)) as stream:
        shown = [(await anext(stream)).data["replicaLogs"]["text"] for _ in range(2)]
        following = asyncio.ensure_future(anext(stream))
        written.write(replica.id, "four")
        shown.append((await following).data["replicaLogs"]["text"])
        written.write(replica.id, "five")
        written.end(replica.id)
        shown += [answer.data["replicaLogs"]["text"] async for answer in stream]
    assert shown == ["two", "three", "four", "five"]
    assert written.followers == 0


async def test_who_leaves_follows_the_logs_no_longer(graph: Graph, player: Player) -> None:
    _, revision = await running(graph, player)
    replica, written = await player.start(revision), graph.house.written
    written.write(replica.id, "one")
    async with aclosing(graph.follow(LOGS, id=own(replica))) as stream:
        await anext(stream)
        assert written.followers == 1
    assert written.followers == 0


async def test_logs_of_nothing_and_too_many_lines_are_refused(graph: Graph, player: Player) -> None:
    _, revision = await running(graph, player)
    replica = await player.start(revision)
    for said, code in (
        ({"id": "garbage"}, "NOT_FOUND"),
        ({"id": global_id("ModelReplica", "f" * 32)}, "NOT_FOUND"),
        ({"id": own(replica), "tail": 1_001}, "INVALID_VALUE"),
    ):
        [answer] = [each async for each in graph.follow(LOGS, **said)]
        assert (answer.data, answer.codes) == (None, [code])


async def test_a_page_of_replicas_is_completed_by_a_plan(graph: Graph, player: Player) -> None:
    """As the plain executor would, without asking it; `logs` is what a plan leaves alone."""
    _, (one, two) = await player.deployed(2)
    for revision in (one, two):
        await player.heal(await player.start(revision))
    query = """{ modelDeployments { nodes { name statusReason statusMessage nextRetryAt
      rollout { status } rollouts { nodes { status } }
      replicaGroups { weight replicaCounts { healthy } }
      activeRevision { replicas { totalCount nodes { id } } }
      revisions(first: 2) { nodes { replicas(first: 4) { edges { cursor node { status } } } } }
      replicas(first: 4) { totalCount edges { cursor node { id status statusReason statusMessage createdAt
        endpoints { model url } logTail revision { number } group { exits } } } } } } }"""
    plain = await graph.get(query)
    operations = Operations(Views(graph.schema.core), Limits())
    plans = operations.find(query, None).view.executor.plans  # type: ignore[attr-defined]  # ours
    for _ in range(3):
        operation = operations.find(query, None)
        assert (await operation.execute({}, graph.context()))["data"] == plain
    [known] = plans._known.values()
    assert all(plan is not None for plan in known.plans.values())
    assert known.plans
