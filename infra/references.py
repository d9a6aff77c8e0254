"""The schema's versions, for the pages that show them."""

from collections.abc import Mapping, Sequence
from threading import Lock

from domain.clock import Clock
from infra import reading_schema
from infra.http.pages.reference import Change, Reference, Served
from resolvers.root import print_schema
from resolvers.views import Views
from schema.versions import Declaration
from schema.versions.releases import Release


class SchemaReferences:
    """Of the versions that are supported today; each is read when it is first asked for, and kept."""

    def __init__(
        self,
        views: Views,
        declarations: Mapping[str, Declaration],
        releases: Sequence[Release],
        clock: Clock,
    ) -> None:
        self._views = views
        self._declarations = declarations
        self._releases = releases
        self._clock = clock
        self._read: dict[str, Reference] = {}
        self._printed: dict[str, str] = {}
        self._reading = Lock()

    def served(self) -> Sequence[Served]:
        today = self._clock().date()
        released = [
            Served(
                version=each.version,
                released_at=each.released_at,
                supported_until=each.supported_until,
            )
            for each in reversed(self._releases)
            if each.is_supported(today)
        ]
        newest = self._views.newest.version
        is_listed = any(each.version == newest for each in released)
        return released if is_listed else [Served(version=newest), *released]

    def reference(self, version: str) -> Reference:
        with self._reading:
            if version not in self._read:
                schema = self._views.at(version).schema
                self._read[version] = reading_schema.read(schema, self._declarations, version)
            return self._read[version]

    def sdl(self, version: str) -> str:
        with self._reading:
            if version not in self._printed:
                self._printed[version] = print_schema(version)
            return self._printed[version]

    def changes(self, version: str) -> Sequence[Change]:
        said = sorted(self._declarations.items())
        added = [_added(*each) for each in said if each[1].added == version]
        return added + [_deprecated(*each) for each in said if each[1].deprecated == version]


def _added(coordinate: str, declaration: Declaration) -> Change:
    return Change(
        coordinate=coordinate,
        kind="ADDED",
        version=declaration.added,
        criticality="SAFE",
        description="",
    )


def _deprecated(coordinate: str, declaration: Declaration) -> Change:
    return Change(
        coordinate=coordinate,
        kind="DEPRECATED",
        version=declaration.deprecated or "",
        criticality="SAFE",
        description=declaration.reason or "",
        replacement=declaration.use,
    )
