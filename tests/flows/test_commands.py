"""`modelyard deploy` and its waiting, against a server that answers as a test has written."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLError

from tests.support.answers import (
    DEPLOYING,
    a_deployment,
    a_rollout,
    an_event,
    answers,
    ok,
    page,
    run,
)
from tests.support.forks import forks
from tests.support.scripted import COMPLETE, DROP, GO_AWAY, REVOKE, Scripted, scripted
from tests.support.server import START_SECONDS, environment

STARTED = an_event(
    "ReplicaStarted",
    1,
    revisionNumber=1,
    replicaId="replica-12345678",
    revisionId="r",
    deployment=DEPLOYING,
)
HEALTHY = an_event(
    "ReplicaBecameHealthy", 2, revisionNumber=1, replicaId="replica-12345678", deployment=DEPLOYING
)
SUCCEEDED = an_event(
    "RolloutSucceeded",
    3,
    revisionNumber=1,
    durationSeconds=2.5,
    rolloutId="rollout-1",
    revisionId="r",
    deployment=a_deployment(),
)
FAILED = an_event(
    "RolloutFailed",
    3,
    revisionNumber=1,
    reason="TOO_MANY_EXITS",
    message="5 replicas ended before they were healthy.",
    logTail=["loading", "no such file: weights"],
    rolloutId="rollout-1",
    revisionId="r",
    deployment=a_deployment(status="DEGRADED", statusReason="NO_HEALTHY_REVISION"),
)


def refused(code: str, message: str, *path: str) -> dict[str, Any]:
    error = {"__typename": "InputError", "code": code, "message": message, "path": path}
    return {"userErrors": [error]}


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
        "RolloutAdvanced", 2, revisionNumber=2, step=1, weight=25, healthyReplicas=1, desiredReplicas=2,
        rolloutId="x",
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
