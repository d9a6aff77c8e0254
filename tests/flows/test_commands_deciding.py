"""The commands that show deployments and decide about them, against a scripted server."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.answers import (
    a_deployment,
    a_group,
    a_revision,
    a_rollout,
    an_event,
    answers,
    done,
    ok,
    page,
    run,
)
from tests.support.scripted import scripted

HEALTHY = an_event("ReplicaBecameHealthy", 2, revisionNumber=1, replicaId="replica-12345678")


def test_deployments_are_listed_as_a_table_and_as_json(tmp_path: Path) -> None:
    rolling = a_deployment(
        name="next",
        status="DEPLOYING",
        rollout=a_rollout(2, weight=25, statusReason="CANARY_STEP", status="PAUSED"),
    )
    with scripted(answers(modelDeployments=page(a_deployment(), rolling))) as server:
        table = ok(run(server, "ls", cwd=tmp_path)).splitlines()
        assert table[0].split() == ["NAME", "STATUS", "REVISION", "HEALTHY", "ROLLOUT", "AGE"]
        assert table[1].split()[:4] == ["chat", "READY", "1", "1/1"]
        assert "2 PAUSED 0/1 25% (CANARY_STEP)" in table[2]
        listed = json.loads(ok(run(server, "ls", "--json", cwd=tmp_path)))
        assert [each["name"] for each in listed] == ["chat", "next"]


def test_no_deployments_are_an_empty_list(tmp_path: Path) -> None:
    with scripted(answers()) as server:
        ran = run(server, "ls", cwd=tmp_path)
        assert ok(ran) == ""
        assert "There are no deployments" in ran.stderr
        assert json.loads(ok(run(server, "ls", "--json", cwd=tmp_path))) == []


def test_every_page_of_a_list_is_read(tmp_path: Path) -> None:
    def listed(info: Any, **said: Any) -> Any:
        first = said.get("after") is None
        name, ends = ("a", "behind-a") if first else ("b", None)
        info = {"endCursor": ends, "hasNextPage": first}
        return {"nodes": [a_deployment(name=name)], "pageInfo": info}

    with scripted(answers(modelDeployments=listed)) as server:
        listed_all = json.loads(ok(run(server, "ls", "--json", cwd=tmp_path)))
    assert [each["name"] for each in listed_all] == ["a", "b"]


def test_a_description_says_why_and_shows_replicas_and_history(tmp_path: Path) -> None:
    replica = {
        "id": "replica-12345678", "status": "UNHEALTHY", "statusSince": "2026-01-01T12:00:00Z",
        "statusReason": "HEALTH_CHECK_FAILED", "statusMessage": "", "createdAt": "2026-01-01T12:00:00Z",
        "revision": a_revision(), "endpoints": [{"model": "m", "url": "http://127.0.0.1:20000"}],
    }  # fmt: skip
    failing = a_deployment(
        status="DEGRADED",
        statusReason="REPLICAS_FAILING",
        statusMessage="1 of 1 replicas fails.",
        replicaGroups=[a_group(healthy=0, logTail=["out of memory"])],
        replicas=page(replica),
        revisions=page(a_revision(note="first")),
        rollouts=page(a_rollout(status="SUCCEEDED", durationSeconds=3.0)),
    )
    there = answers(modelDeployments=page(a_deployment()), modelDeployment=failing)
    with scripted(there) as server:
        shown = ok(run(server, "describe", "chat", cwd=tmp_path))
        said = json.loads(ok(run(server, "describe", "chat", "--json", cwd=tmp_path)))
    for words in ("DEGRADED (REPLICAS_FAILING)", "1 of 1 replicas fails.", "HEALTH_CHECK_FAILED",
                  "http://127.0.0.1:20000", "SUCCEEDED", "first", "  out of memory"):  # fmt: skip
        assert words in shown
    assert said["replicas"][0]["statusReason"] == "HEALTH_CHECK_FAILED"
    assert said["revisions"][0]["number"] == 1


@pytest.mark.parametrize(
    ("arguments", "operation", "field"),
    [
        (["rollout", "pause", "chat", "--note", "n"], "Pause", "pauseRollout"),
        (["rollout", "resume", "chat", "--note", "n"], "Resume", "resumeRollout"),
        (["rollout", "abort", "chat", "--note", "n"], "Abort", "abortRollout"),
        (["rollout", "promote", "chat", "--note", "n"], "Promote", "promoteRollout"),
        (["rollback", "chat", "--note", "n"], "RollBack", "rollBackModelDeployment"),
    ],
)
def test_a_decision_about_a_rollout_is_sent(
    tmp_path: Path, arguments: list[str], operation: str, field: str
) -> None:
    payload = done(deployment=a_deployment(), rollout=a_rollout(2))
    there = answers(modelDeployments=page(a_deployment()), **{field: payload})
    with scripted(there) as server:
        assert "revision 2" in ok(run(server, *arguments, cwd=tmp_path))
        said = json.loads(ok(run(server, *arguments, "--json", cwd=tmp_path)))
    assert said["rollout"]["revision"]["number"] == 2
    assert server.said(operation)[0] == {"input": {"deploymentId": "deployment-1", "note": "n"}}


def test_a_rollback_may_name_the_revision(tmp_path: Path) -> None:
    there = answers(
        modelDeployments=page(a_deployment()),
        modelDeployment=a_deployment(revisions=page(a_revision(3))),
        rollBackModelDeployment=done(deployment=a_deployment(), rollout=a_rollout(3)),
    )
    with scripted(there) as server:
        ok(run(server, "rollback", "chat", "--to", "3", cwd=tmp_path))
    assert server.said("Revision")[0]["filter"] == {"number": {"eq": 3}}
    assert server.said("RollBack")[0]["input"]["toRevisionId"] == "revision-3"


def test_a_rollout_and_those_before_are_shown(tmp_path: Path) -> None:
    history = page(a_rollout(2, note="newer"), a_rollout(1, status="FAILED", durationSeconds=61.0))
    there = answers(
        modelDeployments=page(a_deployment()), modelDeployment=a_deployment(rollouts=history)
    )
    with scripted(there) as server:
        assert "2 RUNNING 0/1" in ok(run(server, "rollout", "status", "chat", cwd=tmp_path))
        assert "61s" in ok(run(server, "rollout", "history", "chat", cwd=tmp_path))
        listed = json.loads(ok(run(server, "rollout", "history", "chat", "--json", cwd=tmp_path)))
    assert [each["note"] for each in listed] == ["newer", ""]


def test_a_status_says_what_the_rollout_waits_for(tmp_path: Path) -> None:
    paused = a_rollout(2, status="PAUSED", statusReason="CANARY_STEP")
    there = a_deployment(rollout=paused, rollouts=page(paused))
    with scripted(answers(modelDeployments=page(there), modelDeployment=there)) as server:
        shown = ok(run(server, "rollout", "status", "chat", cwd=tmp_path))
    assert "`modelyard rollout resume chat` lets it go on" in shown


def test_a_scale_waits_for_the_replicas_and_not_for_a_status_of_before(tmp_path: Path) -> None:
    two = {"desiredReplicas": 2}
    states = [
        a_deployment(**two),
        a_deployment(**two, status="DEPLOYING"),
        a_deployment(**two, replicaGroups=[a_group(healthy=2)]),
    ]
    events = [HEALTHY | {"cursor": f"c{n}", "deployment": each} for n, each in enumerate(states)]
    there = answers(
        modelDeployments=page(a_deployment()),
        modelDeployment=a_deployment(**two),
        scaleModelDeployment=done(deployment=a_deployment(**two)),
    )
    with scripted(there, deploymentEvents=[events]) as server:
        ran = run(server, "scale", "chat", "2", "--wait", cwd=tmp_path)
    assert "2 of 2 replicas healthy" in ok(ran)
    assert ran.stderr.count("ReplicaBecameHealthy") == 3


def test_a_removal_waits_until_nothing_is_left(tmp_path: Path) -> None:
    stopping, stopped = a_deployment(status="STOPPING"), a_deployment(status="STOPPED")
    there = answers(
        modelDeployments=page(a_deployment()),
        modelDeployment=stopping,
        deleteModelDeployment=done(deployment=stopping),
    )
    gone = an_event("DeploymentDeleted", 9, name="chat", deployment=stopped)
    with scripted(there, deploymentEvents=[[gone]]) as server:
        assert ok(run(server, "rm", "chat", cwd=tmp_path)) == "chat is stopping.\n"
        assert ok(run(server, "rm", "chat", "--wait", cwd=tmp_path)) == "chat is gone.\n"


def test_revisions_are_listed(tmp_path: Path) -> None:
    there = answers(
        modelDeployments=page(a_deployment()),
        modelDeployment=a_deployment(revisions=page(a_revision(2, note="why"), a_revision(1))),
    )
    with scripted(there) as server:
        table = ok(run(server, "revisions", "chat", cwd=tmp_path)).splitlines()
    assert table[1].split()[:2] == ["2", "echo"]
    assert "why" in table[1]
