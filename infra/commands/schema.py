"""`modelyard schema`: print the GraphQL schema, compare it, judge it, and release it."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.output import AsJson, fail, say, say_json, say_table, tell

if TYPE_CHECKING:
    from graphql import GraphQLSchema

    from schema.contract.changes import Change

schema = typer.Typer(help="The GraphQL schema.", no_args_is_help=True)
CODE = "code"
File = Annotated[Path, typer.Option("--file", help="The committed schema.")]


@schema.command("print")
def print_out(
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="VERSION", help="As that version sees it.")
    ] = None,
) -> None:
    """Print the schema as SDL, with the version of every element."""
    from resolvers import root
    from schema import versions

    try:
        sys.stdout.write(root.print_schema(_served(as_of)))
    except versions.Unviewable as error:
        fail(str(error))


@schema.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="A release, a file, or code.")],
    after: Annotated[str, typer.Argument(metavar="B", help="A release, a file, or code.")] = CODE,
    as_json: AsJson = False,
    fail_on_breaking: Annotated[
        bool, typer.Option("--fail-on-breaking", help="End with 1 where something breaks.")
    ] = False,
) -> None:
    """Show what changed from A to B, whom it may break, and what to use instead."""
    from schema.contract import changes
    from schema.contract.comparing import Criticality

    found = changes.changes(_read(before), _read(after), after)
    _show(found, as_json=as_json)
    if fail_on_breaking and any(each.criticality is Criticality.BREAKING for each in found):
        raise typer.Exit(1)


@schema.command()
def check(
    file: Annotated[Path, typer.Argument(help="The committed schema.")] = Path("schema.graphql"),
) -> None:
    """Judge the code's schema: by the committed file, and by every release."""
    from infra.commands import contract
    from schema.contract.gate import violations

    found = violations(contract.judged(contract.committed(file)))
    for each in found:
        say(str(each))
    if found:
        fail(f"Violations of the schema's contract: {len(found)}.")
    say(f"{file} is what the code prints, and keeps what the releases promised.")


@schema.command("changes")
def history(
    since: Annotated[
        str, typer.Option(metavar="VERSION", help="After that release; 0.0.0 shows all.")
    ],
    until: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Up to and with it [all].")
    ] = None,
    as_json: AsJson = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the page docs/schema-changes.md.")
    ] = False,
) -> None:
    """Show every change by release, of each element."""
    from resolvers import root
    from schema import versions
    from schema.contract import changes, page
    from schema.versions.releases import releases

    for each in (since, until):
        _known(each)
    found = changes.between(root.build_schema().history, since, until or versions.NEXT)
    if markdown:
        sys.stdout.write(page.page(found, releases()))
    else:
        _show(found, as_json=as_json)


@schema.command()
def release(
    version: Annotated[str, typer.Argument(help="The number of what is NEXT, e.g. 0.3.0.")],
) -> None:
    """Make what is NEXT a release, in a checkout of the sources. Run again, it goes on where it was."""
    from infra.commands import releasing

    tree = releasing.checkout(Path(__file__).parents[2])
    releasing.release(version, tree, datetime.now(UTC).date(), releasing.snapshot_with)


@schema.command(hidden=True)
def snapshot() -> None:
    """Print as JSON what the code says of itself, for `release`."""
    from infra.commands import contract

    say_json(contract.snapshot())


def _show(found: "Sequence[Change]", *, as_json: bool) -> None:
    rows = [
        {
            "coordinate": each.coordinate,
            "kind": each.kind.name,
            "version": each.version,
            "criticality": each.criticality.name,
            "description": each.description,
            "replacement": each.replacement,
        }
        for each in found
    ]
    if as_json:
        say_json(rows)
    elif rows:
        say_table([{name: value or "" for name, value in row.items()} for row in rows])
    else:
        tell("Nothing changed.")


def _read(said: str) -> "GraphQLSchema":
    from graphql import GraphQLError, build_schema

    from resolvers import root
    from schema import versions

    if said in (CODE, versions.NEXT):
        return build_schema(root.print_schema())
    try:
        text = _released(said) or Path(said).read_text("utf-8")
        return build_schema(text)
    except OSError as error:
        fail(f"{said} is no release, and as a file it can't be read: {error.strerror}")
    except (GraphQLError, TypeError, UnicodeDecodeError) as error:
        fail(f"{said} is no schema: {error}")


def _released(said: str) -> str | None:
    from schema.versions.releases import releases, sdl

    return sdl(said) if said in {each.version for each in releases()} else None


def _served(said: str | None) -> str | None:
    """A version that there is a view of."""
    _known(said, zero=False)
    return said


def _known(said: str | None, *, zero: bool = True) -> None:
    from schema import versions
    from schema.contract.changes import EVERYTHING
    from schema.versions.releases import releases

    there = [each.version for each in releases()] + [versions.NEXT]
    if said is not None and said not in there and not (zero and said == EVERYTHING):
        fail(f"There is no version {said}; there are {', '.join(there)}.")
