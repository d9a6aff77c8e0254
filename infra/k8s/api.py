"""JSON over the connections of the library's client: one call, or an answer that goes on and on."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson
from kubernetes.aio.client import ApiClient
from kubernetes.aio.config import ConfigException

from domain.clock import Clock, MonotonicTimer, Timer, utc_now
from infra.k8s import refusals
from infra.k8s.config import Credentials
from infra.k8s.errors import ClusterUnavailable, ClusterUnknown

JSON = "application/json"
ANY = "application/json, */*"  # logs are text
IN_FLIGHT = 64
"""Calls at once, not counting watches and logs: more of them wait here, and not in the API server."""
RETRIES = 3
LONGEST_RETRY = 5.0
"""Seconds: for what the API server wants to be asked again later than that, our caller decides."""
UNANSWERED = (aiohttp.ClientError, OSError, TimeoutError)
KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
"""Of a machine that is gone without a word we know after 25 s."""


@dataclass(frozen=True, slots=True)
class Patience:
    """In seconds."""

    connect: float = 5.0
    call: float = 15.0
    overdue: float = 5.0  # how long after its end a watch may be silent


@dataclass(frozen=True, slots=True)
class Call:
    """`what` it is about, for messages."""

    method: str
    path: str
    what: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    content_type: str = JSON


@dataclass(frozen=True, slots=True)
class Api:
    client: Any  # the library's ApiClient
    credentials: Credentials
    patience: Patience = Patience()
    timer: Timer = field(default_factory=MonotonicTimer)
    clock: Clock = utc_now
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(IN_FLIGHT))

    @property
    def host(self) -> str:
        return str(self.credentials.configuration.host)

    @property
    def ssl(self) -> ssl.SSLContext:
        context: ssl.SSLContext = self.client.rest_client.ssl_context
        return context

    @property
    def server_name(self) -> str | None:
        name: str | None = self.credentials.configuration.tls_server_name
        return name

    async def headers(self) -> dict[str, str]:
        """That say who we are. Raises ClusterUnavailable."""
        try:
            settings = await self.credentials.configuration.auth_settings()
        except (ConfigException, OSError) as error:  # of a token's file that is being replaced
            raise ClusterUnavailable(where=self.host, problem=str(error)) from error
        found = {each["key"]: each["value"] for each in settings.values() if each["value"]}
        return {"User-Agent": "modelyard", **found}

    async def reload(self) -> None:
        """Raises ClusterUnavailable."""
        try:
            await self.credentials.reload()
        except ClusterUnknown as error:
            raise ClusterUnavailable(where=self.host, problem=error.problem) from error

    async def call(self, call: Call) -> Any:
        """What it answers. It is asked again where it refused for being busy and said for how long.
        Raises those of infra.k8s.errors."""
        left = RETRIES
        async with self._room:
            while True:
                try:
                    return await self._answer(call)
                except ClusterUnavailable as error:
                    after = error.retry_after
                    if not left or after is None or after > LONGEST_RETRY:
                        raise
                left -= 1
                await self.timer.wait(asyncio.Event(), after)

    @asynccontextmanager
    async def stream(
        self, call: Call, *, answers: float | None, read: float | None
    ) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """Pieces of an answer, which begins within `answers` seconds and then is never silent for `read`;
        None: for as long as it takes."""
        limits = aiohttp.ClientTimeout(
            total=None, sock_connect=self.patience.connect, sock_read=read
        )
        try:
            async with asyncio.timeout(answers):
                response = await self._sent(call, limits)
        except UNANSWERED as error:
            raise self._unanswered(error) from error
        async with aclosing(self._pieces(response)) as pieces:
            try:
                yield pieces
            finally:
                response.close()

    async def _pieces(self, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        try:
            async for piece in response.content.iter_any():
                yield piece
        except UNANSWERED as error:
            raise self._unanswered(error) from error

    async def _answer(self, call: Call) -> Any:
        limits = aiohttp.ClientTimeout(total=self.patience.call, sock_connect=self.patience.connect)
        try:
            response = await self._sent(call, limits)
            return orjson.loads(await response.read())
        except UNANSWERED as error:
            raise self._unanswered(error) from error
        except orjson.JSONDecodeError as error:
            problem = "what it said is no JSON"
            raise ClusterUnavailable(where=self.host, problem=problem) from error

    async def _sent(self, call: Call, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        """With a token that is known: one that has run out is read anew, once."""
        response = await self._tried(call, limits)
        if response.status == 401:
            response.close()
            await self.reload()
            response = await self._tried(call, limits)
        if response.status < 400:
            return response
        said = await response.read()
        after = refusals.retry_after(response.headers.get("Retry-After"), self.clock())
        raise refusals.error_of(
            response.status, said, what=call.what, where=self.host, retry_after=after
        )

    async def _tried(self, call: Call, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        answer = await self.client.rest_client.request(
            call.method,
            f"{self.host}{call.path}" + (f"?{urlencode(call.query)}" if call.query else ""),
            headers={"Accept": ANY, "Content-Type": call.content_type, **await self.headers()},
            body=call.body,
            _request_timeout=limits,
        )
        response: aiohttp.ClientResponse = answer.response
        return response

    def _unanswered(self, error: BaseException) -> ClusterUnavailable:
        problem = str(error) or type(error).__name__
        if isinstance(error, TimeoutError):
            problem = "it took too long"
        return ClusterUnavailable(where=self.host, problem=problem)


@asynccontextmanager
async def connected(credentials: Credentials) -> AsyncIterator[Any]:
    """The library's client, with as many connections as are asked for, closed at the end."""
    async with ApiClient(configuration=credentials.configuration) as client:
        connector = aiohttp.TCPConnector(
            limit=0, ssl=client.rest_client.ssl_context, socket_factory=_kept_alive
        )
        async with connector:
            credentials.configuration.client_session_kwargs = {
                "connector": connector,
                "cookie_jar": aiohttp.DummyCookieJar(),
            }
            yield client


def _kept_alive(address: Any) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE.items():
        if option := getattr(socket, name, None):  # not every system has them
            made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made
