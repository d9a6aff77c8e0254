"""Pods as a cluster's API shows them, as far as the driver reads them."""

from datetime import timedelta
from typing import Any

from domain.deployments.replica import Replica, ReplicaStatus
from infra.k8s import objects
from infra.k8s.kinds import Object
from infra.k8s.manifests import names
from tests.support.builders import NOON

ENDPOINTS = '[{"model": "m", "port": 8000}]'


def a_pod(name: str = "p", owner: str | None = None, **status: Any) -> dict[str, Any]:
    """Scheduled, with one container that is being created, unless `status` says otherwise."""
    labels = {names.GROUP: "g", names.DEPLOYMENT_ID: "d"}
    if owner is not None:
        labels[names.REPLICA] = owner
    scheduled = {"type": "PodScheduled", "status": "True"}
    return {
        "metadata": {
            "name": name,
            "namespace": "n",
            "uid": f"uid-{name}",
            "resourceVersion": "1",
            "creationTimestamp": NOON.isoformat(),
            "labels": labels,
            "annotations": {names.ENDPOINTS: ENDPOINTS},
        },
        "spec": {"nodeName": "node1", "containers": [{"name": "model-0"}]},
        "status": {
            "phase": "Pending",
            "startTime": NOON.isoformat(),
            "conditions": [scheduled],
            "containerStatuses": [a_container(waiting={"reason": "ContainerCreating"})],
            **status,
        },
    }


def a_container(*, ready: bool = False, **state: Any) -> dict[str, Any]:
    """`last` is how its run before this one ended."""
    last = state.pop("last", None)
    found: dict[str, Any] = {"name": "model-0", "ready": ready, "state": state}
    return {**found, "lastState": {"terminated": last}} if last else found


def running(*, ready: bool, **more: Any) -> dict[str, Any]:
    """The status of a pod whose container runs."""
    conditions = [
        {"type": "PodScheduled", "status": "True"},
        {"type": "Ready", "status": "True" if ready else "False"},
    ]
    container = a_container(ready=ready, running={"startedAt": NOON.isoformat()}, **more)
    return {
        "phase": "Running",
        "podIP": "10.0.0.7",
        "conditions": conditions,
        "containerStatuses": [container],
    }


def leaving(pod: dict[str, Any]) -> dict[str, Any]:
    gone = (NOON + timedelta(seconds=30)).isoformat()
    return {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": gone}}


def a_workload(replicas: int = 1, *, made: bool = True, **more: Any) -> dict[str, Any]:
    labels = {names.GROUP: "g", names.DEPLOYMENT_ID: "d"}
    return {
        "metadata": {
            "name": "m-chat-1-g",
            "namespace": "n",
            "uid": "uid-w",
            "labels": {**labels, names.MADE: "true"} if made else labels,
        },
        "spec": {"replicas": replicas},
        **more,
    }


def placed(pod: Object) -> dict[str, Any]:
    """The fields of a replica's row that say it has this pod."""
    return {"placement": dict(objects.placement(pod)), "endpoints": objects.endpoints(pod)}


def a_row(id: str = "r", status: ReplicaStatus = ReplicaStatus.STARTING, **said: Any) -> Replica:
    """Of the group that the pods here are of."""
    own = {
        "id": id,
        "project_id": "p",
        "deployment_id": "d",
        "group_id": "g",
        "revision_id": "v",
        "revision_number": 1,
        "status": status,
        "status_since": NOON,
        "created_at": NOON,
    }
    return Replica(**{**own, **said})
