"""Rollouts through the API: what decisions answer, what is shown of them, what is refused."""

from dataclasses import replace
from typing import Any

import pytest

from domain.deployments.deployment import Deployment, Revision
from domain.deployments.reason import Reason
from domain.deployments.rollout import RolloutStatus
from domain.deployments.strategy import BlueGreen, Canary, CanaryStep
from schema.relay import global_id
from tests.support.graph import Graph
from tests.support.house import service
from tests.support.playing import Player

SHOWN = """changed deployment { id status statusReason etag activeRevision { number } }
  rollout { id kind status statusReason statusMessage revision { number } fromRevision { number } note
    startedBy promotionRequested step }"""
ROLLOUT = """rollout { kind status statusSince statusReason statusMessage step weight readyAt
  promotionRequested
  progressDeadline progressDeadlineAt note startedAt startedBy finishedAt durationSeconds
  healthyReplicas desiredReplicas strategy { __typename } deployment { name }
  revision { number } fromRevision { number } }"""
LIST = """query($id: ID!, $first: Int! = 20, $after: String, $filter: RolloutFilter,
  $orderBy: RolloutOrder) { modelDeployment(id: $id) {
  rollouts(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
    totalCount nodes { status revision { number } } pageInfo { hasNextPage endCursor } } } }"""


@pytest.fixture
def player(graph: Graph) -> Player:
    return Player(graph.house)


def of(deployment: Deployment) -> str:
    return global_id("ModelDeployment", deployment.id)


def to(revision: Revision) -> str:
    return global_id("ModelRevision", revision.id)


async def activated(graph: Graph, revision: Revision, **said: Any) -> Any:
    said = {"revisionId": to(revision), **said}
    payload = await graph.change("activateModelRevision", said, SHOWN)
    assert payload["userErrors"] == []
    return payload


async def test_an_activation_answers_the_deployment_and_its_rollout(
    graph: Graph, player: Player
) -> None:
    made, (revision,) = await player.deployed()
    payload = await activated(graph, revision, note="go", expectedEtag=made.etag)
    assert payload["changed"]
    assert payload["deployment"] == {
        "id": of(made),
        "status": "DEPLOYING",
        "statusReason": "REPLICAS_STARTING",
        "etag": payload["deployment"]["etag"],
        "activeRevision": None,
    }
    assert payload["deployment"]["etag"] != made.etag
    assert payload["rollout"] == {
        "id": payload["rollout"]["id"],
        "kind": "ACTIVATION",
        "status": "RUNNING",
        "statusReason": None,
        "statusMessage": "",
        "revision": {"number": 1},
        "fromRevision": None,
        "note": "go",
        "startedBy": "key:tester",
        "promotionRequested": False,
        "step": 0,
    }


async def test_activating_what_is_active_answers_changed_false(
    graph: Graph, player: Player
) -> None:
    made, (revision,) = await player.deployed()
    first = await activated(graph, revision)
    again = await activated(graph, revision)
    assert again == {**first, "changed": False}
    await player.promote(made.id)
    done = await activated(graph, revision)
    assert (done["changed"], done["rollout"]) == (False, None)
    assert done["deployment"]["activeRevision"] == {"number": 1}


async def test_a_rollout_that_is_replaced_says_so(graph: Graph, player: Player) -> None:
    made, (one, two) = await player.deployed(2)
    first = await activated(graph, one)
    second = await activated(graph, two)
    query = "query($id: ID!) { rollout(id: $id) { status statusReason finishedAt } }"
    shown = await graph.get(query, id=first["rollout"]["id"])
    assert shown["rollout"] == {
        "status": "REPLACED",
        "statusReason": "REPLACED",
        "finishedAt": "2026-11-21T12:00:00Z",
    }
    live = "query($id: ID!) { modelDeployment(id: $id) { rollout { id } } }"
    data = await graph.get(live, id=of(made))
    assert data["modelDeployment"]["rollout"] == {"id": second["rollout"]["id"]}


