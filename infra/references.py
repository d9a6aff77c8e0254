"""The schema's versions, for the pages that show them."""

from collections.abc import Sequence
from threading import Lock

from domain.clock import Clock
from infra import reading_schema
from infra.http.pages.reference import Change, Reference, Served
from resolvers.root import Schema, print_schema
from resolvers.views import Views
from schema.contract import changes
from schema.versions.releases import Release


class SchemaReferences:
    """Of the versions that are supported today; each is read when it is first asked for, and kept."""

    def __init__(
        self,
        schema: Schema,
        views: Views,
        newest: str,
        releases: Sequence[Release],
        clock: Clock,
    ) -> None:
        self._schema = schema
        self._views = views
        self._newest = newest
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
        is_listed = any(each.version == self._newest for each in released)
        return released if is_listed else [Served(version=self._newest), *released]

    def reference(self, version: str) -> Reference:
        with self._reading:
            if version not in self._read:
                viewed, declarations = self._views.at(version).schema, self._schema.declarations
                self._read[version] = reading_schema.read(viewed, declarations, version)
            return self._read[version]

    def sdl(self, version: str) -> str:
        with self._reading:
            if version not in self._printed:
                self._printed[version] = print_schema(version)
            return self._printed[version]

    def changes(self, version: str) -> Sequence[Change]:
        return [_shown(each) for each in self._schema.history if each.version == version]


def _shown(change: changes.Change) -> Change:
    return Change(
        coordinate=change.coordinate,
        kind=change.kind.name,
        version=change.version,
        criticality=change.criticality.name,
        description=change.description,
        replacement=change.replacement,
    )
