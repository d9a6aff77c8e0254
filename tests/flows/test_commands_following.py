"""`modelyard events` and `modelyard logs`, against a server that answers as a test has written."""

import json
from pathlib import Path
from typing import Any

from tests.support.answers import a_deployment, a_revision, an_event
from tests.support.scripted import COMPLETE, DROP, GO_AWAY, Until, scripted
from tests.support.server import modelyard

ADDED = an_event("RevisionAdded", 1, revisionId="r", revisionNumber=4, digest="d")
EXITED = an_event(
    "ReplicaExited",
    2,
    revisionNumber=4,
    replicaId="aaaa-12345678",
    wanted=False,
    exitCode=-9,
    reason="OUT_OF_MEMORY",
    message="killed",
)
DELETED = an_event("DeploymentDeleted", 9, name="chat")
REPLICA = {
    "id": "aaaa-12345678",
    "status": "HEALTHY",
    "revision": a_revision(),
    "logs": ["one", "two"],
    "deployment": a_deployment(),
}


def page(*nodes: Any, end: str | None = None) -> dict[str, Any]:
    return {"nodes": nodes, "pageInfo": {"endCursor": end, "hasNextPage": end is not None}}


def there(**more: Any) -> dict[str, Any]:
    return {
        "eventCursor": "cursor-0",
        "modelDeployments": page(a_deployment()),
        "modelDeployment": a_deployment(replicas=page(REPLICA)),
        "modelReplica": None,
        **more,
    }


