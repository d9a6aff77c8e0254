"""The schema directives that carry a declaration, as the SDL shows them."""

import strawberry
from strawberry.schema_directive import Location

NEXT = "NEXT"
"""The version of what is not released yet."""


@strawberry.schema_directive(
    locations=list(Location)[1:],  # all but the schema itself
    description="The version of the API that the element was added in.",
)
class Added:
    """`before` is the enum value that views from before `version` see in this one's place."""

    version: str
    before: strawberry.Private[str | None] = None


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
) -> list[object]:
    found: list[object] = []
    if added is not None:
        found.append(Added(version=added, before=before))
    if deprecated is not None:
        until = strawberry.UNSET if removal is None else removal
        found.append(DeprecatedSince(version=deprecated, removal=until, use=use))
    return found
