"""Deliveries over HTTP."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from domain.errors import Interrupted, RequestTimeout, Unreachable

SECONDS = 15.0  # for all of a request
CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class HttpSender:
    """domain.webhooks.ports.Sender"""

    session: aiohttp.ClientSession
    seconds: float = SECONDS

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Of the answer its head alone is read: the connection is closed over the rest."""
        timeout = aiohttp.ClientTimeout(total=self.seconds, sock_connect=CONNECT_SECONDS)
        try:
            response = await self.session.post(
                url, data=body, headers=headers, allow_redirects=False, timeout=timeout
            )
        except TimeoutError as error:
            raise RequestTimeout(seconds=self.seconds) from error
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            raise Unreachable(where=url, problem=str(error)) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            problem = str(error) or type(error).__name__
            raise Interrupted(where=url, problem=problem) from error
        response.close()
        return response.status


@asynccontextmanager
async def open_sender() -> AsyncIterator[HttpSender]:
    """Without a pool that a slow endpoint could fill, and without cookies or proxies."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
    ) as session:
        yield HttpSender(session)
