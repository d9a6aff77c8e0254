"""What a replica looks like from what the cluster says of its pod. Pure.

no node ─ SCHEDULING, UNSCHEDULABLE     init container ─ PREPARING     container waits ─ PULLING_IMAGE
runs ─ LOADING ─▶ Ready ─ HEALTHY       restarted, not ready, being deleted, hopeless ─ FAILING
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.deployments.ports import Observed, Sight
from domain.deployments.reason import Reason
from domain.deployments.replica import Replica
from infra.k8s import objects
from infra.k8s.kinds import Object
from infra.k8s.manifests import volumes, wrapper

PATIENCE = timedelta(seconds=30)
"""How long an image that can't be pulled, or a container that can't be created, may be a hiccup of the
registry or a Secret that is not there yet."""
PULLING = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ImageInspectError"}
)
NO_IMAGE = frozenset({"InvalidImageName", "ErrImageNeverPull"})  # no patience helps
UNCREATED = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError"}
)
BORNE = frozenset({Reason.IMAGE_UNAVAILABLE, Reason.CONFIG_INVALID})
"""What is hopeless only after that time."""
LOOP = "CrashLoopBackOff"
REJECTED = frozenset(
    {
        "InvalidNodeInfo",
        "NodeAffinity",
        "NodeName",
        "NodePorts",
        "PodOSNotSupported",
        "PodOSSelectorNodeLabelDoesNotMatch",
        "TaintToleration",
        "TopologyAffinityError",
        "UnexpectedAdmissionError",
    }
)
"""With every OutOf…: why a kubelet takes no pod that the scheduler had given it."""
OOM = "OOMKilled"


@dataclass(frozen=True, slots=True)
class Trouble:
    """`hopeless`: waiting longer won't do."""

    reason: Reason
    message: str
    hopeless: bool
    exit_code: int | None = None


def of(pod: Object, replica: Replica, waited: timedelta) -> Observed:
    """Of a replica whose pod this is. `waited` is for how long it has had what is in BORNE."""
    if objects.is_finished(pod):
        return _seen(pod, Sight.EXITED, _ended(pod))
    if objects.is_leaving(pod):
        return _leaving(pod, replica)
    trouble = next(_troubles(pod, waited), None)
    if trouble is not None:
        failing = trouble.hopeless or replica.first_healthy_at is not None
        return _seen(pod, Sight.FAILING if failing else Sight.RUNNING, trouble)
    if objects.holds(pod, "Ready"):
        return _seen(pod, Sight.HEALTHY)
    if replica.first_healthy_at is not None:
        return _seen(pod, Sight.FAILING, Trouble(Reason.HEALTH_CHECK_FAILED, _unready(pod), False))
    return _seen(pod, Sight.RUNNING, _waiting(pod))


def unready(pod: Object, now: datetime) -> Trouble:
    """What keeps a pod that is no replica's from being ready."""
    since = (pod.get("status") or {}).get("startTime")
    waited = now - datetime.fromisoformat(since) if since else timedelta(0)
    return next(_troubles(pod, waited), None) or _waiting(pod)


def unplaced(workload: Object) -> Observed:
    """Of a replica that has no pod yet, though its workload is there."""
    failure = objects.condition(workload, "ReplicaFailure")
    if failure is not None and failure["status"] == "True":
        message = str(failure.get("message") or "")
        return Observed(sight=Sight.RUNNING, reason=Reason.UNSCHEDULABLE, message=message)
    return Observed(sight=Sight.RUNNING, reason=Reason.SCHEDULING)


def lost(replica: Replica) -> Observed:
    """Of a replica whose pod is no longer there."""
    return Observed(
        sight=Sight.EXITED,
        placement=replica.placement,
        endpoints=replica.endpoints,
        reason=Reason.EVICTED,
        message="Its pod was deleted.",
    )


def has_log(observed: Observed) -> bool:
    """Whether the last lines of its containers say more."""
    wrong = observed.sight in (Sight.FAILING, Sight.EXITED)
    return wrong and observed.reason not in (Reason.IMAGE_UNAVAILABLE, Reason.CONFIG_INVALID)


def _seen(pod: Object, sight: Sight, trouble: Trouble | None = None) -> Observed:
    return Observed(
        sight=sight,
        endpoints=objects.endpoints(pod),
        placement=objects.placement(pod),
        exit_code=trouble.exit_code if trouble else None,
        reason=trouble.reason if trouble else None,
        message=trouble.message.replace("\0", "") if trouble else "",  # that could not be stored
    )


def _leaving(pod: Object, replica: Replica) -> Observed:
    if not replica.is_staying:
        return _seen(pod, Sight.RUNNING)
    return _seen(
        pod, Sight.FAILING, Trouble(Reason.EVICTED, "Its pod is being deleted.", hopeless=True)
    )