async def test_a_repeated_activation_gets_the_first_answer(graph: Graph, player: Player) -> None:
    _, (revision,) = await player.deployed()
    first = await activated(graph, revision, idempotencyKey="k")
    assert await activated(graph, revision, idempotencyKey="k") == first
    said = {"revisionId": to(revision), "idempotencyKey": "k", "note": "other"}
    error = await graph.refusal("activateModelRevision", said)
    assert error["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_a_roll_back_answers_its_rollout(graph: Graph, player: Player) -> None:
    made, (one, two) = await player.deployed(2)
    await activated(graph, one)
    await player.promote(made.id)
    await activated(graph, two)
    said = {"deploymentId": of(made), "note": "slow"}
    payload = await graph.change("rollBackModelDeployment", said, SHOWN)
    shown = payload["rollout"]
    assert (shown["kind"], shown["revision"], shown["note"]) == ("ROLLBACK", {"number": 1}, "slow")
    said = {"deploymentId": of(made), "toRevisionId": to(two)}
    payload = await graph.change("rollBackModelDeployment", said, SHOWN)
    assert (payload["changed"], payload["rollout"]["revision"]) == (True, {"number": 2})


async def test_pause_resume_and_abort_answer_the_rollout_as_it_is(
    graph: Graph, player: Player
) -> None:
    made, (revision,) = await player.deployed()
    await activated(graph, revision)
    said = {"deploymentId": of(made), "note": "lunch"}
    paused = await graph.change("pauseRollout", said, SHOWN)
    assert (paused["rollout"]["status"], paused["rollout"]["statusMessage"]) == ("PAUSED", "lunch")
    assert paused["rollout"]["statusReason"] == "PAUSED_BY_USER"
    again = await graph.change("pauseRollout", said, SHOWN)
    assert again == {**paused, "changed": False}
    resumed = await graph.change("resumeRollout", {"deploymentId": of(made)}, SHOWN)
    assert (resumed["rollout"]["status"], resumed["changed"]) == ("RUNNING", True)
    aborted = await graph.change("abortRollout", said, SHOWN)
    assert (aborted["rollout"]["status"], aborted["changed"]) == ("ABORTED", True)
    assert aborted["deployment"]["status"] == "ROLLING_BACK"
    assert aborted["deployment"]["statusReason"] == "ABORTED_BY_USER"


async def test_a_promotion_answers_the_rollout(graph: Graph, player: Player) -> None:
    made, (revision,) = await player.deployed(strategy=BlueGreen(auto_promote=False))
    await activated(graph, revision)
    payload = await graph.change("promoteRollout", {"deploymentId": of(made)}, SHOWN)
    assert (payload["rollout"]["promotionRequested"], payload["changed"]) == (True, True)


@pytest.mark.parametrize("verb", ["pause", "resume", "promote", "abort"])
async def test_what_was_meant_for_another_rollout_is_refused(
    graph: Graph, player: Player, verb: str
) -> None:
    """Else a go-ahead for one revision is given to the one that took its place meanwhile."""
    made, (one, two) = await player.deployed(2, strategy=BlueGreen(auto_promote=False))
    meant = (await activated(graph, one))["deployment"]["etag"]
    facts = await graph.house.facts()
    await activated(graph, two)
    began = len(await graph.house.facts()) - len(facts)
    said = {"deploymentId": of(made), "expectedEtag": meant}
    error = await graph.refusal(f"{verb}Rollout", said)
    assert (error["code"], error["path"]) == ("ETAG_MISMATCH", ["input", "expectedEtag"])
    assert len(await graph.house.facts()) == len(facts) + began
    now = (await graph.house.store.reads.deployments.by_ids([made.id]))[made.id]
    payload = await graph.change(f"{verb}Rollout", {**said, "expectedEtag": now.etag}, SHOWN)
    assert payload["changed"] is (verb != "resume")


async def test_what_can_not_be_decided_is_a_user_error(graph: Graph, player: Player) -> None:
    made, (revision,) = await player.deployed()
    said = {"deploymentId": of(made)}
    expected = {"code": "NO_ROLLOUT", "path": ["input", "deploymentId"]}
    mutations = ("pauseRollout", "resumeRollout", "abortRollout", "promoteRollout")
    for mutation in (*mutations, "rollBackModelDeployment"):
        error = await graph.refusal(mutation, said)
        assert {name: error[name] for name in expected} == expected
    await activated(graph, revision)
    error = await graph.refusal("promoteRollout", said)
    assert (error["__typename"], error["code"]) == ("InputError", "PROMOTION_REFUSED")
    await player.start(revision)
    await graph.change("deleteModelDeployment", said)
    for mutation in (*mutations, "rollBackModelDeployment"):
        assert (await graph.refusal(mutation, said))["code"] == "BEING_DELETED"
    error = await graph.refusal("activateModelRevision", {"revisionId": to(revision)})
    assert error["code"] == "BEING_DELETED"


@pytest.mark.parametrize(
    ("said", "code", "path"),
    [
        ({"revisionId": "garbage"}, "NOT_FOUND", "revisionId"),
        ({"revisionId": global_id("ModelRevision", "f" * 32)}, "NOT_FOUND", "revisionId"),
        ({"revisionId": global_id("ModelDeployment", "f" * 32)}, "NOT_FOUND", "revisionId"),
        ({"progressDeadline": 0}, "INVALID_VALUE", "progressDeadline"),
        ({"progressDeadline": "P31D"}, "INVALID_VALUE", "progressDeadline"),
        ({"note": "x" * 4_097}, "INVALID_VALUE", "note"),
        ({"expectedEtag": "old"}, "ETAG_MISMATCH", "expectedEtag"),
    ],
)
async def test_an_activation_that_cant_be_is_refused(
    graph: Graph, player: Player, said: dict[str, Any], code: str, path: str
) -> None:
    _, (revision,) = await player.deployed()
    facts = await graph.house.facts()
    error = await graph.refusal("activateModelRevision", {"revisionId": to(revision), **said})
    assert (error["code"], error["path"]) == (code, ["input", path])
    assert await graph.house.facts() == facts


async def test_another_deployments_revision_is_no_way_back(graph: Graph, player: Player) -> None:
    made, _ = await player.deployed()
    _, (foreign,) = await player.deployed()
    said = {"deploymentId": of(made), "toRevisionId": to(foreign)}
    error = await graph.refusal("rollBackModelDeployment", said)
    assert (error["code"], error["path"]) == ("NOT_FOUND", ["input", "toRevisionId"])
    assert to(foreign) in error["message"]


async def test_a_fixed_port_is_refused_where_more_than_one_is_wanted(
    graph: Graph, player: Player
) -> None:
    made, _ = await player.deployed()
    request = await graph.house.a_request(
        deployment_id=made.id, draft=service(start_command=["serve"]), activate=True
    )
    fixed = await graph.house.deployments.add_revision(graph.house.caller, request)
    said = {"deploymentId": of(made), "desiredReplicas": 2}
    for mutation in ("scaleModelDeployment", "updateModelDeployment"):
        error = await graph.refusal(mutation, said)
        assert (error["code"], error["path"]) == ("FIXED_PORT", ["input", "desiredReplicas"])
        assert "names neither {port} nor $PORT" in error["message"]
    other, _ = await player.deployed(replicas=2)
    again = replace(request, deployment_id=other.id, activate=False)
    fixed = await graph.house.deployments.add_revision(graph.house.caller, again)
    error = await graph.refusal("activateModelRevision", {"revisionId": to(fixed)})
    assert (error["code"], error["path"]) == ("FIXED_PORT", ["input", "revisionId"])


async def test_a_scale_answers_the_deployment(graph: Graph, player: Player) -> None:
    made, _ = await player.deployed()
    said = {"deploymentId": of(made), "desiredReplicas": 3, "expectedEtag": made.etag}
    shown = "changed deployment { desiredReplicas etag }"
    payload = await graph.change("scaleModelDeployment", said, shown)
    assert payload["changed"]
    assert payload["deployment"]["desiredReplicas"] == 3
    error = await graph.refusal("scaleModelDeployment", said)
    assert error["__typename"] == "EtagMismatch"
    del said["expectedEtag"]
    again = await graph.change("scaleModelDeployment", said, shown)
    assert again == {**payload, "changed": False}
    error = await graph.refusal("scaleModelDeployment", {**said, "desiredReplicas": 1_001})
    assert (error["code"], error["path"]) == ("INVALID_VALUE", ["input", "desiredReplicas"])


async def test_a_live_rollout_shows_how_far_it_is(graph: Graph, player: Player) -> None:
    steps = (CanaryStep(weight=10), CanaryStep(weight=50))
    made, (one, two) = await player.deployed(2, replicas=4, strategy=Canary(steps=steps))
    await activated(graph, one)
    await player.promote(made.id)
    await activated(graph, two, progressDeadline="PT5M", note="new weights")
    await player.group(two, weight=10)
    await player.heal(await player.start(two))
    await player.heal(await player.start(one))
    await player.start(two)
    query = f"query($id: ID!) {{ modelDeployment(id: $id) {{ {ROLLOUT} }} }}"
    shown = (await graph.get(query, id=of(made)))["modelDeployment"]["rollout"]
    noon = "2026-11-21T12:00:00Z"
    assert shown == {
        "kind": "ACTIVATION",
        "status": "RUNNING",
        "statusSince": noon,
        "statusReason": None,
        "statusMessage": "",
        "step": 0,
        "weight": 10,
        "readyAt": None,
        "promotionRequested": False,
        "progressDeadline": "PT5M",
        "progressDeadlineAt": "2026-11-21T12:05:00Z",
        "note": "new weights",
        "startedAt": noon,
        "startedBy": "key:tester",
        "finishedAt": None,
        "durationSeconds": None,
        "healthyReplicas": 1,
        "desiredReplicas": 4,
        "strategy": {"__typename": "CanaryStrategy"},
        "deployment": {"name": made.name},
        "revision": {"number": 2},
        "fromRevision": {"number": 1},
    }


async def test_a_paused_rollout_has_no_deadline_and_a_finished_one_no_weight(
    graph: Graph, player: Player
) -> None:
    made, (revision,) = await player.deployed()
    begun = await activated(graph, revision)
    await player.group(revision, weight=100)
    live = await player.live(made.id)
    assert live is not None
    await player.put(replace(live, status=RolloutStatus.PAUSED, reason=Reason.CANARY_STEP))
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on Rollout {{ {ROLLOUT[9:]} }} }}"
    shown = (await graph.get(query, id=begun["rollout"]["id"]))["node"]
    assert (shown["progressDeadlineAt"], shown["weight"]) == (None, 100)
    graph.house.clock.forward(seconds=90)
    await player.promote(made.id)
    shown = (await graph.get(query, id=begun["rollout"]["id"]))["node"]
    assert (shown["status"], shown["durationSeconds"]) == ("SUCCEEDED", 90.0)
    assert (shown["progressDeadlineAt"], shown["weight"]) == (None, None)


