"""What commands have in common: their options, and how they speak."""

import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

DataDir = Annotated[
    Path | None, typer.Option(help="Where the server keeps its own files [.modelyard].")
]
Config = Annotated[
    Path | None, typer.Option(help="The settings file [modelyard.toml in the working folder].")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


def say_json(value: Any) -> None:
    import orjson

    say(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def say_table(rows: list[dict[str, str]]) -> None:
    """Columns as wide as the terminal lets them be; whole lines where nobody watches."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in rows[0] if rows else ():
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row.values())
    wide = None if sys.stdout.isatty() else 400
    Console(width=wide, highlight=False, markup=False).print(table)


def tell(text: str) -> None:
    """How it goes: not what was asked for, which goes to the standard output."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def fail(problem: str) -> NoReturn:
    sys.stderr.write(f"modelyard: {' '.join(problem.split())}\n")
    sys.exit(1)
