"""domain.batches.ports.Inference over HTTP, with connections kept for as long as they are of use."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime

from domain.batches.ports import Reply
from domain.clock import utc_now
from domain.errors import Interrupted, RequestTimeout, ResponseTooLarge, Unreachable
from infra.inference import pool
from infra.inference.connection import Broken, Connection
from infra.inference.pool import Engine, NotThere, Secured
from infra.inference.unpacking import TooLarge

STALE_SECONDS = 0.1
"""A connection that was used before, and ends so soon after a request and without a byte, was over before
that: the engine had closed it as unused. Nobody works on the request; it is sent once more."""
KNOWN = 1_000  # addresses, before those without a connection are forgotten


@dataclass(frozen=True, slots=True)
class Engines:
    """Each address that was asked is known from then on; of all batches there are few. One that is asked
    with some security is another than the same without it."""

    clock: Callable[[], datetime] = utc_now
    security: Callable[[], ssl.SSLContext] = ssl.create_default_context
    _known: dict[tuple[str, Secured | None], Engine] = field(default_factory=dict)
    _security: list[ssl.SSLContext] = field(default_factory=list)

    async def ask(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        seconds: float,
        limit: int,
        secured: Secured | None = None,
    ) -> Reply:
        """As domain.batches.ports.Inference.ask. `secured` is for this address, where the system's
        certificates are not."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            engine = self._engine(url, secured)
            request = engine.request(headers, body)
            if (connection := engine.taken()) is not None:
                try:
                    return await self._asked(engine, connection, request, seconds, limit)
                except Broken as error:
                    if not error.is_unheard or loop.time() > began + STALE_SECONDS:
                        raise
            connection = await engine.connected(began + seconds - loop.time())
            left = began + seconds - loop.time()
            return await self._asked(engine, connection, request, left, limit)
        except NotThere as error:
            raise Unreachable(where=url, problem=str(error)) from error
        except Broken as error:
            raise Interrupted(where=url, problem=str(error)) from error
        except TimeoutError as error:
            raise RequestTimeout(seconds=seconds) from error
        except TooLarge as error:
            raise ResponseTooLarge(limit=limit) from error

    async def _asked(
        self, engine: Engine, connection: Connection, request: bytes, seconds: float, limit: int
    ) -> Reply:
        answer = await connection.ask(request, seconds, limit)
        if connection.is_open:
            engine.give_back(connection)
        else:
            connection.close()
        said = answer.headers
        named, after = said.get(b"x-request-id"), said.get(b"retry-after")
        return Reply(
            status=answer.status,
            body=answer.body,
            request_id=None if named is None else named.decode(errors="replace"),
            retry_after=None
            if after is None
            else retry_after(after.decode("latin-1"), self.clock()),
        )

    def _engine(self, url: str, secured: Secured | None) -> Engine:
        """Raises NotThere."""
        if (engine := self._known.get((url, secured))) is None:
            if len(self._known) >= KNOWN:
                for gone in [key for key, each in self._known.items() if each.is_unused]:
                    del self._known[gone]
            engine = self._known[url, secured] = pool.engine(url, secured, self._system)
        return engine

    def _system(self) -> ssl.SSLContext:
        """Made with the first address that needs it: that reads all the system's certificates."""
        if not self._security:
            self._security.append(self.security())
        return self._security[0]

    async def closed(self) -> None:
        for engine in list(self._known.values()):
            await engine.closed()


@asynccontextmanager
async def connections() -> AsyncIterator[Engines]:
    """As many as are asked for; closed at the end."""
    engines = Engines()
    try:
        yield engines
    finally:
        await engines.closed()


def retry_after(said: str, now: datetime) -> float | None:
    """Seconds, of a header that names them, or a date; None for anything else."""
    text = said.strip()
    try:
        if text.replace(".", "", 1).isdecimal():
            return float(text)
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None
