"""Requests to replicas, over connections that are kept for each of them."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from domain.deployments.proxy import REFUSAL_LIMIT, NotPassedOn, Proxy, Way
from domain.deployments.replica import Endpoint
from domain.errors import Unreachable
from infra.http.gateway.ports import Answer
from infra.http.gateway.refusals import Broken, Unreached
from infra.http.refusals import JSON

CONNECT_SECONDS = 5.0
IDLE_SECONDS = 2.0
"""How long an unused connection is kept: engines close theirs after 5 s or more (uvicorn's default), and
a request that meets the closing could not be told from one that broke down over its work."""
PIECE = 256 * 1024  # bytes of a body handed over at once
FAILURES = (aiohttp.ClientError, ConnectionError, TimeoutError)
FIRST_FAILURE = 400


@dataclass(frozen=True, slots=True)
class Connections:
    """`proxy` passes on what is for pods; without one they are asked at their own addresses."""

    session: aiohttp.ClientSession
    proxy: Proxy | None = None

    @asynccontextmanager
    async def ask(
        self, endpoint: Endpoint, path: str, headers: Mapping[str, str], body: bytes
    ) -> AsyncIterator[Answer]:
        """As Upstream.ask. At the block's end the connection is kept for another request if the answer
        was read to its end, else closed: that is how an engine learns that nobody listens."""
        if self.proxy is None or endpoint.pod is None:
            way = Way(url=endpoint.url, headers=headers, security=None)
            answer = _Answer(await self._sent(way, path, body))
        else:
            answer = await self._passed_on(self.proxy, endpoint, path, headers, body)
        try:
            yield answer
        finally:
            answer.end()

    async def close(self) -> None:
        await self.session.close()

    async def _passed_on(
        self, proxy: Proxy, endpoint: Endpoint, path: str, headers: Mapping[str, str], body: bytes
    ) -> "_Answer":
        """Where the proxy does not know us, it is told once more who we are."""
        pod, port, is_renewed = endpoint.pod or "", endpoint.port, False
        while True:
            try:
                way = await proxy.way(pod, port, headers)
                response = await self._sent(way, path, body)
                answer = _Answer(response, proxy.answered(_headers(response)))
                refusal = await _refusal(proxy, answer)
                if refusal is None:
                    return answer
                if refusal.is_unknown and not is_renewed:
                    is_renewed = True
                    await proxy.renew()
                    continue
            except Unreachable as error:
                raise Unreached(problem=error.message) from error
            if refusal.is_unbegun:
                raise Unreached(problem=refusal.problem)
            raise Broken(problem=refusal.problem)

    async def _sent(self, way: Way, path: str, body: bytes) -> aiohttp.ClientResponse:
        written = _Written(body)
        try:
            response = await self.session.post(
                way.url + path,
                data=written.pieces(),
                headers={**way.headers, "content-length": str(len(body))},
                allow_redirects=False,
                ssl=way.security or True,
                server_hostname=way.server_name,
            )
        except FAILURES as error:
            if not written.is_whole:
                raise Unreached(problem=_said(error)) from error
            raise Broken(problem=_said(error)) from error
        if not _is_answer(response.status):
            response.close()
            raise Broken(problem=f"it answered with HTTP status {response.status}")
        return response


def connections(proxy: Proxy | None = None) -> Connections:
    """For the event loop that runs now."""
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS)
    session = aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
    )
    return Connections(session, proxy)


class _Answer:
    """`headers` are the replica's own."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        headers: Sequence[tuple[str, str]] | None = None,
    ) -> None:
        self._response = response
        self._begun = b""
        self.status = response.status
        self.headers = _headers(response) if headers is None else list(headers)
        self.media_type = response.content_type.lower()

    async def beginning(self) -> bytes:
        """Enough of a failure's document to know whose it is; it is part of the `pieces` all the same.
        Raises Broken."""
        if self.status < FIRST_FAILURE or self.media_type != JSON:
            return b""
        async for piece in self._read():
            self._begun += piece
            if len(self._begun) > REFUSAL_LIMIT:
                return b""
        return self._begun

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        if self._begun:
            yield self._begun
        async for piece in self._read():
            yield piece

    def end(self) -> None:
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()

    async def _read(self) -> AsyncGenerator[bytes, None]:
        try:
            async for piece in self._response.content.iter_any():
                yield piece
        except FAILURES as error:
            raise Broken(problem=_said(error)) from error


class _Written:
    """A body on its way. Until its last piece was handed to the connection no engine can have read all
    of it, and half a document is no request."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.is_whole = False

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        for start in range(0, len(self._body), PIECE):
            yield self._body[start : start + PIECE]
        self.is_whole = True


async def _refusal(proxy: Proxy, answer: _Answer) -> NotPassedOn | None:
    """None: the answer is the replica's, and open. Raises Broken."""
    is_theirs = False
    try:
        refusal = proxy.refusal(answer.status, await answer.beginning())
        is_theirs = refusal is None
    finally:
        if not is_theirs:
            answer.end()
    return refusal


def _headers(response: aiohttp.ClientResponse) -> list[tuple[str, str]]:
    return list(response.headers.items())


def _is_answer(status: int) -> bool:
    """A redirection would send the client, and its key, past the gateway; others can't be passed on."""
    return 200 <= status < 300 or 400 <= status < 600


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
