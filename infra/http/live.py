"""The streams that are open now, so that they end when their key or the server does."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto

import structlog

from domain.errors import StorageUnavailable
from domain.work import KeyLists
from infra.http.gate import Gate

SWEEP_SECONDS = 2.0  # a revoked key's streams end within 5 s

log = structlog.get_logger()


class Ending(Enum):
    REVOKED = auto()
    SHUTDOWN = auto()


class Stream:
    """One open connection; `ending` is settled when it has to end. No key: open mode."""

    def __init__(self, key_id: str | None) -> None:
        self.key_id = key_id
        self.ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    def end(self, ending: Ending) -> None:
        if not self.ending.done():
            self.ending.set_result(ending)


class Live:
    def __init__(self, keys: KeyLists, gate: Gate) -> None:
        self._keys = keys
        self._gate = gate
        self._streams: set[Stream] = set()
        self._none = asyncio.Event()
        self._none.set()
        self._finishing = False

    def __len__(self) -> int:
        return len(self._streams)

    @contextmanager
    def stream(self, key_id: str | None) -> Iterator[Stream]:
        """A stream that is open as long as the block runs."""
        stream = Stream(key_id)
        self._streams.add(stream)
        self._none.clear()
        if self._finishing:
            stream.end(Ending.SHUTDOWN)
        try:
            yield stream
        finally:
            self._streams.discard(stream)
            if not self._streams:
                self._none.set()

    async def finish(self, seconds: float) -> None:
        """Have every stream say goodbye, and wait that long for them."""
        self._finishing = True
        for stream in list(self._streams):
            stream.end(Ending.SHUTDOWN)
        try:
            async with asyncio.timeout(seconds):
                await self._none.wait()
        except TimeoutError:
            log.warning("streams did not end in time", streams=len(self._streams))

    async def sweep(self) -> None:
        """End the streams whose key was revoked, and open mode's once there is a key."""
        streams = list(self._streams)
        ids = {stream.key_id for stream in streams if stream.key_id is not None}
        keys = await self._keys.by_ids(ids) if ids else {}
        closed = any(each.key_id is None for each in streams) and not await self._gate.is_open()
        for stream in streams:
            key = keys.get(stream.key_id or "")
            revoked = key is None or key.revoked_at is not None
            if closed if stream.key_id is None else revoked:
                stream.end(Ending.REVOKED)

    async def keep_swept(self) -> None:
        """For ever; one statement a sweep, however many streams there are."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await self.sweep()
            except StorageUnavailable as error:
                log.warning("keys of open streams can't be checked now", problem=error.problem)
            except Exception:  # the loop's edge: revoked keys must not stay unseen from here on
                log.exception("keys of open streams could not be checked")
