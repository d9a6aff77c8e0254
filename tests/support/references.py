"""A small schema in two releases and one to come, as the pages are told of it, and small built files.

In 0.1.0 a Shelf has books; 0.2.0 adds `Shelf.width` and deprecates `Shelf.books`, for `Shelf.volumes`.
"""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from infra.http.pages.reference import (
    Argument,
    Change,
    Described,
    Kind,
    Lifetime,
    Member,
    Reference,
    Served,
)

FIRST = Lifetime(added="0.1.0")
SECOND = Lifetime(added="0.2.0")
GONE = Lifetime(
    added="0.1.0", deprecated="0.2.0", reason="Since 0.2.0. Use Shelf.volumes.", removal="0.4.0"
)
SCRIPT = b"alert('a page');" * 100
HOSTILE = "<script>alert('read')</script> & `code <b>`"


@dataclass
class ToyReferences:
    listed: Sequence[Served] = (
        Served(version="NEXT"),
        Served(version="0.2.0", released_at=date(2026, 2, 2)),
        Served(version="0.1.0", released_at=date(2026, 1, 1), supported_until=date(2027, 1, 1)),
    )
    asked: list[str] = field(default_factory=list)

    def served(self) -> Sequence[Served]:
        return self.listed

    def reference(self, version: str) -> Reference:
        self.asked.append(version)
        is_first = version == "0.1.0"
        return Reference(
            version=version,
            roots={"query": "Query"},
            types={each.name: each for each in (a_query(), a_shelf(is_first=is_first), a_color())},
            directives={"late": a_directive()},
        )

    def sdl(self, version: str) -> str:
        return f"# as of {version}\ntype Shelf\n"

    def changes(self, version: str) -> Sequence[Change]:
        said = {"version": version, "criticality": "SAFE", "description": ""}
        if version == "0.1.0":
            names = ("Query", "Query.shelf", "Query.shelf(id:)", "Shelf", "Shelf.books")
            return [Change(coordinate=each, kind="ADDED", **said) for each in names]
        if version == "0.2.0":
            gone = {**said, "description": "No shelf counts books."}
            return [
                Change(coordinate="Shelf.width", kind="ADDED", **said),
                Change(
                    coordinate="Shelf.books", kind="DEPRECATED", replacement="Shelf.volumes", **gone
                ),
                Change(coordinate="Box", kind="REMOVED", **{**said, "criticality": "BREAKING"}),
            ]
        return ()


def a_query() -> Described:
    taken = Argument(
        name="id", type="ID!", default=None, description="Of the shelf.", lifetime=FIRST
    )
    shelf = Member(
        name="shelf",
        type="Shelf",
        default=None,
        description="A shelf by its id.",
        lifetime=FIRST,
        arguments=[taken],
    )
    return Described(
        name="Query", kind=Kind.OBJECT, description="", lifetime=FIRST, members=[shelf]
    )


def a_shelf(*, is_first: bool) -> Described:
    books = Member(
        name="books",
        type="[String!]!",
        default=None,
        description=HOSTILE,
        lifetime=FIRST if is_first else GONE,
    )
    width = Member(name="width", type="Int", default=None, description="", lifetime=SECOND)
    return Described(
        name="Shelf",
        kind=Kind.OBJECT,
        description="Where books stand.",
        lifetime=FIRST,
        members=[books] if is_first else [books, width],
        used=["Query.shelf"],
    )


def a_color() -> Described:
    late = Lifetime(added="0.2.0", before="RED")
    values = [
        Member(name="RED", type=None, default=None, description="", lifetime=FIRST),
        Member(name="ROSE", type=None, default=None, description="", lifetime=late),
    ]
    return Described(name="Color", kind=Kind.ENUM, description="", lifetime=FIRST, members=values)


def a_directive() -> Described:
    taken = Argument(name="by", type="Int!", default="3", description="", lifetime=SECOND)
    return Described(
        name="late",
        kind=Kind.DIRECTIVE,
        description="",
        lifetime=FIRST,
        arguments=[taken],
        locations=["FIELD"],
    )


def write_built(folder: Path) -> None:
    """As `make pages` does, with `SCRIPT` for GraphiQL."""
    (folder / "graphiql-ABC.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "graphiql-DEF.css.gz").write_bytes(gzip.compress(b"p {}"))
    (folder / "licences.txt").write_text("MIT")
    begins = {"script": "graphiql-ABC.js", "style": "graphiql-DEF.css"}
    (folder / "manifest.json").write_text(json.dumps({"graphiql": begins}))
