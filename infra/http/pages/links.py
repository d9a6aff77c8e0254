"""Where coordinates and types are shown."""

import re

from infra.http.pages.html import Content, Html, tag
from infra.http.pages.reference import Reference
from infra.http.pages.shell import address

NAME = re.compile(r"\w+")


def place(coordinate: str, version: str) -> str:
    """An argument's is its field's."""
    path, _, _ = coordinate.partition("(")
    if path.startswith("@"):
        return address(f"/schema/directives/{path[1:]}", version=version)
    name, _, member = path.partition(".")
    anchor = f"#{member}" if member else ""
    return address(f"/schema/types/{name}", version=version) + anchor


def to(coordinate: str, version: str, text: str | None = None) -> Html:
    return tag("a", text or coordinate, href=place(coordinate, version))


def known(coordinate: str, reference: Reference) -> Content:
    """A link where this version has it, else the text alone."""
    path, _, _ = coordinate.partition("(")
    name = path.partition(".")[0]
    has = name[1:] in reference.directives if name.startswith("@") else name in reference.types
    return to(coordinate, reference.version) if has else coordinate


def written(type_: str, reference: Reference) -> Html:
    """A type as the SDL writes it, [ModelDeployment!]!, its name a link."""
    found = NAME.search(type_)
    if found is None:
        return tag("span", type_, class_="type")
    before, name, after = type_[: found.start()], found.group(), type_[found.end() :]
    return tag("span", before, known(name, reference), after, class_="type")
