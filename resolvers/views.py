"""The views of the schema that are executed, and what a resolver asks of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol, cast

from graphql import GraphQLAbstractType, GraphQLSchema
from graphql.execution import Executor

from resolvers.context import Info
from resolvers.execution import compiling
from schema import versions
from schema.versions import Declaration
from schema.versions.sight import Sight


@dataclass(frozen=True, slots=True)
class View:
    version: str
    schema: GraphQLSchema
    executor: type[Executor[Any]]


class Views:
    """Each is built when it is first asked for, which takes some 0.1 s and 1 MB, and then kept: ask
    for versions that there are. Raises versions.Unviewable."""

    def __init__(
        self, schema: GraphQLSchema, declarations: Mapping[str, Declaration] | None = None
    ) -> None:
        self._declarations = declarations or {}
        self.newest = View(versions.newest(self._declarations), schema, compiling())
        self._kept = {self.newest.version: self.newest}
        self._building = Lock()

    def at(self, version: str | None = None) -> View:
        """None: the newest, which is the whole schema."""
        if version is None:
            return self.newest
        return self._kept.get(version) or self._built(version)

    def _built(self, version: str) -> View:
        whole = self.newest.schema
        with self._building:
            if version not in self._kept:
                schema = versions.view(whole, self._declarations, version)
                executor = self.newest.executor if schema is whole else compiling()
                self._kept[version] = View(version, schema, executor)
            return self._kept[version]


class Declared(Protocol):
    @property
    def core(self) -> GraphQLSchema: ...

    @property
    def declarations(self) -> Mapping[str, Declaration]: ...

    @property
    def newest(self) -> str: ...


def sees_all(info: Info) -> bool:
    """Whether nothing is newer than the version that the operation is served."""
    return info.context.version in (versions.NEXT, cast("Declared", info.schema).newest)


def sees(info: Info, coordinate: str) -> bool:
    return _sight(info).has(coordinate)


def sees_as(info: Info, member: str, interface: str) -> bool:
    """Whether the operation's version has the type, and as one of the interface's."""
    abstract = cast("Declared", info.schema).core.type_map[interface]
    return _sight(info).has_member(member, cast("GraphQLAbstractType", abstract))


def _sight(info: Info) -> Sight:
    return Sight(cast("Declared", info.schema).declarations, info.context.version)
