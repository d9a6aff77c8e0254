"""The page of what each version changed."""

from collections import Counter
from collections.abc import Mapping, Sequence

from infra.http.pages.frame import Frame
from infra.http.pages.html import Content, Html, tag
from infra.http.pages.links import known
from infra.http.pages.reference import Change, Reference, Served
from infra.http.pages.shell import Page

KINDS = {"REMOVED": "Removed", "CHANGED": "Changed", "DEPRECATED": "Deprecated", "ADDED": "Added"}
"""In the order of what a client has to look at first."""


def history(frame: Frame, reference: Reference, changes: Mapping[str, Sequence[Change]]) -> Page:
    """`changes` by version, the newest first."""
    served = {each.version: each for each in frame.served}
    return frame.around(
        "Changes",
        tag("h1", f"What changed, up to {reference.version}"),
        [
            _version(version, served.get(version), rows, reference)
            for version, rows in changes.items()
        ],
    )


def _version(
    version: str, served: Served | None, changes: Sequence[Change], reference: Reference
) -> Html:
    day = f"released on {served.released_at}" if served and served.released_at else None
    return tag(
        "section",
        tag("h2", version, tag("small", f" {day}") if day else None),
        None if changes else tag("p", "Nothing."),
        [_kind(kind, heading, changes, reference) for kind, heading in KINDS.items()],
        id=version,
    )


def _kind(kind: str, heading: str, changes: Sequence[Change], reference: Reference) -> Html | None:
    found = [each for each in changes if each.kind == kind]
    if not found:
        return None
    whole = {each.coordinate for each in found}
    tops = [each for each in found if not _is_within(each.coordinate, whole)]
    parts = Counter(above for each in whole for above in _above(each))
    rows = [_change(each, parts[each.coordinate], reference) for each in tops]
    count = (
        f"{len(found)}"
        if len(found) == len(tops)
        else f"{len(tops)}, {len(found)} with their parts"
    )
    return tag(
        "details",
        tag("summary", tag("h3", heading), tag("span", count, class_="count")),
        tag("table", tag("tbody", rows), class_="list"),
        open=True,
    )


def _change(change: Change, within: int, reference: Reference) -> Html:
    parts = f" and its {within} parts" if within > 1 else " and its part" if within else None
    return tag(
        "tr",
        tag("th", known(change.coordinate, reference), tag("small", parts), scope="row"),
        tag("td", _said(change, reference)),
        tag("td", _criticality(change.criticality), class_="badges"),
    )


def _criticality(criticality: str) -> Content:
    kind = criticality.lower()
    return tag("span", kind, class_=f"badge {kind}")


def _said(change: Change, reference: Reference) -> Content:
    """What replaces it is a link."""
    if change.replacement is None:
        return change.description
    before, found, after = change.description.partition(change.replacement)
    link = known(change.replacement, reference)
    return [before, link, after] if found else [before, " Use ", link, "."]


def _is_within(coordinate: str, others: set[str]) -> bool:
    return any(each in others for each in _above(coordinate))


def _above(coordinate: str) -> list[str]:
    """What an element belongs to: Type.field(argument:) to Type.field and to Type."""
    path, is_argument, _ = coordinate.partition("(")
    name, is_member, _ = path.partition(".")
    return [path] * bool(is_argument) + [name] * bool(is_member)
