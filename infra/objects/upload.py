"""A large object on its way to a bucket, part after part, or not at all."""

import asyncio
from asyncio import Queue, Task
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from domain.errors import StorageUnavailable
from infra.buckets import answering

if TYPE_CHECKING:
    from infra.buckets import Bucket

AT_ONCE = 2  # parts that are sent at the same time


class _GivenUp(Exception):
    """Has obstore abort the multipart upload."""


@dataclass(slots=True, kw_only=True)
class Upload:
    """`send` parts, then `finish` with the last one; `end` in any case, after which a begun upload is
    finished or was aborted. A task of its own sends: who is cancelled still has it aborted."""

    bucket: "Bucket"
    key: str
    where: str
    part: int
    _parts: "Queue[bytes | None]" = field(default_factory=lambda: Queue(1))
    _sending: "Task[None] | None" = None
    _given_up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_begun(self) -> bool:
        return self._sending is not None

    async def send(self, part: bytes) -> None:
        """Returns when there is room for another; raises StorageUnavailable, StorageFull."""
        await self._hand(part)

    async def finish(self, last: bytes) -> None:
        """Raises StorageUnavailable, StorageFull."""
        if last:
            await self._hand(last)
        await self._hand(None)
        assert self._sending is not None
        await asyncio.shield(self._sending)

    async def end(self) -> None:
        """It never raises: who could still be told has been."""
        if self._sending is None:
            return
        self._given_up.set()
        while not self._sending.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({self._sending})
        self._sending.exception()

    async def _hand(self, part: bytes | None) -> None:
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        handing = asyncio.ensure_future(self._parts.put(part))
        try:
            await asyncio.wait({handing, self._sending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            handing.cancel()
        if self._sending.done():
            self._sending.result()

    async def _send(self) -> None:
        import obstore

        try:
            with answering(self.where), suppress(_GivenUp):
                await obstore.put_async(
                    self.bucket,
                    self.key,
                    self._taken(),
                    chunk_size=self.part,
                    max_concurrency=AT_ONCE,
                )
        except FileNotFoundError as error:
            raise StorageUnavailable(where=self.where, problem="there is no such bucket") from error

    async def _taken(self) -> AsyncIterator[bytes]:
        while True:
            taking = asyncio.ensure_future(self._parts.get())
            leaving = asyncio.ensure_future(self._given_up.wait())
            await asyncio.wait({taking, leaving}, return_when=asyncio.FIRST_COMPLETED)
            leaving.cancel()
            if not taking.done():
                taking.cancel()
                raise _GivenUp()
            if (part := taking.result()) is None:
                return
            yield part
