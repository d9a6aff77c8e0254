"""Who calls, and for which project: API keys, or open mode on a laptop."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from urllib.parse import urlsplit

from domain.access.access import Caller, Principal
from domain.access.service import OPEN, Access
from domain.errors import Unauthenticated
from domain.ids import NewId
from infra.http.refusals import RequestRefused

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a caller says of itself, in headers or when a socket is opened."""

    authorization: str | None
    project: str | None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "Credentials":
        project = headers.get("x-modelyard-project") or headers.get("openai-project")
        return cls(authorization=headers.get("authorization"), project=project or None)


class Gate:
    def __init__(self, access: Access, new_id: NewId, *, loopback: bool) -> None:
        self._access = access
        self._new_id = new_id
        self._may_be_open = loopback

    async def admit(self, headers: Mapping[str, str], said: Credentials) -> Caller:
        """The caller of one operation; raises Unauthenticated, NotFound, RequestRefused."""
        await self.check_page(headers)
        principal = await self._principal(said.authorization)
        project = await self._access.project(principal, said.project)
        return Caller(principal=principal, project_id=project.id, request_id=self._new_id())

    def again(self, caller: Caller) -> Caller:
        """For the next operation of the same request or socket."""
        return replace(caller, request_id=self._new_id())

    async def check_page(self, headers: Mapping[str, str]) -> None:
        """In open mode any page in the user's browser could call: only local ones may.

        The host is checked as well, for names that were rebound to this address.
        """
        if not await self.is_open():
            return
        if _host(headers.get("host", "")) not in LOCAL:
            raise _foreign("Host")
        origin = headers.get("origin")
        if origin is not None and _origin_host(origin) not in LOCAL:
            raise _foreign("Origin")

    async def is_open(self) -> bool:
        """Asked of the database while no key was ever made, so that the first one closes it at
        once, whoever makes it; it never opens again."""
        if self._may_be_open:
            self._may_be_open = await self._access.is_open(loopback=True)
        return self._may_be_open

    async def _principal(self, authorization: str | None) -> Principal:
        if await self.is_open():
            return OPEN
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated()
        return await self._access.authenticate(token.strip())


def is_loopback(host: str) -> bool:
    """Whether who listens there is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a page's socket goes where the page came from; without an Origin it is no page."""
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        page, here = urlsplit(origin), urlsplit(f"//{headers.get('host', '')}")
        port = {"http": 80, "https": 443}.get(page.scheme)
        return (
            page.hostname is not None
            and page.hostname == here.hostname
            and (page.port or port) == (here.port or port)
        )
    except ValueError:
        return False


def _host(value: str) -> str | None:
    try:
        parts = urlsplit(f"//{value}")
        _ = parts.port  # raises ValueError for what is no port
    except ValueError:
        return None
    plain = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    return parts.hostname if plain else None


def _origin_host(origin: str) -> str | None:
    scheme, _, rest = origin.partition("://")
    return _host(rest) if scheme in ("http", "https") else None


def _foreign(header: str) -> RequestRefused:
    return RequestRefused(
        kind="FOREIGN_PAGE",
        status=403,
        problem=f"Without an API key only localhost is served; the {header} header is another's. "
        "Make a key with `modelyard key create`.",
    )
