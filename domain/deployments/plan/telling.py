"""Why a replica ended or fails, in sentences for people."""

from collections.abc import Sequence

from domain.deployments.ports import Observed
from domain.deployments.reason import Reason
from domain.deployments.replica import Replica, ReplicaStatus

LAST_LINES = 3
WORDS: dict[Reason, str] = {
    Reason.EXITED: "Its process ended by itself",
    Reason.EXITED_WHILE_ADOPTED: "It ended while nobody could see how",
    Reason.HEALTH_CHECK_FAILED: "Its health check failed",
    Reason.PORT_TAKEN: "Something else listens on its port",
    Reason.SECRET_NOT_FOUND: "A secret that it needs is gone",
    Reason.SECRET_UNREADABLE: "A secret that it needs can't be opened",
    Reason.FOLDER_UNREADABLE: "Its model folder can't be read",
    Reason.PRE_START_FAILED: "One of its pre-start actions failed",
    Reason.START_FAILED: "Its command can't be executed",
    Reason.OUT_OF_MEMORY: "It ran out of memory",
    Reason.PLACE_LOST: "The machine that it ran on started anew",
    Reason.SCHEDULING: "Its pod waits for a node",
    Reason.UNSCHEDULABLE: "No node has room for its pod",
    Reason.PULLING_IMAGE: "Its image is being pulled",
    Reason.IMAGE_UNAVAILABLE: "Its image can't be pulled",
    Reason.PREPARING: "Its model folder is being fetched",
    Reason.LOADING: "Its engine runs, and is not ready yet",
    Reason.CRASH_LOOP: "Its engine ended again and again",
    Reason.EVICTED: "The cluster took its pod away",
    Reason.NODE_REJECTED: "Its node did not take its pod",
    Reason.CONFIG_INVALID: "Its containers can't be created",
    Reason.MANIFEST_REFUSED: "The cluster does not take its objects",
}


def of(reason: Reason, observed: Observed) -> str:
    """The reason, the exit code or signal, what the driver adds, and the last lines it wrote."""
    parts = [WORDS.get(reason, "It ended") + _code(observed.exit_code) + "."]
    if observed.message:
        parts.append(_ended(observed.message))
    lines = [line for line in observed.log_tail if line.strip()][-LAST_LINES:]
    if lines:
        parts.append("Its last lines: " + " / ".join(lines))
    return " ".join(parts)


def waits(replicas: Sequence[Replica]) -> str:
    """What the newest of them waits for, as far as the driver told; begins with a space."""
    said = [r.message for r in replicas if r.status is ReplicaStatus.STARTING and r.message]
    return f" {said[-1]}" if said else ""


def counted(healthy: int, desired: int) -> str:
    return f"{healthy} of {desired} desired {'replica is' if desired == 1 else 'replicas are'} healthy."


def _code(code: int | None) -> str:
    if code is None:
        return ""
    return f" (signal {-code})" if code < 0 else f" (exit code {code})"


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?", ":")) else sentence + "."
