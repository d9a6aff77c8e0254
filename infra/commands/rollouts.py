"""`modelyard rollout …` and `modelyard rollback`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.commands.options import (
    DEFAULT_SERVER,
    Key,
    Name,
    Project,
    ServerUrl,
    Wait,
    deployment,
    opened,
)
from infra.output import AsJson, say, say_json, say_table

if TYPE_CHECKING:
    from infra.client.server import Server

rollout = typer.Typer(help="A deployment's way to another revision.", no_args_is_help=True)

Note = Annotated[str | None, typer.Option(help="Why, for people.")]
To = Annotated[
    int | None, typer.Option("--to", min=1, help="The revision's number; default: the one before.")
]


@rollout.command()
def status(
    name: Name,
    wait: Wait = False,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Show the rollout that is live, else the last one."""
    from domain.errors import NoRollout
    from infra.client import documents
    from infra.commands import display
    from infra.commands.progress import awaited

    asked = opened(server, key, project)
    own = deployment(asked, name)["id"]
    found = asked.ask(documents.LAST_ROLLOUT, id=own)["modelDeployment"]
    last = next(iter(found.pop("rollouts")["nodes"]), None)
    if last is None:
        raise NoRollout(problem=f"{name} never had a rollout.")
    if wait:
        _await(asked, found, last, as_json=as_json)
    elif as_json:
        say_json(last)
    else:
        say_table([display.rollout_row(last)])
        if last["finishedAt"] is None:
            say(f"{name}: revision {display.rollout_line(last)}")
        if last["statusMessage"]:
            say(last["statusMessage"])
        if waits_for := awaited(found):
            say(waits_for)


@rollout.command()
def history(
    name: Name,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """List all rollouts, newest first."""
    from infra.client import documents
    from infra.commands import display
    from infra.commands.deployments import pages

    asked = opened(server, key, project)
    own = deployment(asked, name)["id"]
    found = list(pages(asked, documents.ROLLOUTS, "modelDeployment.rollouts", id=own))
    if as_json:
        say_json(found)
    else:
        say_table([display.rollout_row(each) for each in found])


@rollout.command()
def pause(
    name: Name,
    note: Note = None,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Keep everything as it is until it is resumed."""
    _decide("PAUSE", "paused", name, note, opened(server, key, project), as_json=as_json)


@rollout.command()
def resume(
    name: Name,
    note: Note = None,
    wait: Wait = False,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Go on; of a canary that waits at a step: to the next one."""
    asked = opened(server, key, project)
    _decide("RESUME", "going on", name, note, asked, as_json=as_json, wait=wait)


@rollout.command()
def abort(
    name: Name,
    note: Note = None,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """End it and go back to the revision that is active."""
    _decide("ABORT", "aborted", name, note, opened(server, key, project), as_json=as_json)


@rollout.command()
def promote(
    name: Name,
    note: Note = None,
    wait: Wait = False,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Let the new revision take over: of blue-green now, of a canary without its other steps."""
    asked = opened(server, key, project)
    _decide("PROMOTE", "promoted", name, note, asked, as_json=as_json, wait=wait)


def rollback(
    name: Name,
    to: To = None,
    note: Note = None,
    wait: Wait = False,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Go back to a revision that was there before."""
    from infra.client import documents

    asked = opened(server, key, project)
    own = deployment(asked, name)["id"]
    said: dict[str, Any] = {"deploymentId": own}
    if to is not None:
        said["toRevisionId"] = _revision(asked, own, to)
    if note:
        said["note"] = note
    done = asked.change(documents.ROLL_BACK, said)
    live = done["rollout"]
    if wait:
        _await(asked, done["deployment"], live, as_json=as_json)
    elif as_json:
        say_json(done)
    elif live is None:
        say(f"{name} runs that revision already.")
    else:
        say(f"{name} goes back to revision {live['revision']['number']}.")


def _decide(
    document: str,
    done: str,
    name: str,
    note: str | None,
    server: "Server",
    *,
    as_json: bool,
    wait: bool = False,
) -> None:
    """`document` names one of the rollout mutations."""
    from infra.client import documents

    own = deployment(server, name)["id"]
    said = {"deploymentId": own, **({"note": note} if note else {})}
    payload = server.change(getattr(documents, document), said)
    if wait:
        _await(server, payload["deployment"], payload["rollout"], as_json=as_json)
    elif as_json:
        say_json(payload)
    else:
        number = payload["rollout"]["revision"]["number"]
        say(f"{name}: the rollout of revision {number} is {done}.")


def _await(server: "Server", found: dict[str, Any], live: Any, *, as_json: bool) -> None:
    """Wait for the rollout, or without one for the deployment itself."""
    from infra.commands import ends, waiting

    ended = waiting.of_rollout(server, found, live).outcome()
    what = found["name"]
    if live is not None:
        what = f"revision {live['revision']['number']} to {what}"
    ends.conclude(ended, what, {"deployment": found, "rollout": live}, as_json=as_json)


def _revision(server: "Server", deployment_id: str, number: int) -> str:
    from domain.errors import NotFound
    from infra.client import documents

    wanted = {"number": {"eq": number}}
    found = server.ask(documents.REVISION, id=deployment_id, filter=wanted)["modelDeployment"]
    nodes = found["revisions"]["nodes"]
    if not nodes:
        raise NotFound(kind="revision", id=str(number))
    return str(nodes[0]["id"])