def run(server: Any, *arguments: str, cwd: Path) -> str:
    ran = modelyard(*arguments, "--server", server.url, cwd=cwd)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def documents(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_events_are_one_document_when_they_are_not_followed(tmp_path: Path) -> None:
    def events(info: Any, **said: Any) -> Any:
        return page(ADDED, end="cursor-1") if said.get("after") is None else page(EXITED)

    with scripted(there(events=events)) as server:
        said = json.loads(run(server, "events", "--json", cwd=tmp_path))
    assert [each["__typename"] for each in said] == ["RevisionAdded", "ReplicaExited"]
    assert (said[1]["reason"], said[1]["exitCode"]) == ("OUT_OF_MEMORY", -9)
    assert [said["after"] for said in server.said("Events")] == [None, "cursor-1"]


def test_an_event_is_a_line_that_says_what_it_is_about(tmp_path: Path) -> None:
    with scripted(there(events=page(EXITED))) as server:
        line = run(server, "events", "chat", "--after", "cursor-1", cwd=tmp_path)
    assert line[8:] == (
        " ReplicaExited           replica 12345678, revision 4, wanted no, exit code -9, "
        "OUT_OF_MEMORY, killed\n"
    )
    said = {"filter": {"subjectId": "deployment-1"}, "after": "cursor-1"}
    assert server.said("Events") == [said]


def test_followed_events_are_a_document_a_line_and_none_is_missed(tmp_path: Path) -> None:
    scripts = [[ADDED, DROP], [EXITED, GO_AWAY], [DELETED, COMPLETE]]
    with scripted(there(), deploymentEvents=scripts) as server:
        shown = run(server, "events", "chat", "-f", "--json", cwd=tmp_path)
    assert [each["__typename"] for each in documents(shown)] == [
        "RevisionAdded",
        "ReplicaExited",
        "DeploymentDeleted",
    ]
    followed = [said["after"] for said in server.said("FollowDeployment")]
    assert followed == ["cursor-0", "cursor-1", "cursor-2"]


def test_all_events_are_followed_behind_a_cursor(tmp_path: Path) -> None:
    with scripted(there(), events=[[ADDED, COMPLETE]]) as server:
        assert "RevisionAdded" in run(server, "events", "-f", "--after", "cursor-0", cwd=tmp_path)
    assert server.said("Follow") == [{"after": "cursor-0"}]
    assert server.said("Cursor") == []


def test_logs_are_shown_once(tmp_path: Path) -> None:
    with scripted(there()) as server:
        assert run(server, "logs", "chat", "--tail", "2", cwd=tmp_path) == "one\ntwo\n"
        said = json.loads(run(server, "logs", "chat", "--json", cwd=tmp_path))
    assert said[0]["lines"] == ["one", "two"]
    assert server.said("Replicas")[0]["tail"] == 2


def test_the_lines_of_several_replicas_have_theirs_in_front(tmp_path: Path) -> None:
    other = {**REPLICA, "id": "bbbb-87654321", "logs": ["three"]}
    two = there(modelDeployment=a_deployment(replicas=page(REPLICA, other)))
    with scripted(two) as server:
        shown = run(server, "logs", "chat", cwd=tmp_path).splitlines()
        alone = run(server, "logs", "chat", "--replica", "87654321", cwd=tmp_path)
    assert shown == ["12345678 | one", "12345678 | two", "87654321 | three"]
    assert alone == "three\n"


def test_a_replica_that_is_over_is_found_by_its_id(tmp_path: Path) -> None:
    ended = {**REPLICA, "id": "cccc-1", "logs": ["last words"]}
    with scripted(there(modelReplica=ended)) as server:
        assert run(server, "logs", "chat", "--replica", "cccc-1", cwd=tmp_path) == "last words\n"


def lines(*texts: str) -> list[Any]:
    return [{"text": text} for text in texts]


def test_a_followed_log_repeats_nothing_after_a_lost_connection(tmp_path: Path) -> None:
    scripts = [
        [*lines("one", "two"), DROP],
        [*lines("one", "two", "three", "two"), COMPLETE],
    ]
    with scripted(there(), replicaLogs=scripts) as server:
        shown = run(server, "logs", "chat", "--replica", "12345678", "-f", cwd=tmp_path)
    assert shown == "one\ntwo\nthree\ntwo\n"
    assert [said["tail"] for said in server.said("ReplicaLogs")] == [100, 1_000]


def test_replicas_that_start_later_are_followed_too(tmp_path: Path) -> None:
    started = an_event(
        "ReplicaStarted", 1, revisionNumber=2, replicaId="bbbb-87654321", revisionId="r"
    )
    empty = there(modelDeployment=a_deployment(replicas=page()))
    events = [started, Until("replicaLogs"), DELETED, COMPLETE]
    with scripted(empty, deploymentEvents=[events], replicaLogs=[lines("hello")]) as server:
        shown = run(server, "logs", "chat", "-f", "--json", cwd=tmp_path)
    assert documents(shown) == [{"replica": "bbbb-87654321", "line": "hello"}]
    assert server.said("ReplicaLogs")[0]["replicaId"] == "bbbb-87654321"


def test_a_replica_that_starts_as_the_connection_is_lost_is_read_from_its_first_line(
    tmp_path: Path,
) -> None:
    started = an_event(
        "ReplicaStarted", 1, revisionNumber=2, replicaId="bbbb-87654321", revisionId="r"
    )
    empty = there(modelDeployment=a_deployment(replicas=page()))
    events: list[list[Any]] = [[started], [Until("replicaLogs"), DELETED, COMPLETE]]
    logs: list[list[Any]] = [[DROP], lines("first", "second")]
    with scripted(empty, deploymentEvents=events, replicaLogs=logs) as server:
        shown = run(server, "logs", "chat", "-f", "--tail", "0", cwd=tmp_path)
    assert shown == "87654321 | first\n87654321 | second\n"
    assert [said["tail"] for said in server.said("ReplicaLogs")] == [1_000, 1_000]


def test_no_replicas_are_no_error(tmp_path: Path) -> None:
    with scripted(there(modelDeployment=a_deployment(replicas=page()))) as server:
        ran = modelyard("logs", "chat", "--server", server.url, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (0, "")
    assert "chat has no replicas" in ran.stderr
