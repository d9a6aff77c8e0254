"""The connections to one address of an engine."""

import asyncio
import re
import socket
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import quote, urlsplit

from infra.inference.connection import Connection
from infra.inference.racing import first_of

IDLE_SECONDS = 4.0
"""How long an unused connection is kept: engines close theirs after 5 s or more (uvicorn's default)."""
KNOWN_SECONDS = 10.0
"""How long a host's addresses are taken for what they were."""
CONNECT_SECONDS = 10.0
NEXT_SECONDS = 0.25
"""How long one address of a host may be silent before the next is tried beside it (RFC 8305)."""
PORTS = {"http": 80, "https": 443}
SPELLED = "!$%&'()*+,/:;=?@"  # in a path and its query, beside letters, digits and -._~
CLOSED = "no more requests are sent"
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
HOST = re.compile(r"[\w.%:-]+", re.ASCII)
USUAL = {"user-agent": "modelyard", "accept": "*/*", "content-type": "application/json"}  # headers


class NotThere(Exception):
    """Nobody answers at the address, or it is none."""


@dataclass(frozen=True, slots=True)
class Secured:
    """`name` is what the certificate bears where that is not the address's host."""

    context: ssl.SSLContext
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Addresses:
    """Of a host, those that answered first; or what is wrong with it."""

    known: list[str]
    problem: str = "it has no address"


@dataclass(eq=False, slots=True)
class Engine:
    """One address. `idle` connections are used from the right, and grow old at the left."""

    host: str
    port: int
    secured: Secured | None
    begin: bytes  # of each request
    idle: deque[Connection] = field(default_factory=deque)
    connections: set[Connection] = field(default_factory=set)
    racing: set[asyncio.Task[Connection]] = field(default_factory=set)
    addresses: asyncio.Task[Addresses] | None = None
    known_until: float = 0.0
    tidying: asyncio.TimerHandle | None = None
    waiting: int = 0  # for a connection
    is_closed: bool = False

    @property
    def is_unused(self) -> bool:
        return not self.connections and not self.waiting

    def request(self, headers: Mapping[str, str], body: bytes) -> bytes:
        """Raises NotThere, where a header can't be sent."""
        given = {**USUAL, **{name.lower(): value for name, value in headers.items()}}
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        if lines.count("\r") + lines.count("\n") != 2 * len(given):
            raise NotThere("a header of the request has more than one line")
        if CONTROL.search(lines):
            raise NotThere("a header of the request has a control character")
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
        if self.is_closed:
            connection.close()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self.idle.append(connection)
        if self.tidying is None:
            self.tidying = loop.call_later(IDLE_SECONDS, self._tidy, loop)

    async def connected(self, seconds: float) -> Connection:
        """Raises NotThere; TimeoutError, where the request's own time is over."""
        self.waiting += 1
        try:
            async with asyncio.timeout(min(seconds, CONNECT_SECONDS)):
                return await self._connected()
        except TimeoutError:
            if seconds <= CONNECT_SECONDS:
                raise
            raise NotThere(f"no connection within {CONNECT_SECONDS:g} s") from None
        finally:
            self.waiting -= 1

    async def closed(self) -> None:
        """Whoever still waits for a connection is told that there is none."""
        self.is_closed = True
        if self.tidying is not None:
            self.tidying.cancel()
        under_way = [*self.racing, *([] if self.addresses is None else [self.addresses])]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        self.idle.clear()
        while self.connections:
            for connection in list(self.connections):
                connection.close()
            await asyncio.sleep(0)

    async def _connected(self) -> Connection:
        loop = asyncio.get_running_loop()
        addresses = await self._resolved(loop)
        if self.is_closed or not addresses.known:
            raise NotThere(CLOSED if self.is_closed else addresses.problem)
        tried = list(addresses.known)
        attempts = [partial(self._attempt, loop, address) for address in tried]
        try:
            place, connection = await first_of(attempts, NEXT_SECONDS, self.racing)
        except OSError as error:
            self.known_until = 0.0
            raise NotThere(str(error) or type(error).__name__) from error
        addresses.known.remove(tried[place])
        addresses.known.insert(0, tried[place])
        return connection

    async def _attempt(self, loop: asyncio.AbstractEventLoop, address: str) -> Connection:
        if self.is_closed:
            raise ConnectionAbortedError(CLOSED)
        secured = self.secured
        _, connection = await loop.create_connection(
            lambda: Connection(self.connections),
            address,
            self.port,
            ssl=None if secured is None else secured.context,
            server_hostname=None if secured is None else secured.name or self.host.rstrip("."),
        )
        return connection

    async def _resolved(self, loop: asyncio.AbstractEventLoop) -> Addresses:
        """Asked once by all that wait."""
        if self.is_closed:
            raise NotThere(CLOSED)
        if self.addresses is None or loop.time() >= self.known_until:
            self.known_until = loop.time() + KNOWN_SECONDS
            self.addresses = asyncio.create_task(self._looked_up(loop))
        asked = self.addresses
        await asyncio.wait([asked])
        if asked.cancelled():
            raise NotThere(CLOSED)
        return asked.result()

    async def _looked_up(self, loop: asyncio.AbstractEventLoop) -> Addresses:
        try:
            found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (OSError, ValueError) as error:
            self.known_until = 0.0
            return Addresses([], str(error))
        return Addresses(list(dict.fromkeys(str(address[0]) for *_, address in found)))

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
    if port == 0:
        raise NotThere("nobody listens at port 0")
    path = quote(parts.path or "/", safe=SPELLED)
    if parts.query:
        path += "?" + quote(parts.query, safe=SPELLED)
    host = _ascii(parts.hostname)
    named = f"[{host}]" if ":" in host else host
    if port not in (None, usual):
        named += f":{port}"
    begin = f"POST {path} HTTP/1.1\r\nhost: {named}\r\n"
    if parts.scheme != "https":
        secured = None
    elif secured is None:
        secured = Secured(system())
    return Engine(host, port or usual, secured, begin.encode())


def _ascii(host: str) -> str:
    try:
        spelled = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError as error:
        raise NotThere("its host is no name") from error
    if not HOST.fullmatch(spelled):
        raise NotThere("its host is no name")
    return spelled
