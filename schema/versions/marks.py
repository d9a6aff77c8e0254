"""The schema directives that carry a declaration, as the SDL shows them."""

import re
from collections.abc import Mapping

import strawberry
from strawberry.schema_directive import Location

NEXT = "NEXT"
"""The version of what is not released yet."""


VERSION = re.compile(r"(0|[1-9]\d{0,5})(\.(0|[1-9]\d{0,5})){2}", re.ASCII)


def check(version: str) -> None:
    """Raises ValueError where it is no version."""
    if version != NEXT and not VERSION.fullmatch(version):
        raise ValueError(f"{version!r} is no version: write three numbers, such as 0.3.0, or NEXT")


@strawberry.schema_directive(
    locations=list(Location)[1:],  # all but the schema itself
    description="The version of the API that the element was added in.",
)
class Added:
    """`before` is what views from before `version` see in this one's place: the name of an enum's
    value in a value's, of an object type in an object type's. `joins` has, by its name, since when
    the type is a member of an interface or a union. `withheld`: what resolves to the interface never
    gives a view a member that it lacks."""

    version: str
    before: strawberry.Private[str | None] = None
    joins: strawberry.Private[Mapping[str, str] | None] = None
    withheld: strawberry.Private[bool] = False


@strawberry.schema_directive(
    locations=list(Location)[1:],
    description="The version since which the element is deprecated, and the one that may remove it.",
)
class DeprecatedSince:
    """`use` is the coordinate that replaces the element."""

    version: str
    removal: str | None = strawberry.UNSET
    use: strawberry.Private[str | None] = None


def marks(
    added: str | None,
    deprecated: str | None = None,
    use: str | None = None,
    removal: str | None = None,
    before: str | None = None,
    joins: Mapping[str, str] | None = None,
    *,
    withheld: bool = False,
) -> list[object]:
    """Raises ValueError where a declaration makes no sense by itself."""
    found: list[object] = []
    for each in (added, deprecated, removal, *(joins or {}).values()):
        if each is not None:
            check(each)
    if deprecated is None and (use or removal):
        raise ValueError(f"use={use!r}, removal={removal!r}: it says no version that deprecates it")
    if added is not None:
        found.append(Added(version=added, before=before, joins=joins, withheld=withheld))
    if deprecated is not None:
        until = strawberry.UNSET if removal is None else removal
        found.append(DeprecatedSince(version=deprecated, removal=until, use=use))
    return found
