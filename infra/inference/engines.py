"""domain.batches.ports.Inference over HTTP, with connections kept for as long as they are of use."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime

import aiohttp

from domain.batches.ports import Reply
from domain.clock import utc_now
from domain.errors import (
    Interrupted,
    RequestTimeout,
    ResponseTooLarge,
    Unreachable,
)

CONNECT_SECONDS = 10.0
IDLE_SECONDS = 4.0
"""How long an unused connection is kept: engines close theirs after 5 s or more (uvicorn's default)."""
STALE_SECONDS = 0.1
"""A connection that ends so soon after a request, and without a byte, was over before that: the engine
had closed it as unused. Nobody works on the request; it is sent once more."""
JSON = {"content-type": "application/json"}
NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)
ENDED = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


@dataclass(frozen=True, slots=True)
class Engines:
    session: aiohttp.ClientSession
    clock: Callable[[], datetime] = utc_now
    _timeouts: dict[float, aiohttp.ClientTimeout] = field(default_factory=dict)

    async def ask(
        self, url: str, headers: Mapping[str, str], body: bytes, seconds: float, limit: int
    ) -> Reply:
        """As domain.batches.ports.Inference.ask."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            return await self._asked(url, headers, body, seconds, limit)
        except NOT_SENT as error:
            raise Unreachable(where=url, problem=_problem(error)) from error
        except aiohttp.ClientConnectionResetError:
            pass  # it was closed before a byte of the request went out
        except TimeoutError as error:
            raise RequestTimeout(seconds=seconds) from error
        except ENDED as error:
            if loop.time() > began + STALE_SECONDS:
                raise Interrupted(where=url, problem=_problem(error)) from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Interrupted(where=url, problem=_problem(error)) from error
        return await self._again(url, headers, body, seconds, limit)

    async def _again(
        self, url: str, headers: Mapping[str, str], body: bytes, seconds: float, limit: int
    ) -> Reply:
        try:
            return await self._asked(url, headers, body, seconds, limit)
        except NOT_SENT as error:
            raise Unreachable(where=url, problem=_problem(error)) from error
        except TimeoutError as error:
            raise RequestTimeout(seconds=seconds) from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Interrupted(where=url, problem=_problem(error)) from error

    async def _asked(
        self, url: str, headers: Mapping[str, str], body: bytes, seconds: float, limit: int
    ) -> Reply:
        response = await self.session.post(
            url,
            data=body,
            headers={**JSON, **headers} if headers else JSON,
            timeout=self._timeout(seconds),
            allow_redirects=False,
        )
        try:
            said = response.headers
            length = response.content_length
            if length is not None and length > limit:
                raise ResponseTooLarge(limit=limit)
            if length is not None and "Content-Encoding" not in said:
                content = await response.read()
            else:
                content = await _read(response, limit)
        except BaseException:
            response.close()
            raise
        after = said.get("Retry-After")
        return Reply(
            status=response.status,
            body=content,
            request_id=said.get("x-request-id"),
            retry_after=None if after is None else retry_after(after, self.clock()),
        )

    def _timeout(self, seconds: float) -> aiohttp.ClientTimeout:
        """Made once for each: of all batches there are few."""
        if (timeout := self._timeouts.get(seconds)) is None:
            timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS)
            self._timeouts[seconds] = timeout
        return timeout


@asynccontextmanager
async def connections() -> AsyncIterator[Engines]:
    """As many as are asked for; closed at the end."""
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS)
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
        max_line_size=64 * 1024,
        max_field_size=64 * 1024,
    )
    async with session:
        yield Engines(session)


def retry_after(said: str, now: datetime) -> float | None:
    """Seconds, of a header that names them, or a date; None for anything else."""
    text = said.strip()
    try:
        if text.replace(".", "", 1).isdecimal():
            return float(text)
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    content = bytearray()
    async for piece in response.content.iter_any():
        content += piece
        if len(content) > limit:
            raise ResponseTooLarge(limit=limit)
    return bytes(content)


def _problem(error: Exception) -> str:
    return str(error) or type(error).__name__