def _ended(pod: Object) -> Trouble:
    """The kubelet gave up on the pod: an eviction, a node that went away, a node that refused it."""
    status = pod["status"]
    codes = [each["exitCode"] for each in _terminated(pod)]
    why = status.get("reason") or ""
    said = ": ".join(part for part in (why, status.get("message")) if part)
    is_rejected = why in REJECTED or why.startswith("OutOf")
    reason = Reason.NODE_REJECTED if is_rejected and not codes else Reason.EVICTED
    return Trouble(reason, said, hopeless=True, exit_code=next(iter(codes), None))


def _troubles(pod: Object, waited: timedelta) -> Iterator[Trouble]:
    for each in _preparing(pod):
        yield from _prepared_badly(each, waited)
    for each in objects.container_statuses(pod):
        waiting = (each.get("state") or {}).get("waiting") or {}
        yield from _not_created(waiting, waited)
        if not objects.has_served(pod, each):
            yield from _restarted(each, waiting)


def _not_created(waiting: Object, waited: timedelta) -> Iterator[Trouble]:
    reason, message = waiting.get("reason"), str(waiting.get("message") or "")
    if reason in PULLING:
        yield Trouble(Reason.IMAGE_UNAVAILABLE, message, hopeless=waited >= PATIENCE)
    elif reason in NO_IMAGE:
        yield Trouble(Reason.IMAGE_UNAVAILABLE, message, hopeless=True)
    elif reason in UNCREATED:
        yield Trouble(Reason.CONFIG_INVALID, message, hopeless=waited >= PATIENCE)


def _restarted(container: Object, waiting: Object) -> Iterator[Trouble]:
    """It ended; the kubelet starts it again, at once the first time and later and later then."""
    state = container.get("state") or {}
    over = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
    if over is None or container.get("ready"):
        return
    looping = waiting.get("reason") == LOOP
    code = over.get("exitCode")
    message = _said(over)
    if over.get("reason") == OOM:
        yield Trouble(Reason.OUT_OF_MEMORY, "", hopeless=True, exit_code=code)
    elif code == wrapper.FAILED:
        yield Trouble(Reason.PRE_START_FAILED, message, looping, code)
    elif looping:
        yield Trouble(Reason.CRASH_LOOP, message, True, code)
    else:
        yield Trouble(Reason.EXITED, "It is being started again.", hopeless=False, exit_code=code)


def _said(over: Object) -> str:
    """What the kubelet says of an end; of one by itself that is the log's end, which is kept as lines."""
    is_log = over.get("reason") == "Error" and over.get("exitCode") != wrapper.FAILED
    return "" if is_log else str(over.get("message") or "").strip()


def _prepared_badly(container: Object, waited: timedelta) -> Iterator[Trouble]:
    state = container.get("state") or {}
    waiting = state.get("waiting") or {}
    yield from _not_created(waiting, waited)
    over = state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
    if over.get("exitCode"):
        reason = (
            Reason.FOLDER_UNREADABLE
            if container["name"] == volumes.FETCH
            else Reason.PRE_START_FAILED
        )
        looping = waiting.get("reason") == LOOP
        message = str(over.get("message") or "").strip()
        yield Trouble(reason, message, looping, over["exitCode"])


def _waiting(pod: Object) -> Trouble:
    """What a pod waits for that has nothing wrong with it."""
    scheduled = objects.condition(pod, "PodScheduled")
    if scheduled is None or scheduled["status"] != "True":
        said = scheduled or {}
        reason = Reason.SCHEDULING
        if said.get("reason") == "Unschedulable":
            reason = Reason.UNSCHEDULABLE
        return Trouble(reason, str(said.get("message") or ""), hopeless=False)
    containers, beside = objects.container_statuses(pod), objects.sidecars(pod)
    begun = [each["name"] for each in containers if "running" in (each.get("state") or {})]
    if containers and (len(begun) == len(containers) or set(begun) & set(beside)):
        return Trouble(Reason.LOADING, "", hopeless=False)
    if any("running" in (each.get("state") or {}) for each in _preparing(pod)):
        return Trouble(Reason.PREPARING, "", hopeless=False)
    return Trouble(Reason.PULLING_IMAGE, "", hopeless=False)


def _preparing(pod: Object) -> Sequence[Object]:
    """The statuses of what ends before the engines begin."""
    beside = objects.sidecars(pod)
    statuses = (pod.get("status") or {}).get("initContainerStatuses") or ()
    return [each for each in statuses if each["name"] not in beside]


def _unready(pod: Object) -> str:
    said = objects.condition(pod, "ContainersReady") or {}
    return str(said.get("message") or "")


def _terminated(pod: Object) -> Iterator[Object]:
    for each in (pod.get("status") or {}).get("containerStatuses") or ():
        over = (each.get("state") or {}).get("terminated")
        if over is not None:
            yield over
