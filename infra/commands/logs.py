"""`modelyard logs`."""

import sys
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.commands.options import (
    DEFAULT_SERVER,
    Key,
    Name,
    Project,
    ServerUrl,
    deployment,
    opened,
)
from infra.output import AsJson, say, say_json, tell

if TYPE_CHECKING:
    from infra.client.server import Server

MOST = 1_000  # as the API has it

Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on as they come, until Ctrl-C.")]
Replica = Annotated[
    str | None, typer.Option(help="One replica's alone: its id, or the end of it as shown.")
]
Lines = Annotated[
    int, typer.Option("--tail", min=0, max=MOST, help="How many of its last lines a replica shows.")
]


def logs(
    name: Name,
    follow: Follow = False,
    replica: Replica = None,
    tail: Lines = 100,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Show what a deployment's replicas write; with -f also those that start later.

    With --json each line is a document on a line of its own when they are followed.
    """
    from infra.client import documents

    asked = opened(server, key, project)
    own = deployment(asked, name)["id"]
    lines = 0 if follow else tail
    answer = asked.ask(documents.REPLICAS, id=own, tail=lines)
    found = answer["modelDeployment"]["replicas"]["nodes"]
    if replica is not None:
        found = [_named(asked, found, replica, lines)]
    if follow:
        whole = None if replica else own
        _follow(asked, whole, answer["eventCursor"], found, tail, as_json=as_json)
    elif as_json:
        say_json([_document(each) for each in found])
    elif found:
        for each in found:
            for line in each["logs"]:
                _say_line(each["id"], line, alone=len(found) == 1, as_json=False)
    else:
        tell(f"{name} has no replicas; `modelyard describe {name}` shows why the last one ended.")


def _named(
    server: "Server", present: list[dict[str, Any]], wanted: str, lines: int
) -> dict[str, Any]:
    """The replica of that id, or the one whose id ends so; raises NotFound."""
    from domain.errors import InvalidValue, NotFound
    from infra.client import documents

    fitting = [each for each in present if each["id"].endswith(wanted)]
    if len(fitting) > 1:
        raise InvalidValue(problem=f"Several replicas' ids end in {wanted!r}: write more of one.")
    if fitting:
        return fitting[0]
    found = server.ask(documents.REPLICA, id=wanted, tail=lines)["modelReplica"]
    if found is None:
        raise NotFound(kind="replica", id=wanted)
    return dict(found)


def _follow(
    server: "Server",
    deployment_id: str | None,
    cursor: str,
    found: list[dict[str, Any]],
    tail: int,
    *,
    as_json: bool,
) -> None:
    from infra.client.following import Line
    from infra.client.logs import Log, Logs

    logs = Logs(
        line=Line(server=server, tell=tell),
        deployment_id=deployment_id,
        cursor=cursor,
        logs={each["id"]: Log(first=tail) for each in found},
    )
    with closing(logs.follow()) as lines:
        for from_, line in lines:
            _say_line(from_, line, alone=deployment_id is None, as_json=as_json)
            sys.stdout.flush()


def _document(replica: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "replica": replica["id"],
        "revision": replica["revision"]["number"],
        "status": replica["status"],
        "lines": replica["logs"],
    }


def _say_line(replica_id: str, line: str, *, alone: bool, as_json: bool) -> None:
    """Behind the end of its replica's id, but where there is only one."""
    from infra.commands.display import short

    if as_json:
        import orjson

        say(orjson.dumps({"replica": replica_id, "line": line}).decode())
    else:
        say(line if alone else f"{short(replica_id)} | {line}")
