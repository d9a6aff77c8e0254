"""`modelyard ls`, `describe`, `revisions`, `scale` and `rm`."""

from collections.abc import Iterator, Mapping
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
from infra.output import AsJson, say, say_json, say_table, tell

if TYPE_CHECKING:
    from infra.client.server import Server

Replicas = Annotated[int, typer.Argument(metavar="N", min=0, help="How many replicas.")]


def ls(
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """List the deployments."""
    from infra.client import documents
    from infra.commands import display

    asked = opened(server, key, project)
    wanted = {"status": {"ne": "STOPPED"}}
    found = list(pages(asked, documents.LIST, "modelDeployments", filter=wanted))
    if as_json:
        say_json(found)
    elif found:
        say_table([display.row(each) for each in found])
    else:
        tell("There are no deployments; `modelyard deploy` makes one.")


def describe(
    name: Name,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Show all of a deployment: why it stands where it stands, its replicas, its history."""
    from infra.client import documents
    from infra.commands import description

    asked = opened(server, key, project)
    own = deployment(asked, name)["id"]
    found = asked.ask(documents.DESCRIBE, id=own)["modelDeployment"]
    flat = {
        **found,
        **{each: found[each]["nodes"] for each in ("replicas", "revisions", "rollouts")},
    }
    if as_json:
        say_json(flat)
    else:
        description.print_out(flat)


def revisions(
    name: Name,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """List a deployment's revisions, newest first."""
    from infra.client import documents
    from infra.commands import display

    asked = opened(server, key, project)
    own = deployment(asked, name)["id"]
    found = list(pages(asked, documents.REVISIONS, "modelDeployment.revisions", id=own))
    if as_json:
        say_json(found)
    else:
        say_table([display.revision_row(each) for each in found])


def scale(
    name: Name,
    replicas: Replicas,
    wait: Wait = False,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Change how many replicas are desired."""
    from infra.client import documents
    from infra.commands import ends, outcome, waiting

    asked = opened(server, key, project)
    own = deployment(asked, name)["id"]
    done = asked.change(documents.SCALE, {"deploymentId": own, "desiredReplicas": replicas})
    document = {"changed": done["changed"], "deployment": done["deployment"]}
    if wait:
        waited = waiting.Wait(
            server=asked,
            name=name,
            deployment_id=own,
            ending=outcome.ready,
            goes_on=f"{name} goes on to {replicas} replicas.",
        )
        ends.conclude(waited.outcome(), name, document, as_json=as_json)
    elif as_json:
        say_json(document)
    else:
        say(
            f"{name} is to have {replicas} replicas." + " It was so before." * (not done["changed"])
        )


def rm(
    name: Name,
    wait: Wait = False,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Delete a deployment: its replicas end their requests, then stop."""
    from infra.client import documents
    from infra.commands import ends, outcome, waiting

    asked = opened(server, key, project)
    own = deployment(asked, name)["id"]
    done = asked.change(documents.DELETE, {"deploymentId": own})
    if wait:
        waited = waiting.Wait(
            server=asked,
            name=name,
            deployment_id=own,
            ending=outcome.gone,
            goes_on=f"{name} is deleted as soon as its replicas have stopped.",
        )
        ends.conclude(waited.outcome(), name, done, as_json=as_json, wanted=outcome.Outcome.DELETED)
    elif as_json:
        say_json(done)
    else:
        over = done["deployment"]["status"] == "STOPPED"
        say(f"{name} is {'gone' if over else 'stopping'}.")


def pages(
    server: "Server", document: str, place: str, after: str | None = None, **variables: Any
) -> Iterator[Mapping[str, Any]]:
    """The nodes of all pages; `place` is where in the answer the connection stands."""
    while True:
        connection: Any = server.ask(document, after=after, **variables)
        for step in place.split("."):
            connection = connection[step]
        yield from connection["nodes"]
        ends = connection["pageInfo"]
        if not ends["hasNextPage"]:
            return
        after = ends["endCursor"]
