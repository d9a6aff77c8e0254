"""What the commands that talk to a server have in common: their options, and completion."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.client import variables

if TYPE_CHECKING:
    from infra.client.server import Server

DEFAULT_SERVER = "http://127.0.0.1:8400"
COMPLETION_SECONDS = 1.0  # a shell waits for it
UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

ServerUrl = Annotated[
    str, typer.Option("--server", envvar=variables.SERVER, help="The server's address.")
]
Key = Annotated[
    str | None,
    typer.Option("--key", envvar=variables.API_KEY, show_envvar=True, help="An API key."),
]
Project = Annotated[
    str | None,
    typer.Option("--project", envvar=variables.PROJECT, help="The project; default: the key's."),
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until it is done, and show how it goes.")]


def opened(server: str, key: str | None, project: str | None) -> "Server":
    from infra.client.server import Server

    return Server(url=server, key=key or None, project=project or None)


def complete_name(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of the server's deployments; none where it can't be asked."""
    from dataclasses import replace

    from domain.errors import ModelyardError
    from infra.client import documents

    said = ctx.params
    try:
        server = opened(said.get("server") or DEFAULT_SERVER, said.get("key"), said.get("project"))
        wanted = {"name": {"startsWith": incomplete}, "status": {"ne": "STOPPED"}}
        quick = replace(server, seconds=COMPLETION_SECONDS)
        found = quick.ask(documents.NAMES, filter=wanted)["modelDeployments"]["nodes"]
    except ModelyardError:
        return []
    return [each["name"] for each in found]


def complete_job(ctx: typer.Context, incomplete: str) -> list[str]:
    """The ids of the server's newest jobs; none where it can't be asked."""
    from dataclasses import replace

    from domain.errors import ModelyardError
    from infra.client import batch_documents as documents

    said = ctx.params
    try:
        server = opened(said.get("server") or DEFAULT_SERVER, said.get("key"), said.get("project"))
        found = replace(server, seconds=COMPLETION_SECONDS).ask(documents.IDS)["batchJobs"]["nodes"]
    except ModelyardError:
        return []
    return [each["openaiId"] for each in found if each["openaiId"].startswith(incomplete)]


Name = Annotated[str, typer.Argument(help="A deployment's name.", autocompletion=complete_name)]


def seconds(text: str) -> float:
    """`90`, `90s`, `10m`, `1.5h` or `2d`."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in UNITS else (text, "s")
    if not number.replace(".", "", 1).isdecimal():
        raise typer.BadParameter(f"{text!r} is no length of time: write 90s, 10m or 1h.")
    return float(number) * UNITS[unit]


def pairs(written: list[str] | None, option: str) -> dict[str, str]:
    """`["A=1", "B="]` as a mapping."""
    found: dict[str, str] = {}
    for each in written or []:
        name, separator, value = each.partition("=")
        if not separator or not name:
            raise typer.BadParameter(f"{each!r} is not NAME=VALUE.", param_hint=option)
        found[name] = value
    return found


def template_choice(written: str | None) -> dict[str, Any] | None:
    """`NAME` or `NAME:VERSION`."""
    if written is None:
        return None
    name, _, version = written.partition(":")
    if version and not version.isdecimal():
        raise typer.BadParameter(f"{written!r} is not NAME:VERSION.", param_hint="--template")
    return {"name": name, **({"version": int(version)} if version else {})}


def deployment(server: "Server", name: str) -> dict[str, Any]:
    """The deployment of that name that is not gone; raises NotFound."""
    from domain.errors import NotFound

    found = seek(server, name)
    if found is None:
        raise NotFound(kind="deployment", id=name)
    return found


def seek(server: "Server", name: str) -> dict[str, Any] | None:
    from infra.client import documents

    wanted = {"name": {"eq": name}, "status": {"ne": "STOPPED"}}
    nodes = server.ask(documents.FIND, filter=wanted)["modelDeployments"]["nodes"]
    return nodes[0] if nodes else None
