"""A release as its stored SDL tells it: what it had, since when, and what of that was deprecated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphql import ConstDirectiveNode, GraphQLSchema, StringValueNode, build_schema

from schema.contract.elements import Element, above, elements, memberships
from schema.versions.index import order
from schema.versions.releases import releases, sdl


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """`added` is by coordinate, and by `membership` of what is in a union or implements.

    `deprecated` and `removal` are the versions that `@deprecatedSince` says, by coordinate.
    """

    version: str
    sdl: str
    schema: GraphQLSchema
    elements: Mapping[str, Element]
    added: Mapping[str, str]
    deprecated: Mapping[str, str]
    removal: Mapping[str, str]


def pasts(sdls: Sequence[tuple[str, str]]) -> tuple[Past, ...]:
    """Of versions and their SDL, oldest first.

    Directives and memberships bear no marks: theirs is the first release that has them.
    """
    found: list[Past] = []
    for version, text in sdls:
        found.append(_past(version, text, found[-1].added if found else {}))
    return tuple(found)


def stored() -> tuple[tuple[str, str], ...]:
    """The releases and their SDL, oldest first."""
    return tuple((each.version, sdl(each.version)) for each in releases())


def stored_schemas() -> tuple[tuple[str, GraphQLSchema], ...]:
    return tuple((version, build_schema(text)) for version, text in stored())


def _past(version: str, text: str, earlier: Mapping[str, str]) -> Past:
    schema = build_schema(text)
    found = elements(schema)
    added: dict[str, str] = {}
    for coordinate, element in found.items():
        known = [_said(element, "added", "version"), added.get(above(coordinate) or "")]
        said = [each for each in known if each is not None]
        is_marked = said and not coordinate.startswith("@")
        added[coordinate] = max(said, key=order) if is_marked else earlier.get(coordinate, version)
    added |= {key: earlier.get(key, version) for key in memberships(schema)}
    return Past(
        version=version,
        sdl=text,
        schema=schema,
        elements=found,
        added=added,
        deprecated=_all(found, "version"),
        removal=_all(found, "removal"),
    )


def _all(found: Mapping[str, Element], argument: str) -> Mapping[str, str]:
    said = {name: _said(each, "deprecatedSince", argument) for name, each in found.items()}
    return {name: each for name, each in said.items() if each is not None}


def _said(element: Element, directive: str, argument: str) -> str | None:
    """What the element's own mark says; None where it bears none."""
    applied: Sequence[ConstDirectiveNode] = getattr(element.ast_node, "directives", None) or ()
    for each in applied:
        if each.name.value == directive:
            for given in each.arguments or ():
                if given.name.value == argument and isinstance(given.value, StringValueNode):
                    return given.value.value
    return None
