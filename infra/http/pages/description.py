"""The page of one type or directive."""

from collections.abc import Sequence

from infra.http.pages.frame import Frame, badges
from infra.http.pages.html import Content, Html, join, prose, tag
from infra.http.pages.links import known, written
from infra.http.pages.reference import Argument, Described, Kind, Lifetime, Member, Reference
from infra.http.pages.shell import Page

MEMBERS = {Kind.ENUM: "Values"}


def description(frame: Frame, reference: Reference, described: Described) -> Page:
    name = f"@{described.name}" if described.kind is Kind.DIRECTIVE else described.name
    return frame.around(
        name,
        tag("h1", tag("small", described.kind.value + " "), tag("code", name)),
        tag("p", badges(described.lifetime)),
        prose(described.description),
        _names("Implements", described.interfaces, reference),
        _names(_types(described), described.types, reference),
        _names("On", described.locations, reference),
        _arguments(described.arguments, reference),
        _members(described, reference),
        _names("Used by", described.used, reference),
    )


def _types(described: Described) -> str:
    return "One of" if described.kind is Kind.UNION else "Implemented by"


def _names(heading: str, coordinates: Sequence[str], reference: Reference) -> Html | None:
    if not coordinates:
        return None
    items = [tag("li", known(each, reference)) for each in coordinates]
    return join([tag("h2", heading), tag("ul", items, class_="names")])


def _members(described: Described, reference: Reference) -> Html | None:
    if not described.members:
        return None
    shown = [_member(each, reference) for each in described.members]
    return join([tag("h2", MEMBERS.get(described.kind, "Fields")), shown])


def _member(member: Member, reference: Reference) -> Html:
    return tag(
        "section",
        tag(
            "h3",
            tag("a", member.name, href=f"#{member.name}", class_=_gone(member.lifetime)),
            _typed(member, reference, ": "),
            badges(member.lifetime),
        ),
        prose(member.description),
        _end(member.lifetime),
        _before(member.lifetime),
        _arguments(member.arguments, reference),
        id=member.name,
        class_="member",
    )


def _arguments(arguments: Sequence[Argument], reference: Reference) -> Html | None:
    rows = [_argument(each, reference) for each in arguments]
    return tag("table", tag("tbody", rows), class_="arguments") if rows else None


def _argument(argument: Argument, reference: Reference) -> Html:
    return tag(
        "tr",
        tag("th", tag("span", argument.name, class_=_gone(argument.lifetime)), scope="row"),
        tag("td", _typed(argument, reference)),
        tag("td", prose(argument.description), _end(argument.lifetime)),
        tag("td", badges(argument.lifetime), class_="badges"),
    )


def _typed(element: Member | Argument, reference: Reference, before: str = "") -> Content:
    if element.type is None:
        return None
    default = None if element.default is None else f" = {element.default}"
    return tag("code", before, written(element.type, reference), default)


def _gone(lifetime: Lifetime) -> str | None:
    return "gone" if lifetime.deprecated else None


def _end(lifetime: Lifetime) -> Html | None:
    """What is deprecated, what replaces it, and when it may go."""
    if lifetime.deprecated is None:
        return None
    reason = lifetime.reason or f"Since {lifetime.deprecated}."
    removal = f" {lifetime.removal} may remove it." if lifetime.removal else ""
    return tag("p", f"Deprecated. {reason}{removal}", class_="end")


def _before(lifetime: Lifetime) -> Html | None:
    if lifetime.before is None:
        return None
    said = [
        f"Versions before {lifetime.added} see ",
        tag("code", lifetime.before),
        " in its place.",
    ]
    return tag("p", said)
