"""The contract's releases, changes and elements, as queries for tools."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Protocol, TypeAlias, cast

from graphql import GraphQLSchema

from domain.errors import InvalidValue
from resolvers.context import Info
from schema import versions
from schema.changes import ApiVersion, SchemaChange, SchemaElement
from schema.contract import changes
from schema.contract.elements import elements
from schema.versions import NEXT, Declaration
from schema.versions.marks import VERSION
from schema.versions.releases import releases

Since: TypeAlias = Annotated[
    str, versions.argument("Changes after this version; 0.0.0 gives all, also the first release.")
]
Until: TypeAlias = Annotated[
    str | None,
    versions.argument(
        "Up to and with this version; unless said, the one that answers the request."
    ),
]
Coordinate: TypeAlias = Annotated[
    str,
    versions.argument("A schema coordinate, e.g. Query.node(id:), StatusReason.EVICTED, @added."),
]


class Declared(Protocol):
    """The whole schema, whichever version answers."""

    @property
    def declarations(self) -> Mapping[str, Declaration]: ...

    @property
    def history(self) -> tuple[changes.Change, ...]: ...


@versions.type(added="0.1.0")
class ChangeQueries:
    @versions.method(added="0.3.0")
    def api_versions(self) -> list[ApiVersion]:
        """The releases of the API, oldest first."""
        return [ApiVersion.of(each) for each in releases()]

    @versions.method(added="0.3.0")
    async def schema_changes(
        self, info: Info, since: Since, until: Until = None
    ) -> list[SchemaChange]:
        """What changed in the schema, by version and coordinate: a row for each element, and for
        each thing that changed in it. A version that is newer than the request's may be asked for."""
        last = info.context.version if until is None else _version("until", until)
        first = _version("since", since)
        history = await asyncio.to_thread(lambda: _declared(info).history)
        return [SchemaChange.of(each) for each in changes.between(history, first, last)]

    @versions.method(added="0.3.0")
    def schema_element(self, info: Info, coordinate: Coordinate) -> SchemaElement | None:
        """An element as the version sees it that answers; null for what is not there, or GraphQL's own."""
        seen = _seen(info)
        element = elements(seen).get(coordinate)
        if element is None:
            return None
        return SchemaElement.of(coordinate, element, _declared(info).declarations[coordinate], seen)


def _declared(info: Info) -> Declared:
    return cast("Declared", info.schema)


def _seen(info: Info) -> GraphQLSchema:
    return info._raw_info.schema  # noqa: SLF001 - Strawberry's own gives the whole schema alone


def _version(argument: str, said: str) -> str:
    if said != NEXT and not VERSION.fullmatch(said):
        raise InvalidValue(
            path=(argument,), problem=f"{argument} is a version such as 0.2.0, or NEXT."
        )
    return said
