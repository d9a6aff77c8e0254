"""What a scripted server answers: nodes of the API as they look, and commands run against them."""

from pathlib import Path
from typing import Any

from tests.support.scripted import Scripted
from tests.support.server import modelyard

ROLLING = {"__typename": "RollingStrategy", "maxSurge": "50%", "maxUnavailable": 0}


def a_revision(number: int = 1, **said: Any) -> dict[str, Any]:
    return {
        "id": f"revision-{number}",
        "number": number,
        "digest": f"digest-{number}",
        "runtimeVariant": "ECHO",
        "note": "",
        "createdAt": "2026-01-01T12:00:00Z",
        "createdBy": "open",
        "warnings": [],
        **said,
    }


def a_rollout(number: int = 1, **said: Any) -> dict[str, Any]:
    return {
        "id": f"rollout-{number}",
        "kind": "ACTIVATION",
        "status": "RUNNING",
        "statusSince": "2026-01-01T12:00:00Z",
        "statusReason": None,
        "statusMessage": "",
        "step": 0,
        "weight": None,
        "promotionRequested": False,
        "note": "",
        "startedAt": "2026-01-01T12:00:00Z",
        "startedBy": "open",
        "progressDeadline": "PT10M",
        "healthyReplicas": 0,
        "desiredReplicas": 1,
        "revision": a_revision(number),
        "strategy": ROLLING,
        **said,
    }


def a_group(number: int = 1, healthy: int = 1, **said: Any) -> dict[str, Any]:
    counts = {"present": healthy, "healthy": healthy}
    none = dict.fromkeys(("starting", "unhealthy", "draining", "stopping"), 0)
    return {
        "id": f"group-{number}",
        "weight": None,
        "exits": 0,
        "exitReason": None,
        "exitMessage": "",
        "logTail": [],
        "revision": a_revision(number),
        "replicaCounts": {**none, **counts},
        **said,
    }


def a_deployment(**said: Any) -> dict[str, Any]:
    """READY with revision 1 unless said."""
    return {
        "__typename": "ModelDeployment",
        "id": "deployment-1",
        "name": "chat",
        "tags": [],
        "status": "READY",
        "statusSince": "2026-01-01T12:00:00Z",
        "statusReason": None,
        "statusMessage": "",
        "desiredReplicas": 1,
        "etag": "e-1",
        "createdAt": "2026-01-01T12:00:00Z",
        "createdBy": "open",
        "updatedAt": "2026-01-01T12:00:00Z",
        "activeRevision": a_revision(),
        "strategy": ROLLING,
        "rollout": None,
        "replicaGroups": [a_group()],
        **said,
    }


def an_event(kind: str, position: int, **said: Any) -> dict[str, Any]:
    return {
        "__typename": kind,
        "cursor": f"cursor-{position}",
        "at": "2026-01-01T12:00:00Z",
        "actor": "reconciler",
        "cause": "sweep",
        "deploymentId": "deployment-1",
        **said,
    }


DEPLOYING = a_deployment(
    status="DEPLOYING",
    statusReason="REPLICAS_STARTING",
    activeRevision=None,
    rollout=a_rollout(),
    replicaGroups=[a_group(healthy=0)],
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


def run(server: Scripted, *arguments: str, cwd: Path, **env: str) -> Any:
    return modelyard(*arguments, env={"MODELYARD_SERVER": server.url, **env}, cwd=cwd)


def ok(ran: Any) -> str:
    assert ran.returncode == 0, ran.stderr
    return str(ran.stdout)
