"""A deployment in full, for people."""

from collections.abc import Mapping
from typing import Any

from infra.commands import display
from infra.commands.outcome import desired, healthy
from infra.output import say, say_table


def print_out(found: Mapping[str, Any]) -> None:
    """`found` has its replicas, revisions and rollouts as lists."""
    for name, value in facts(found).items():
        if value:
            say(f"{name + ':':<14}{value}")
    for title, rows in tables(found).items():
        if rows:
            say(f"\n{title}")
            say_table(rows)
    failing = next((g for g in concerned(found) if g["logTail"]), None)
    if failing is not None:
        say(f"\nLast lines of a failed replica of revision {display.number(failing['revision'])}")
        for line in failing["logTail"]:
            say(f"  {line}")


def facts(found: Mapping[str, Any]) -> dict[str, str]:
    active = found["activeRevision"]
    retry = found["nextRetryAt"]
    return {
        "Name": found["name"],
        "Id": found["id"],
        "Status": f"{display.status(found)} for {display.age(found['statusSince'])}",
        "Message": found["statusMessage"],
        "Next retry": display.clock(retry) if retry else "",
        "Revision": f"{active['number']} ({active['digest'][:12]})" if active else "none is active",
        "Replicas": f"{healthy(found)} of {desired(found)} healthy",
        "Strategy": display.strategy(found["strategy"]),
        "Rollout": display.rollout_line(found["rollout"]) if found["rollout"] else "",
        "Tags": " ".join(found["tags"]),
        "Created": f"{display.age(found['createdAt'])} ago by {found['createdBy']}",
    }


def tables(found: Mapping[str, Any]) -> dict[str, list[dict[str, str]]]:
    return {
        "Replica groups": [display.group_row(each) for each in concerned(found)],
        "Replicas": [display.replica_row(each) for each in found["replicas"]],
        "Rollouts": [display.rollout_row(each) for each in found["rollouts"]],
        "Revisions": [display.revision_row(each) for each in found["revisions"]],
    }


def concerned(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The groups with replicas, and those that are to have some; all where no revision is active."""
    live, active = found["rollout"], found["activeRevision"]
    wanted = {each["id"] for each in (active, live and live["revision"]) if each}
    groups = found["replicaGroups"]
    return [
        g
        for g in groups
        if not active or g["replicaCounts"]["present"] or g["revision"]["id"] in wanted
    ]
