"""Callers, requests and files for tests, with a value for everything that a test doesn't care about."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from domain.access.access import Caller, Principal, Role
from domain.errors import FileTooLarge, FolderRefused, OutsideFolder, StorageUnavailable

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class OwnClock:
    """Time stands still until a test moves it on."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


def ids(prefix: str = "") -> Iterator[str]:
    return (f"{prefix}{n:032x}"[-32:] for n in count(1))


def a_caller(project_id: str, role: Role | None = Role.ADMIN) -> Caller:
    """A key with one role in one project; no role: a key of nothing."""
    roles = {project_id: role} if role else {}
    principal = Principal(actor="key:tester", roles=roles)
    return Caller(principal=principal, project_id=project_id, request_id="r1")


def a_server_admin(project_id: str) -> Caller:
    principal = Principal(actor="key:root", server_admin=True)
    return Caller(principal=principal, project_id=project_id, request_id="r1")


@dataclass
class FolderFilesInMemory:
    """Folders by URI, files by path; `broken` URIs don't answer."""

    folders: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    reads: list[tuple[str, str]] = field(default_factory=list)

    async def read(self, uri: str, path: str, limit: int) -> bytes | None:
        self.reads.append((uri, path))
        if uri in self.broken:
            raise StorageUnavailable(where=uri, problem="no answer within 5 s")
        if ".." in path.split("/"):
            raise OutsideFolder(file=path)
        content = self.folders.get(uri, {}).get(path)
        if content is not None and len(content) > limit:
            raise FileTooLarge(file=path, limit=limit)
        return content

    async def usable(self, uri: str) -> str:
        if uri not in self.folders:
            raise FolderRefused(uri=uri, problem="it is not there")
        return uri


class PlainSealer:
    """Seals nothing; keeps the context so that a test sees it matter."""

    def seal(self, value: str, context: str) -> bytes:
        return f"{context}={value}".encode()

    def open(self, sealed: bytes, context: str) -> str:
        prefix = f"{context}="
        text = sealed.decode()
        assert text.startswith(prefix)
        return text.removeprefix(prefix)
