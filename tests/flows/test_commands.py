"""The commands that talk to a server, against one that answers as a test has written."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLError

from tests.support.forks import forks
from tests.support.scripted import (
    COMPLETE,
    DROP,
    GO_AWAY,
    REVOKE,
    Scripted,
    a_deployment,
    a_group,
    a_revision,
    a_rollout,
    an_event,
    scripted,
)
from tests.support.server import START_SECONDS, environment, modelyard

DEPLOYING = a_deployment(
    status="DEPLOYING",
    statusReason="REPLICAS_STARTING",
    activeRevision=None,
    rollout=a_rollout(),
    replicaGroups=[a_group(healthy=0)],
)
STARTED = an_event(
    "ReplicaStarted",
    1,
    number=1,
    replicaId="replica-12345678",
    revisionId="r",
    deployment=DEPLOYING,
)
HEALTHY = an_event(
    "ReplicaBecameHealthy", 2, number=1, replicaId="replica-12345678", deployment=DEPLOYING
)
SUCCEEDED = an_event(
    "RolloutSucceeded",
    3,
    number=1,
    seconds=2.5,
    rolloutId="rollout-1",
    revisionId="r",
    deployment=a_deployment(),
)
FAILED = an_event(
    "RolloutFailed",
    3,
    number=1,
    reason="TOO_MANY_EXITS",
    message="5 replicas ended before they were healthy.",
    logTail=["loading", "no such file: weights"],
    rolloutId="rollout-1",
    revisionId="r",
    deployment=a_deployment(status="DEGRADED", statusReason="NO_HEALTHY_REVISION"),
)


def page(*nodes: Any) -> dict[str, Any]:
    return {"nodes": list(nodes), "pageInfo": {"endCursor": None, "hasNextPage": False}}


def done(**payload: Any) -> dict[str, Any]:
    return {"userErrors": [], "changed": True, **payload}


def answers(**more: Any) -> dict[str, Any]:
    """Of a server without deployments, where every change is done as it is asked."""
    return {
        "eventCursor": "cursor-0",
        "modelDeployments": page(),
        "modelDeployment": DEPLOYING,
        "rollout": a_rollout(),
        "modelFolders": page(),
        "createModelFolder": done(
            folder={"id": "folder-1", "name": "llama", "uri": "file:///models/llama"}
        ),
        "createModelDeployment": done(deployment=a_deployment(status="PENDING")),
        "updateModelDeployment": done(deployment=a_deployment()),
        "addModelRevision": done(revision=a_revision()),
        "activateModelRevision": done(deployment=DEPLOYING, rollout=a_rollout()),
        "previewModelRevision": {"digest": "digest-2", "userErrors": []},
        **more,
    }


def refused(code: str, message: str, *path: str) -> dict[str, Any]:
    error = {"__typename": "InputError", "code": code, "message": message, "path": path}
    return {"userErrors": [error]}


def run(server: Scripted, *arguments: str, cwd: Path, **env: str) -> Any:
    return modelyard(*arguments, env={"MODELYARD_SERVER": server.url, **env}, cwd=cwd)


def ok(ran: Any) -> str:
    assert ran.returncode == 0, ran.stderr
    return str(ran.stdout)


def one_line(ran: Any) -> str:
    assert (ran.returncode, ran.stdout) == (1, ""), ran.stderr
    (line,) = ran.stderr.splitlines()
    assert line.startswith("modelyard: ")
    return str(line)


def test_deploy_registers_creates_adds_and_activates(tmp_path: Path) -> None:
    folder = tmp_path / "My Llama"
    folder.mkdir()
    with scripted(answers()) as server:
        ran = run(
            server, "deploy", "My Llama", "--name", "chat", "--variant", "vllm", "--replicas", "2",
            "--env", "A=1=2", "--secret", "TOKEN=hf", "--resource", "cpu=4", "--template", "big:3",
            "--command", '["vllm", "serve"]', "--no-override", "--definition-path", "m.yaml",
            "--strategy", "canary", "--step", "25:10m", "--step", "50%", "--note", "why",
            "--progress-deadline", "15m", cwd=tmp_path,
        )  # fmt: skip
        assert "chat goes to revision 1" in ok(ran)
    assert server.said("Folders") == [{"uri": folder.as_uri()}]
    assert server.said("CreateFolder") == [{"input": {"name": "my-llama", "uri": folder.as_uri()}}]
    steps = [{"weight": 25, "pause": 600.0}, {"weight": 50}]
    assert server.said("Create") == [
        {"input": {"name": "chat", "desiredReplicas": 2, "strategy": {"canary": {"steps": steps}}}}
    ]
    assert server.said("Add") == [
        {
            "input": {
                "deploymentId": "deployment-1",
                "runtimeVariant": "VLLM",
                "modelFolder": {"folderId": "folder-1", "definitionPath": "m.yaml"},
                "startupCommand": ["vllm", "serve"],
                "environment": [{"name": "A", "value": "1=2"}, {"name": "TOKEN", "secret": "hf"}],
                "resources": {"cpu": "4"},
                "template": {"name": "big", "version": 3},
                "enableModelDefinitionOverride": False,
                "note": "why",
            }
        }
    ]
    said = {"revisionId": "revision-1", "progressDeadline": 900.0, "note": "why"}
    assert server.said("Activate") == [{"input": said}]


def test_what_is_there_is_used_and_a_uri_is_passed_on(tmp_path: Path) -> None:
    known = {"id": "folder-9", "name": "x", "uri": "s3://b/x"}
    there = answers(modelFolders=page(known), modelDeployments=page(a_deployment()))
    with scripted(there) as server:
        ok(run(server, "deploy", "s3://b/x/", "--name", "chat", "--replicas", "3", cwd=tmp_path))
    assert [name for name, _ in server.asked] == [
        "Folders", "Deployment", "Preview", "Add", "Update", "Activate",
    ]  # fmt: skip
    assert server.said("Folders") == [{"uri": "s3://b/x"}]
    assert server.said("Add")[0]["input"]["modelFolder"] == {"folderId": "folder-9"}
    assert server.said("Add")[0]["input"]["runtimeVariant"] == "CUSTOM"
    said = {"deploymentId": "deployment-1", "desiredReplicas": 3}
    assert server.said("Update") == [{"input": said}]


def test_a_folder_whose_name_is_taken_gets_the_next(tmp_path: Path) -> None:
    def create(info: Any, input: Any) -> Any:
        free = input["name"] == "x-3"
        return answers()["createModelFolder"] if free else refused("NAME_TAKEN", "Taken.", "name")

    with scripted(answers(createModelFolder=create)) as server:
        ok(run(server, "deploy", "s3://b/x", "--name", "chat", cwd=tmp_path))
    names = [said["input"]["name"] for said in server.said("CreateFolder")]
    assert names == ["x", "x-2", "x-3"]


def test_what_runs_already_is_not_added_again_unless_forced(tmp_path: Path) -> None:
    same = answers(
        modelDeployments=page(a_deployment()),
        previewModelRevision={"digest": "digest-1", "userErrors": []},
    )
    with scripted(same) as server:
        ran = run(server, "deploy", "--variant", "echo", "--name", "chat", "--json", cwd=tmp_path)
        assert json.loads(ok(ran))["changed"] is False
        assert "runs this already, as revision 1" in ran.stderr
        assert server.said("Add") == server.said("Activate") == []
        ok(run(server, "deploy", "--variant", "echo", "--name", "chat", "--force", cwd=tmp_path))
        assert len(server.said("Add")) == 1


def deploy(server: Scripted, *more: str, cwd: Path) -> Any:
    return run(server, "deploy", "--variant", "echo", "--name", "chat", "--wait", *more, cwd=cwd)


def test_a_wait_ends_when_the_deployment_is_ready(tmp_path: Path) -> None:
    with scripted(answers(), deploymentEvents=[[STARTED, HEALTHY, SUCCEEDED]]) as server:
        ran = deploy(server, cwd=tmp_path)
    assert ok(ran) == "chat is ready: revision 1, 1 of 1 replicas healthy.\n"
    assert "chat: DEPLOYING (REPLICAS_STARTING), revision 1: 0/1 healthy" in ran.stderr
    assert "ReplicaBecameHealthy    replica" not in ran.stdout
    assert "\x1b" not in ran.stderr


def test_a_wait_prints_one_document_as_json(tmp_path: Path) -> None:
    with scripted(answers(), deploymentEvents=[[SUCCEEDED]]) as server:
        said = json.loads(ok(deploy(server, "--json", cwd=tmp_path)))
    assert said["outcome"] == "ready"
    assert said["deployment"]["status"] == "READY"
    assert said["revision"]["number"] == 1


def test_a_failed_rollout_shows_why_and_the_replicas_last_lines(tmp_path: Path) -> None:
    with scripted(answers(), deploymentEvents=[[STARTED, FAILED]]) as server:
        ran = deploy(server, "--json", cwd=tmp_path)
    assert ran.returncode == 1
    assert "revision 1 of chat failed: TOO_MANY_EXITS: 5 replicas ended before" in ran.stderr
    assert ran.stderr.endswith("  loading\n  no such file: weights\n")
    said = json.loads(ran.stdout)
    assert (said["outcome"], said["reason"]) == ("failed", "TOO_MANY_EXITS")
    assert said["logTail"] == ["loading", "no such file: weights"]


@pytest.mark.parametrize("end", [DROP, GO_AWAY, COMPLETE])
def test_a_lost_subscription_goes_on_behind_the_last_event(tmp_path: Path, end: Any) -> None:
    scripts = [[STARTED, HEALTHY, end], [SUCCEEDED]]
    with scripted(answers(), deploymentEvents=scripts) as server:
        ran = deploy(server, cwd=tmp_path)
    ok(ran)
    followed = [said["after"] for said in server.said("Progress")]
    assert followed == (["cursor-0", "cursor-0"] if end is COMPLETE else ["cursor-0", "cursor-2"])
    if end is not COMPLETE:
        assert "trying again" in ran.stderr
        assert "Connected again." in ran.stderr


def test_a_log_that_is_another_by_now_is_begun_anew(tmp_path: Path) -> None:
    def gone(info: Any, **said: Any) -> Any:
        raise GraphQLError("Another log's.", extensions={"code": "CURSOR_UNKNOWN"})

    with scripted(answers(), deploymentEvents=[[gone], [SUCCEEDED]]) as server:
        ran = deploy(server, cwd=tmp_path)
    ok(ran)
    assert len(server.said("RolloutState")) == 2


def test_a_revoked_key_ends_a_wait(tmp_path: Path) -> None:
    with scripted(answers(), deploymentEvents=[[REVOKE]]) as server:
        ran = deploy(server, "--key", "my_secret", "--project", "lab", cwd=tmp_path)
    assert ran.returncode == 1
    assert "UNAUTHENTICATED" in ran.stderr.splitlines()[-1]
    assert server.greetings == [{"authorization": "Bearer my_secret", "project": "lab"}]
    assert server.headers[0]["authorization"] == "Bearer my_secret"
    assert server.headers[0]["x-modelyard-project"] == "lab"


def test_ctrl_c_leaves_the_rollout_as_it_is_and_says_so(tmp_path: Path) -> None:
    arguments = ["deploy", "--variant", "echo", "--name", "chat", "--wait"]
    with (
        scripted(answers(), deploymentEvents=[[STARTED]]) as server,
        (tmp_path / "out").open("w") as out,
        (tmp_path / "errors").open("w") as errors,
    ):
        env = environment({"MODELYARD_SERVER": server.url})
        process = forks().start(arguments, env, tmp_path, out.fileno(), errors.fileno())
        assert server.silent.wait(START_SECONDS)
        process.send_signal(signal.SIGINT)
        assert process.wait(START_SECONDS) == 130
    last = (tmp_path / "errors").read_text().splitlines()[-1]
    assert last.startswith("No longer waiting. The rollout of revision 1 to chat goes on")


def test_a_terminal_gets_bars(tmp_path: Path) -> None:
    canary = a_deployment(rollout=a_rollout(2, weight=25, desiredReplicas=2), desiredReplicas=2)
    advanced = an_event(
        "RolloutAdvanced", 2, number=2, step=1, weight=25, healthy=1, desired=2, rolloutId="x",
        deployment=canary,
    )  # fmt: skip
    ours, theirs = os.openpty()
    with (
        scripted(answers(), deploymentEvents=[[advanced, SUCCEEDED]]) as server,
        (tmp_path / "out").open("w") as out,
    ):
        env = environment({"MODELYARD_SERVER": server.url, "TERM": "xterm", "COLUMNS": "160"})
        arguments = ["deploy", "--variant", "echo", "--name", "chat", "--wait"]
        process = forks().start(arguments, env, tmp_path, out.fileno(), theirs)
        os.close(theirs)
        seen = _all_of(ours)
        assert process.wait(START_SECONDS) == 0
    assert "chat share of requests" in seen
    assert "25/100%" in seen
    assert "0/2 healthy" in seen


def _all_of(terminal: int) -> str:
    seen = b""
    try:
        while read := os.read(terminal, 65_536):
            seen += read
    except OSError:  # its other end is closed: Linux says so with an error
        os.close(terminal)
    return seen.decode()


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
        "reason": "HEALTH_CHECK_FAILED", "message": "", "createdAt": "2026-01-01T12:00:00Z",
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
    assert said["replicas"][0]["reason"] == "HEALTH_CHECK_FAILED"
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