async def test_a_rollout_without_a_group_yet_has_no_weight(graph: Graph, player: Player) -> None:
    made, (revision,) = await player.deployed()
    await activated(graph, revision)
    query = f"query($id: ID!) {{ modelDeployment(id: $id) {{ {ROLLOUT} }} }}"
    shown = (await graph.get(query, id=of(made)))["modelDeployment"]["rollout"]
    assert (shown["weight"], shown["healthyReplicas"]) == (None, 0)


async def test_rollouts_are_listed_newest_first(graph: Graph, player: Player) -> None:
    made, revisions = await player.deployed(3)
    for revision in revisions:
        graph.house.clock.forward(minutes=1)
        await activated(graph, revision)

    async def found(**said: Any) -> Any:
        return (await graph.get(LIST, id=of(made), **said))["modelDeployment"]["rollouts"]

    def numbers(page: Any) -> list[int]:
        return [node["revision"]["number"] for node in page["nodes"]]

    page = await found(first=2)
    assert (numbers(page), page["totalCount"]) == ([3, 2], 3)
    rest = await found(first=2, after=page["pageInfo"]["endCursor"])
    assert (numbers(rest), rest["pageInfo"]["hasNextPage"]) == ([1], False)
    assert numbers(await found(orderBy={"field": "STARTED_AT"})) == [1, 2, 3]
    assert numbers(await found(filter={"status": {"eq": "RUNNING"}})) == [3]
    assert numbers(await found(filter={"kind": {"ne": "ACTIVATION"}})) == []
    wanted = {"revisionId": {"eq": to(revisions[1])}}
    assert numbers(await found(filter=wanted)) == [2]
    assert numbers(await found(filter={"startedAt": {"gt": "2026-11-21T12:02:00Z"}})) == [3]
    by_status = await found(orderBy={"field": "STATUS", "direction": "DESC"}, first=1)
    assert [node["status"] for node in by_status["nodes"]] == ["RUNNING"]
    rest = await found(
        orderBy={"field": "STATUS", "direction": "DESC"}, after=by_status["pageInfo"]["endCursor"]
    )
    assert [node["status"] for node in rest["nodes"]] == ["REPLACED", "REPLACED"]
