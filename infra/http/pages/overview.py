"""The page that one comes in by: operations, types, and what a search finds."""

from collections.abc import Iterator

from infra.http.pages.frame import Frame, badges
from infra.http.pages.html import Html, tag
from infra.http.pages.links import to
from infra.http.pages.reference import Described, Kind, Lifetime, Reference
from infra.http.pages.shell import Page

HEADINGS = {
    Kind.OBJECT: "Types",
    Kind.INTERFACE: "Interfaces",
    Kind.UNION: "Unions",
    Kind.INPUT: "Inputs",
    Kind.ENUM: "Enums",
    Kind.SCALAR: "Scalars",
    Kind.DIRECTIVE: "Directives",
}
OPERATIONS = {"query": "Queries", "mutation": "Mutations", "subscription": "Subscriptions"}
MOST = 200


def overview(frame: Frame, reference: Reference) -> Page:
    return frame.around(
        "Schema",
        tag("h1", f"Modelyard's schema as of {reference.version}"),
        [_operations(heading, root, reference) for root, heading in OPERATIONS.items()],
        [_types(kind, heading, reference) for kind, heading in HEADINGS.items()],
    )


def results(frame: Frame, reference: Reference, search: str) -> Page:
    found = sorted(_found(reference, search.casefold()), key=lambda each: each[0])
    rows = [_row(where, said, life, reference) for _, where, said, life in found[:MOST]]
    more = f" The first {MOST} are shown." if len(found) > MOST else ""
    return frame.around(
        f"{search} · Search",
        tag("h1", f"“{search}” in {reference.version}"),
        tag("p", f"{len(found)} found, names first.{more}"),
        tag("table", tag("tbody", rows), class_="list") if rows else None,
    )


def _operations(heading: str, root: str, reference: Reference) -> Html | None:
    described = reference.types.get(reference.roots.get(root, ""))
    if described is None:
        return None
    rows = [
        _row(f"{described.name}.{each.name}", each.description, each.lifetime, reference, each.name)
        for each in described.members
    ]
    return _section(heading, rows)


def _types(kind: Kind, heading: str, reference: Reference) -> Html | None:
    found = [each for each in _all(reference) if each.kind is kind]
    shown = [each for each in found if each.name not in reference.roots.values()]
    if not shown:
        return None
    rows = [_row(_coordinate(each), each.description, each.lifetime, reference) for each in shown]
    return _section(heading, rows)


def _section(heading: str, rows: list[Html]) -> Html:
    return tag(
        "details",
        tag("summary", tag("h2", heading), tag("span", str(len(rows)), class_="count")),
        tag("table", tag("tbody", rows), class_="list"),
        open=True,
    )


def _row(
    coordinate: str, said: str, life: Lifetime, reference: Reference, text: str | None = None
) -> Html:
    first = said.split("\n\n", maxsplit=1)[0]
    gone = "gone" if life.deprecated else None
    return tag(
        "tr",
        tag(
            "th",
            to(coordinate, reference.version, text),
            scope="row",
            class_=gone,
        ),
        tag("td", first),
        tag("td", badges(life), class_="badges"),
    )


def _found(
    reference: Reference, wanted: str
) -> Iterator[tuple[tuple[int, str], str, str, Lifetime]]:
    """(rank, coordinate, description, lifetime); a name that begins so ranks before one that has it."""
    for coordinate, name, said, life in _elements(reference):
        rank = _rank(wanted, name.casefold(), coordinate.casefold(), said.casefold())
        if rank is not None:
            yield (rank, coordinate), coordinate, said, life


def _rank(wanted: str, name: str, coordinate: str, said: str) -> int | None:
    if name == wanted or coordinate == wanted:
        return 0
    if name.startswith(wanted):
        return 1
    if wanted in name or ("." in wanted and wanted in coordinate):
        return 2
    return 3 if wanted in said else None


def _elements(reference: Reference) -> Iterator[tuple[str, str, str, Lifetime]]:
    """(coordinate, name, description, lifetime)"""
    for described in _all(reference):
        coordinate = _coordinate(described)
        yield coordinate, described.name, described.description, described.lifetime
        for taken in described.arguments:
            yield f"{coordinate}({taken.name}:)", taken.name, taken.description, taken.lifetime
        for member in described.members:
            within = f"{described.name}.{member.name}"
            yield within, member.name, member.description, member.lifetime
            for taken in member.arguments:
                yield f"{within}({taken.name}:)", taken.name, taken.description, taken.lifetime


def _all(reference: Reference) -> Iterator[Described]:
    yield from reference.types.values()
    yield from reference.directives.values()


def _coordinate(described: Described) -> str:
    return f"@{described.name}" if described.kind is Kind.DIRECTIVE else described.name
