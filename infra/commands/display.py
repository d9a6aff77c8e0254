"""How deployments, rollouts and events look in a terminal."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.commands.outcome import desired, group, healthy

SHORT = 8  # characters of an id's end that tell it from its neighbours
SILENT = {"__typename", "cursor", "at", "actor", "cause", "deploymentId", "rolloutId", "revisionId"}
SILENT |= {"logTail", "digest", "deployment", "step"}


def clock(at: str) -> str:
    """The local time of day."""
    return moment(at).astimezone().time().isoformat(timespec="seconds")


def moment(at: str) -> datetime:
    return datetime.fromisoformat(at)


def age(at: str | None, now: datetime | None = None) -> str:
    if at is None:
        return ""
    return length((now or datetime.now(UTC)) - moment(at))


def length(passed: timedelta) -> str:
    total = max(0, int(passed.total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if total >= 2 * size:
            return f"{total // size}{unit}"
    return f"{total}s"


def short(id: str) -> str:
    return id[-SHORT:]


def status(deployment: Mapping[str, Any]) -> str:
    reason = deployment["statusReason"]
    return f"{deployment['status']} ({reason})" if reason else str(deployment["status"])


def strategy(found: Mapping[str, Any]) -> str:
    match found["__typename"]:
        case "CanaryStrategy":
            steps = (f"{s['weight']}%" + _pause(s["pause"]) for s in found["steps"])
            return f"canary {' '.join(steps)}"
        case "BlueGreenStrategy":
            return "blue-green" if found["autoPromote"] else "blue-green, promoted by hand"
        case _:
            return f"rolling, surge {found['maxSurge']}, unavailable {found['maxUnavailable']}"


def _pause(written: str | None) -> str:
    return f":{written}" if written else ""


def number(revision: Mapping[str, Any] | None) -> str:
    return str(revision["number"]) if revision else ""


def row(deployment: Mapping[str, Any]) -> dict[str, str]:
    """As `ls` lists it."""
    return {
        "NAME": deployment["name"],
        "STATUS": status(deployment),
        "REVISION": number(deployment["activeRevision"]),
        "HEALTHY": f"{healthy(deployment)}/{desired(deployment)}",
        "ROLLOUT": rollout_line(deployment["rollout"]) if deployment["rollout"] else "",
        "AGE": age(deployment["createdAt"]),
    }


def rollout_line(rollout: Mapping[str, Any]) -> str:
    """`2 RUNNING 1/2 25%`: the revision, how it goes, its healthy replicas and its share."""
    parts = [
        number(rollout["revision"]),
        rollout["status"],
        f"{rollout['healthyReplicas']}/{rollout['desiredReplicas']}",
    ]
    if rollout["weight"] is not None:
        parts.append(f"{rollout['weight']}%")
    if rollout["statusReason"]:
        parts.append(f"({rollout['statusReason']})")
    return " ".join(parts)


def rollout_row(rollout: Mapping[str, Any]) -> dict[str, str]:
    """As the history lists it."""
    took = rollout["durationSeconds"]
    return {
        "REVISION": number(rollout["revision"]),
        "FROM": number(rollout["fromRevision"]),
        "KIND": rollout["kind"],
        "STATUS": rollout["status"],
        "REASON": rollout["statusReason"] or "",
        "STARTED": f"{age(rollout['startedAt'])} ago",
        "TOOK": "" if took is None else length(timedelta(seconds=took)),
        "BY": rollout["startedBy"],
        "NOTE": rollout["note"],
    }


def group_row(found: Mapping[str, Any]) -> dict[str, str]:
    return {
        "REVISION": number(found["revision"]),
        "HEALTHY": str(found["replicaCounts"]["healthy"]),
        "STARTING": str(found["replicaCounts"]["starting"]),
        "WEIGHT": "" if found["weight"] is None else f"{found['weight']}%",
        "EXITS": str(found["exits"]),
        "REASON": found["exitReason"] or "",
        "MESSAGE": found["exitMessage"],
    }


def replica_row(replica: Mapping[str, Any]) -> dict[str, str]:
    return {
        "REPLICA": short(replica["id"]),
        "REVISION": number(replica["revision"]),
        "STATUS": replica["status"],
        "SINCE": f"{age(replica['statusSince'])} ago",
        "REASON": replica["statusReason"] or "",
        "ENDPOINTS": " ".join(each["url"] for each in replica["endpoints"]),
    }


def revision_row(revision: Mapping[str, Any]) -> dict[str, str]:
    folder = revision["modelFolder"]
    return {
        "REVISION": number(revision),
        "VARIANT": revision["runtimeVariant"].lower().replace("_", "-"),
        "FOLDER": folder["uri"] if folder else "",
        "DIGEST": revision["digest"][:12],
        "ADDED": f"{age(revision['createdAt'])} ago",
        "BY": revision["createdBy"],
        "NOTE": revision["note"],
    }


def event_line(event: Mapping[str, Any]) -> str:
    """`12:00:03 ReplicaExited revision 2, wanted false, …`: what it says of its own."""
    same = event.get("statusBefore") == event.get("statusAfter")
    silent = SILENT | ({"statusBefore", "statusAfter"} if same else set())
    told = {name: each for name, each in event.items() if name not in silent}
    said = [_said(name, each) for name, each in told.items() if each not in (None, "", [])]
    return f"{clock(event['at'])} {event['__typename']:<24}{', '.join(said)}".rstrip()


def _said(name: str, value: Any) -> str:
    match name:
        case "revisionNumber":
            return f"revision {value}"
        case "replicaId":
            return f"replica {short(value)}"
        case "statusBefore" | "replicasBefore":
            return f"from {value}"
        case "statusAfter" | "replicasAfter":
            return f"to {value}"
        case "reason" | "message" | "name":
            return " ".join(str(value).split())
        case "durationSeconds":
            return f"after {value:.1f} s"
        case "healthyReplicas":
            return f"{value} healthy"
        case "desiredReplicas":
            return f"{value} desired"
        case _:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            return f"{_words(name)} {shown}".replace("True", "yes").replace("False", "no")


def _words(name: str) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name)


def goal(deployment: Mapping[str, Any]) -> tuple[str, int, int, int | None]:
    """What a progress bar shows: the revision that is to serve, its healthy replicas, how many there
    are to be, and its share of the requests where there is one."""
    rollout = deployment["rollout"]
    revision = rollout["revision"] if rollout else deployment["activeRevision"]
    found = group(deployment, revision)
    count = int(found["replicaCounts"]["healthy"]) if found else 0
    wanted = int(rollout["desiredReplicas"]) if rollout else desired(deployment)
    share = rollout["weight"] if rollout else None
    return number(revision), count, wanted, share
