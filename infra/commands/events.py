"""`modelyard events`: the log, or one deployment's part of it; without a verb it is shown."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from infra.commands.options import (
    DEFAULT_SERVER,
    Key,
    Project,
    ServerUrl,
    complete_name,
    deployment,
    opened,
)
from infra.output import AsJson, say, tell

if TYPE_CHECKING:
    from infra.client.server import Server

SHOW = "show"

Shown = Annotated[
    str | None,
    typer.Argument(help="A deployment's name; default: every event.", autocompletion=complete_name),
]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on as they come, until Ctrl-C.")]
After = Annotated[
    str | None,
    typer.Option(help="A cursor: the events behind it. Default: all, with -f those to come."),
]


class ShownByDefault(TyperGroup):
    """`modelyard events chat` is `modelyard events show chat`, as long as chat is no verb."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args[:1] != ["--help"] and (not args or args[0] not in self.commands):
            args = [SHOW, *args]
        return super().parse_args(ctx, args)


events = typer.Typer(cls=ShownByDefault, help="The event log.")


@events.command(SHOW)
def show(
    name: Shown = None,
    follow: Follow = False,
    after: After = None,
    server: ServerUrl = DEFAULT_SERVER,
    key: Key = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Show events, oldest first: all there are, or with -f those to come. (The default verb.)

    With --json each is a document on a line of its own when they are followed, else all are one list.
    """
    asked = opened(server, key, project)
    own = deployment(asked, name)["id"] if name else None
    if follow:
        with closing(_followed(asked, own, after)) as found:
            for event in found:
                _line(event, as_json=as_json)
    elif as_json:
        from infra.output import say_json

        say_json(list(_read(asked, own, after)))
    else:
        for event in _read(asked, own, after):
            _line(event, as_json=False)


def _read(server: "Server", id: str | None, after: str | None) -> Iterator[Mapping[str, Any]]:
    """Up to the log's present end: what is written meanwhile is not waited for."""
    from infra.client import documents
    from infra.commands.deployments import pages

    wanted = {"subjectId": id} if id else None
    yield from pages(server, documents.EVENTS, "events", after, filter=wanted)


def _followed(
    server: "Server", id: str | None, after: str | None
) -> Generator[Mapping[str, Any], None, None]:
    from infra.client import documents
    from infra.client.following import Line

    start = after or server.ask(documents.CURSOR)["eventCursor"]
    line = Line(server=server, tell=tell)
    if id is None:
        found = line.events(documents.FOLLOW, {}, start)
    else:
        found = line.events(documents.FOLLOW_DEPLOYMENT, {"deploymentId": id}, start)
    with closing(found):
        yield from found


def _line(event: Mapping[str, Any], *, as_json: bool) -> None:
    """Written at once, whatever the standard output is."""
    import sys

    from infra.commands import display

    if as_json:
        import orjson

        say(orjson.dumps(event).decode())
    else:
        say(display.event_line(event))
    sys.stdout.flush()
