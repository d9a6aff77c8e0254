"""`modelyard schema release`: all that a release writes is made and judged first, then put in place.

It is made in a copy, so that whatever is refused leaves the checkout as it was. What is put in place comes
in an order in which each piece may be the last: a file is there as a whole or not, what is there already is
made the same again, and the row in `releases.toml`, which is the last, makes it a release.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import TypeAlias

import orjson
from graphql import GraphQLError, build_schema

from infra.commands.contract import of_snapshot
from infra.output import fail, say
from schema.contract.changelog import has_release, with_release
from schema.contract.changes import history
from schema.contract.gate import violations
from schema.contract.page import page
from schema.contract.past import Past, pasts, stored
from schema.contract.rewriting import numbered
from schema.contract.terms import Code, Contract
from schema.contract.written import as_of_release, written
from schema.versions.index import order
from schema.versions.marks import NEXT, VERSION
from schema.versions.releases import Release, releases

PACKAGES = ("schema", "resolvers", "domain", "infra")
DECLARING = ("schema", "resolvers")
SDL = Path("schema.graphql")
CHANGELOG = Path("CHANGELOG.md")
NOTES = Path("changes")
PAGE = Path("docs/schema-changes.md")
STORED = Path("schema/releases")
TABLE = STORED / "releases.toml"


@dataclass(frozen=True, slots=True)
class Write:
    """A file as it will be; None: gone."""

    path: Path
    text: str | None


Asked: TypeAlias = Callable[[Path, Sequence[Write]], Code]
"""What a checkout's code says of itself, once it has those sources."""


def checkout(tree: Path) -> Path:
    """The folder, if it is one; else ends the command."""
    if not all((tree / each).exists() for each in ("pyproject.toml", SDL, TABLE, PAGE)):
        fail(f"{tree} is no checkout of Modelyard's sources: a release is made in one.")
    return tree


def release(version: str, tree: Path, today: date, asked: Asked) -> None:
    """Writes nothing where it is one already, or may not be made."""
    known = [each.version for each in releases()]
    if version in known:
        say(f"{version} is released already.")
        return
    if not VERSION.fullmatch(version):
        fail(f"{version} is no version: write three numbers, such as 0.3.0.")
    if known and order(version) < order(known[-1]):
        fail(f"{version} is older than {known[-1]}, the last release.")
    writes = planned(tree, version, today, asked)
    for each in writes:
        put(tree, each)
    say(f"{version} is released: {len(writes)} files. Look at them, then commit them.")


def planned(tree: Path, version: str, today: date, asked: Asked) -> Sequence[Write]:
    """All that the release writes, in order; ends the command where it may not be made."""
    sources = [*_sources(tree, version)]
    code = asked(tree, sources)
    past = pasts(stored())
    _judge(tree, version, code, past)
    table = [*releases(), Release(version=version, released_at=today)]
    steps = [*((each.version, each.schema) for each in past), (version, build_schema(code.printed))]
    return [
        *sources,
        Write(STORED / f"{version}.graphql", code.printed),
        Write(SDL, code.printed),
        *_told(tree, version, today),
        Write(PAGE, page(history(steps), table)),
        Write(TABLE, _with_row(_read(tree / TABLE), version, today)),
    ]


def put(tree: Path, write: Write) -> None:
    """As a whole or not at all, also when killed."""
    target = tree / write.path
    if write.text is None:
        target.unlink(missing_ok=True)
        return
    coming = target.with_name(f".{target.name}.coming")
    coming.write_text(write.text, "utf-8")
    os.replace(coming, target)


def _sources(tree: Path, version: str) -> Iterator[Write]:
    for package in DECLARING:
        for file in sorted((tree / package).rglob("*.py")):
            source = _read(file)
            text = numbered(source, version)
            if text != source:
                yield Write(file.relative_to(tree), _formatted(text, file))


def _formatted(text: str, file: Path) -> str:
    """By ruff, where it is installed: a shorter declaration may take fewer lines."""
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(file), "-"]
    done = subprocess.run(  # noqa: S603 - our own interpreter
        command, input=text, capture_output=True, text=True, check=False, cwd=file.parent
    )
    return done.stdout if done.returncode == 0 else text


def snapshot_with(tree: Path, sources: Sequence[Write]) -> Code:
    """What the code will say of itself, asked of a copy that has the sources already."""
    with TemporaryDirectory(prefix="modelyard-release-") as folder:
        copy = Path(folder)
        for package in PACKAGES:
            copytree(tree / package, copy / package)
        for each in sources:
            put(copy, each)
        done = subprocess.run(
            [sys.executable, "-m", "infra.cli", "schema", "snapshot"],
            cwd=copy,
            capture_output=True,
            check=False,
        )
    if done.returncode != 0:
        fail(f"With the version the code can't be used: {done.stderr.decode()[-2_000:]}")
    return of_snapshot(orjson.loads(done.stdout))


def _judge(tree: Path, version: str, code: Code, past: tuple[Past, ...]) -> None:
    left = [
        name for name, each in code.declarations.items() if NEXT in (each.added, each.deprecated)
    ]
    if left:
        fail(
            f"Nothing in the sources says added=versions.NEXT of {', '.join(left[:5])}: write it so."
        )
    committed = as_of_release(_read(tree / SDL), version)
    if _is_same(committed, code.printed):
        committed = code.printed  # but for how lines are broken
    contract = Contract.of(code, committed=committed, releases=past, coming=version)
    found = violations(contract)
    for each in found:
        say(str(each))
    if found:
        fail(f"Nothing is released: violations of the schema's contract: {len(found)}.")
    if past and written(past[-1].sdl) == written(code.printed):
        fail(f"Nothing is new since {past[-1].version}.")


def _is_same(one: str, other: str) -> bool:
    try:
        return written(one) == written(other)
    except GraphQLError:
        return False


def _told(tree: Path, version: str, today: date) -> Iterator[Write]:
    files = sorted((tree / NOTES).glob("*.md"))
    changelog = _read(tree / CHANGELOG) if (tree / CHANGELOG).exists() else ""
    if not files and not has_release(changelog, version):
        fail(f"{NOTES}/ tells nothing of {version}: write what it brings into {NOTES}/NAME.md.")
    yield Write(CHANGELOG, with_release(changelog, version, today, [*map(_read, files)]))
    yield from (Write(each.relative_to(tree), None) for each in files)


def _with_row(table: str, version: str, today: date) -> str:
    return f'{table.rstrip()}\n\n[[release]]\nversion = "{version}"\nreleased_at = {today}\n'


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError as error:
        fail(f"{file} can't be read: {error.strerror}")
