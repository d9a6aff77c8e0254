"""`docs/schema-changes.md`: the contract's history for people who read it."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from schema.contract.changes import Change
from schema.contract.comparing import ChangeKind, Criticality
from schema.contract.elements import above, tops
from schema.versions.index import order
from schema.versions.marks import NEXT
from schema.versions.releases import Release

MADE_BY = "modelyard schema changes --since 0.0.0 --markdown > docs/schema-changes.md"
_HEAD = f"""\
# What changed in the schema

Every change of the GraphQL API since its first release, the newest first. A request that says
`X-Api-Version: 0.1.0` is answered as 0.1.0 was; `schemaChanges` answers the same as this page, with a row
for each element, and `schemaElement` tells of one element by its coordinate.

This page is made from the code and from the schemas in `schema/releases/`:

```
{MADE_BY}
```
"""
_TITLES = {
    ChangeKind.REMOVED: "Removed",
    ChangeKind.DEPRECATED: "Deprecated",
    ChangeKind.CHANGED: "Changed",
    ChangeKind.ADDED: "Added",
}


def page(history: Sequence[Change], releases: Sequence[Release]) -> str:
    """Of a history, or of its later part; what the first release brought is only counted."""
    dates = {each.version: f"released on {each.released_at}" for each in releases}
    first = min((each.version for each in releases), key=order, default=NEXT)
    parts = [_HEAD]
    for version, rows in sorted(_by_version(history).items(), key=_newest_first):
        title = "To come" if version == NEXT else f"{version}, {dates.get(version, 'not released')}"
        parts.append(f"## {title}\n")
        parts += [_beginning(rows)] if version == first else list(_sections(rows))
    return "\n".join(parts)


def _newest_first(item: tuple[str, object]) -> tuple[int, ...]:
    return tuple(-part for part in order(item[0]))


def _by_version(history: Sequence[Change]) -> dict[str, list[Change]]:
    return {version: list(rows) for version, rows in groupby(history, lambda row: row.version)}


def _beginning(rows: Sequence[Change]) -> str:
    types = [each for each in rows if "." not in each.coordinate and each.coordinate[0] != "@"]
    return f"The first release: {len(types)} types, with {len(rows):,} elements in all.\n"


def _sections(rows: Sequence[Change]) -> Iterator[str]:
    for kind, title in _TITLES.items():
        found = [each for each in rows if each.kind is kind]
        if found:
            yield f"### {title}\n"
            lines = _presence(found) if kind in _OF_PRESENCE else map(_line, found)
            yield "\n".join(lines) + "\n"


_OF_PRESENCE = {ChangeKind.ADDED, ChangeKind.REMOVED}


def _presence(rows: Sequence[Change]) -> Iterator[str]:
    """What belongs to a listed type is counted there, and listed nowhere else."""
    told = {each.coordinate: each for each in rows}
    for coordinate in tops(told.keys()):
        own = sum(1 for each in told if above(each) == coordinate)
        noun = _belonging(told[coordinate]) + ("s" if own > 1 else "")
        yield _line(told[coordinate], f", with {own} {noun}" if own else "")


def _belonging(row: Change) -> str:
    if "." in row.coordinate or row.coordinate.startswith("@"):
        return "argument"
    return "value" if row.description.startswith("The enum ") else "field"


def _line(row: Change, more: str = "") -> str:
    risk = "" if row.criticality is Criticality.SAFE else f" ({row.criticality.value})"
    said = f"{row.description[0].lower()}{row.description[1:].removesuffix('.')}{more}"
    is_told = row.replacement is None or row.replacement in row.description
    use = "" if is_told else f" Use `{row.replacement}`."
    return f"- `{row.coordinate}`: {said}{risk}.{use}"
