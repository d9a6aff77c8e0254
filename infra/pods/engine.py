"""The engine beside a worker: the one place to which it sends."""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

from domain.batches.batch import Batch, BatchReason
from domain.batches.ports import Seat, Standstill, Target

FULL = "The engine has all the requests that it is given at a time."
LOOK_EVERY = 1.0
PATIENCE = 5  # looks at an engine where nobody listens, before others do what is here
LOOK_LIMITS = aiohttp.ClientTimeout(total=10.0)


@dataclass(slots=True, kw_only=True)
class BesideEngine:
    """Implements `Target`, and `Targets` of which it is the only one."""

    url: str
    model: str | None
    revision: int
    most: int  # requests at a time
    _in_flight: int = 0
    _refused: int = 0  # looks, one after the other

    async def of(self, batch: Batch) -> Target | Standstill:
        return self

    def seat(self, endpoint: str, avoid: Collection[str]) -> Seat | Standstill:
        if self._in_flight >= self.most:
            return Standstill(BatchReason.ENGINE_BUSY, FULL)
        url = f"{self.url}{endpoint}"
        return Seat(id="engine", url=url, model=self.model, revision=self.revision)

    def taken(self, seat: Seat) -> AbstractContextManager[None]:
        return self._counted()

    def room(self) -> int:
        return max(0, self.most - self._in_flight)

    def is_left_out(self) -> bool:
        """While it is started again, which may be for ever: other pods have engines, too."""
        return self._refused >= PATIENCE

    async def watched(self) -> None:
        """Until it is cancelled."""
        while True:
            self._refused = 0 if await _is_open(self.url) else self._refused + 1
            await asyncio.sleep(LOOK_EVERY)

    async def changed(self) -> None:
        await asyncio.Event().wait()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """`path` None: a port that accepts connections is ready."""

    session: aiohttp.ClientSession
    url: str
    path: str | None
    status: int

    async def awaited(self) -> None:
        while True:
            if await self._is_ready():
                return
            await asyncio.sleep(LOOK_EVERY)

    async def _is_ready(self) -> bool:
        try:
            if self.path is None:
                return await _is_open(self.url)
            url = f"{self.url}{self.path}"
            async with self.session.get(
                url, timeout=LOOK_LIMITS, allow_redirects=False
            ) as response:
                return response.status == self.status
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False


async def _is_open(url: str) -> bool:
    """Whether somebody listens there, however busy."""
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(LOOK_EVERY):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
