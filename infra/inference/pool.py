"""The connections to one address of an engine."""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from infra.inference.connection import Connection

IDLE_SECONDS = 4.0
"""How long an unused connection is kept: engines close theirs after 5 s or more (uvicorn's default)."""
KNOWN_SECONDS = 10.0
"""How long a host's addresses are taken for what they were."""
CONNECT_SECONDS = 10.0
PORTS = {"http": 80, "https": 443}
SPELLED = "!$%&'()*+,/:;=?@"  # in a path and its query, beside letters, digits and -._~


class NotThere(Exception):
    """Nobody answers at the address, or it is none."""


@dataclass(frozen=True, slots=True)
class Secured:
    """`name` is what the certificate bears where that is not the address's host."""

    context: ssl.SSLContext
    name: str | None = None


@dataclass(eq=False, slots=True)
class Engine:
    """One address. `idle` connections are used from the right, and grow old at the left."""

    host: str
    port: int
    secured: Secured | None
    begin: bytes  # of each request: the lines that are always the same
    idle: deque[Connection] = field(default_factory=deque)
    connections: set[Connection] = field(default_factory=set)
    addresses: asyncio.Task[list[str]] | None = None
    known_until: float = 0.0
    tidying: asyncio.TimerHandle | None = None

    def request(self, headers: Mapping[str, str], body: bytes) -> bytes:
        """Raises NotThere, where a header can't be sent."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if lines.count("\r") + lines.count("\n") != 2 * len(headers):
            raise NotThere("a header of the request has more than one line")
        try:
            said = lines.encode("latin-1")
        except UnicodeEncodeError as error:
            raise NotThere(
                "a header of the request has other characters than Latin ones"
            ) from error
        return b"%b%bcontent-length: %d\r\n\r\n%b" % (self.begin, said, len(body), body)

    def taken(self) -> Connection | None:
        """One that is open, if there is any."""
        while self.idle:
            connection = self.idle.pop()
            if connection.is_open:
                return connection
            connection.close()
        return None

    def give_back(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self.idle.append(connection)
        if self.tidying is None:
            self.tidying = loop.call_later(IDLE_SECONDS, self._tidy, loop)

    async def connected(self, seconds: float) -> Connection:
        """Raises NotThere; TimeoutError, where the request's own time is over."""
        try:
            async with asyncio.timeout(min(seconds, CONNECT_SECONDS)):
                return await self._connected()
        except TimeoutError:
            if seconds <= CONNECT_SECONDS:
                raise
            raise NotThere(f"no connection within {CONNECT_SECONDS:g} s") from None

    async def closed(self) -> None:
        for handle in (self.tidying, self.addresses):
            if handle is not None:
                handle.cancel()
        self.idle.clear()
        while self.connections:
            for connection in list(self.connections):
                connection.close()
            await asyncio.sleep(0)

    async def _connected(self) -> Connection:
        loop, problem = asyncio.get_running_loop(), "it has no address"
        secured = self.secured
        security = secured.context if secured else None
        name = secured.name or self.host if secured else None
        for address in await self._resolved(loop):
            try:
                _, connection = await loop.create_connection(
                    lambda: Connection(self.connections),
                    address,
                    self.port,
                    ssl=security,
                    server_hostname=name,
                )
            except OSError as error:
                problem = str(error) or type(error).__name__
                continue
            return connection
        self.known_until = 0.0
        raise NotThere(problem)

    async def _resolved(self, loop: asyncio.AbstractEventLoop) -> list[str]:
        """Asked once by all that wait."""
        if self.addresses is None or loop.time() >= self.known_until:
            self.known_until = loop.time() + KNOWN_SECONDS
            self.addresses = asyncio.create_task(self._looked_up(loop))
        try:
            return await asyncio.shield(self.addresses)
        except (OSError, UnicodeError) as error:
            self.known_until = 0.0
            raise NotThere(str(error)) from error

    async def _looked_up(self, loop: asyncio.AbstractEventLoop) -> list[str]:
        found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    def _tidy(self, loop: asyncio.AbstractEventLoop) -> None:
        now, self.tidying = loop.time(), None
        while self.idle and self.idle[0].idle_since + IDLE_SECONDS <= now:
            self.idle.popleft().close()
        if self.idle:
            wait = self.idle[0].idle_since + IDLE_SECONDS - now
            self.tidying = loop.call_later(wait, self._tidy, loop)


def engine(url: str, secured: Secured | None, system: Callable[[], ssl.SSLContext]) -> Engine:
    """Where `secured` says nothing, it is as the `system` has it. Raises NotThere."""
    try:
        parts = urlsplit(url)
        usual, port = PORTS[parts.scheme], parts.port
    except (ValueError, KeyError) as error:
        raise NotThere("it is no address of HTTP") from error
    if not parts.hostname:
        raise NotThere("it names no host")
    path = quote(parts.path or "/", safe=SPELLED)
    if parts.query:
        path += "?" + quote(parts.query, safe=SPELLED)
    host = _ascii(parts.hostname)
    named = f"[{host}]" if ":" in host else host
    if port not in (None, usual):
        named += f":{port}"
    begin = f"POST {path} HTTP/1.1\r\nhost: {named}\r\ncontent-type: application/json\r\n"
    if parts.scheme != "https":
        secured = None
    elif secured is None:
        secured = Secured(system())
    return Engine(host, port or usual, secured, begin.encode())


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError as error:
        raise NotThere("its host is no name") from error
