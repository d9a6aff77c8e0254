"""Requests to replicas, over connections that are kept for each of them."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from domain.deployments.replica import Endpoint
from infra.http.gateway.ports import Answer
from infra.http.gateway.refusals import Broken, Unreached

CONNECT_SECONDS = 5.0
IDLE_SECONDS = 2.0
"""How long an unused connection is kept: engines close theirs after 5 s or more (uvicorn's default), and
a request that meets the closing could not be told from one that broke down over its work."""
PIECE = 256 * 1024  # bytes of a body handed over at once
FAILURES = (aiohttp.ClientError, ConnectionError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Connections:
    session: aiohttp.ClientSession

    @asynccontextmanager
    async def ask(
        self, endpoint: Endpoint, path: str, headers: Mapping[str, str], body: bytes
    ) -> AsyncIterator[Answer]:
        """As Upstream.ask. At the block's end the connection is kept for another request if the answer
        was read to its end, else closed: that is how an engine learns that nobody listens."""
        written = _Written(body)
        host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        try:
            response = await self.session.post(
                f"http://{host}:{endpoint.port}{path}",
                data=written.pieces(),
                headers={**headers, "content-length": str(len(body))},
                allow_redirects=False,
            )
        except FAILURES as error:
            if not written.is_whole:
                raise Unreached() from error
            raise _broken(error) from error
        if not _is_answer(response.status):
            response.close()
            raise Broken(problem=f"it answered with HTTP status {response.status}")
        try:
            yield _Answer(response)
        finally:
            if response.content.at_eof():
                response.release()
            else:
                response.close()

    async def close(self) -> None:
        await self.session.close()


def connections() -> Connections:
    """For the event loop that runs now."""
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS)
    session = aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
    )
    return Connections(session)


@dataclass(frozen=True, slots=True)
class _Answer:
    response: aiohttp.ClientResponse

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def headers(self) -> list[tuple[str, str]]:
        return list(self.response.headers.items())

    @property
    def media_type(self) -> str:
        return self.response.content_type.lower()

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        try:
            async for piece in self.response.content.iter_any():
                yield piece
        except FAILURES as error:
            raise _broken(error) from error


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


def _is_answer(status: int) -> bool:
    """A redirection would send the client, and its key, past the gateway; others can't be passed on."""
    return 200 <= status < 300 or 400 <= status < 600


def _broken(error: Exception) -> Broken:
    return Broken(problem=str(error) or type(error).__name__)
