"""Reading objects of the cluster, which are JSON as its API writes it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from domain.deployments.replica import Endpoint
from infra.k8s.kinds import Object
from infra.k8s.manifests.names import ENDPOINTS, MADE


def name(each: Object) -> str:
    return str(each["metadata"]["name"])


def namespace(each: Object) -> str:
    return str(each["metadata"]["namespace"])


def uid(each: Object) -> str:
    return str(each["metadata"]["uid"])


def label(each: Object, key: str) -> str | None:
    found = (each["metadata"].get("labels") or {}).get(key)
    return None if found is None else str(found)


def created(each: Object) -> datetime:
    return datetime.fromisoformat(each["metadata"]["creationTimestamp"])


def is_leaving(each: Object) -> bool:
    return each["metadata"].get("deletionTimestamp") is not None


def lasts_over(each: Object, seconds: int) -> bool:
    """Whether it is given more time to end than that; all it wants, where nothing ends it yet."""
    given = each["metadata"].get("deletionGracePeriodSeconds")
    return not is_leaving(each) or (given is not None and given > seconds)


def condition(each: Object, kind: str) -> Object | None:
    conditions: Sequence[Object] = (each.get("status") or {}).get("conditions") or ()
    return next((found for found in conditions if found["type"] == kind), None)


def holds(each: Object, kind: str) -> bool:
    found = condition(each, kind)
    return found is not None and found["status"] == "True"


def sidecars(pod: Object) -> Sequence[str]:
    """Containers that begin before the others and run beside them."""
    begun = (pod.get("spec") or {}).get("initContainers") or ()
    return [str(each["name"]) for each in begun if each.get("restartPolicy") == "Always"]


def container_statuses(pod: Object) -> Sequence[Object]:
    """Of the sidecars and the containers: of all but those that end before these begin."""
    status, beside = pod.get("status") or {}, sidecars(pod)
    begun = [s for s in status.get("initContainerStatuses") or () if s["name"] in beside]
    return [*begun, *(status.get("containerStatuses") or ())]


def is_finished(pod: Object) -> bool:
    """Its containers never run again."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def has_served(pod: Object, container: Object) -> bool:
    """Whether the pod was ready at some time of the container's present run, by the clock of its node."""
    running = (container.get("state") or {}).get("running") or {}
    ready = condition(pod, "Ready") or {}
    began, turned = running.get("startedAt"), ready.get("lastTransitionTime")
    if began is None:
        return False
    if ready.get("status") == "True":
        return True
    return turned is not None and datetime.fromisoformat(turned) > datetime.fromisoformat(began)


def endpoints(pod: Object) -> tuple[Endpoint, ...]:
    """None before the pod has an address."""
    address = (pod.get("status") or {}).get("podIP")
    written = (pod["metadata"].get("annotations") or {}).get(ENDPOINTS)
    if not address or written is None:
        return ()
    known_by = f"{namespace(pod)}/{name(pod)}"
    return tuple(
        Endpoint(model=each["model"], host=address, port=each["port"], pod=known_by)
        for each in json.loads(written)
    )


def placement(pod: Object) -> Mapping[str, Any]:
    node = (pod.get("spec") or {}).get("nodeName")
    return {"namespace": namespace(pod), "pod": name(pod), "uid": uid(pod), "node": node}


def is_made(workload: Object) -> bool:
    return label(workload, MADE) is not None


def size(workload: Object) -> int:
    """How many pods a workload is to have."""
    return int(workload["spec"].get("replicas", 1))
