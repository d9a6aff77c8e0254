"""Objects in a bucket."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Collection, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from domain.errors import ObjectMissing, StorageUnavailable
from domain.files import keys
from domain.files.ports import Kept, Written
from infra.buckets import answering
from infra.objects import spans
from infra.objects.spans import Span
from infra.objects.upload import Upload

if TYPE_CHECKING:
    from infra.buckets import Bucket

T = TypeVar("T")
ASKED = 2 * 1024 * 1024  # bytes that a stream asks for at once
AT_ONCE = 8  # requests for ranges of one object
PIECE = 1024 * 1024  # bytes that it gives at once
PART = 8 * 1024 * 1024  # bytes of an upload's part; what has less is put as one


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteObjects:
    """domain.files.ports.Objects beneath `prefix` (empty, or with a slash at its end) of a bucket.

    `timeout` is for one request. What a killed process had uploaded of an object is the bucket's to
    forget: give it a rule that ends multipart uploads after a day.
    """

    bucket: "Bucket"
    where: str  # as an operator knows it
    prefix: str
    timeout: timedelta
    part: int = PART

    async def put(self, key: str, pieces: AsyncIterator[bytes]) -> Written:
        digest, size, gathered = hashlib.sha256(), 0, bytearray()
        upload = Upload(bucket=self.bucket, key=self._path(key), where=self.where, part=self.part)
        try:
            async for piece in pieces:
                digest.update(piece)
                size += len(piece)
                gathered += piece
                if len(gathered) >= self.part:
                    await upload.send(bytes(gathered))
                    gathered = bytearray()
            if upload.is_begun:
                await upload.finish(bytes(gathered))
            else:
                await self.put_bytes(key, bytes(gathered))
        finally:
            await upload.end()
        return Written(size=size, sha256=digest.hexdigest())

    async def put_bytes(self, key: str, content: bytes) -> None:
        import obstore  # 0.1 s that only servers with such a store need

        path = self._path(key)
        if len(content) > self.part:
            upload = Upload(bucket=self.bucket, key=path, where=self.where, part=self.part)
            try:
                await upload.finish(content)
            finally:
                await upload.end()
            return
        putting = obstore.put_async(self.bucket, path, content, use_multipart=False)
        with self._there():
            await self._answered(putting)

    async def get(self, key: str, start: int, end: int) -> bytes:
        [content] = await self.get_ranges(key, [(start, end)])
        return content

    async def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        path = self._path(key)
        wanted = spans.over(ranges)
        if any(start == end for start, end in ranges):
            await self._require(key, max(end for _, end in ranges))
        contents: dict[Span, bytes] = {}
        for some in (wanted[i : i + AT_ONCE] for i in range(0, len(wanted), AT_ONCE)):
            read = await asyncio.gather(*(self._read(key, path, span) for span in some))
            contents.update(zip(some, read, strict=True))
        return spans.cut(ranges, contents)

    async def stream(
        self, key: str, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        upto = await self._require(key, start) if end is None else end
        for place in range(start, upto, ASKED):
            content = await self.get(key, place, min(place + ASKED, upto))
            for offset in range(0, len(content), PIECE):
                yield content[offset : offset + PIECE]

    async def remove(self, keys: Collection[str]) -> None:
        import obstore

        paths = [self._path(key) for key in keys]
        if not paths:
            return
        try:
            await self._answered(obstore.delete_async(self.bucket, paths))
        except FileNotFoundError:  # some stores say so, and leave the others
            await self._require_bucket()
            for path in paths:
                with suppress(FileNotFoundError):
                    await self._answered(obstore.delete_async(self.bucket, path))

    async def listed(self, prefix: str) -> AsyncGenerator[Kept, None]:
        import obstore

        beneath = self.prefix + keys.checked_prefix(prefix)
        found = obstore.list(self.bucket, beneath or None, chunk_size=1_000)
        while True:
            try:
                with self._there():
                    some = await self._answered(anext(found))
            except StopAsyncIteration:
                return
            for each in some:
                key = each["path"].removeprefix(self.prefix)
                yield Kept(key=key, size=each["size"], modified_at=each["last_modified"])

    async def sweep(self) -> int:
        """What writers leave unfinished is no object here, and can't be listed."""
        return 0

    def _path(self, key: str) -> str:
        return self.prefix + keys.checked(key)

    async def _read(self, key: str, path: str, span: Span) -> bytes:
        import obstore

        start, end = span
        getting = obstore.get_range_async(self.bucket, path, start=start, end=end)
        try:
            content = bytes(await self._answered(getting))
        except FileNotFoundError as error:
            await self._require_bucket()
            raise ObjectMissing(key=key) from error
        except StorageUnavailable:
            await self._require(
                key, end
            )  # stores say in many ways that an object has less than that
            raise
        if len(content) < end - start:
            raise ObjectMissing(key=key)
        return content

    async def _require(self, key: str, size: int) -> int:
        """The object's size, if it is there and has at least so many bytes; raises ObjectMissing."""
        import obstore

        try:
            meta = await self._answered(obstore.head_async(self.bucket, self._path(key)))
        except FileNotFoundError as error:
            await self._require_bucket()
            raise ObjectMissing(key=key) from error
        if meta["size"] < size:
            raise ObjectMissing(key=key)
        return meta["size"]

    async def _require_bucket(self) -> None:
        """Raises StorageUnavailable where not an object is missing, but the bucket of all."""
        async with aclosing(self.listed(keys.UPLOADS)) as found:
            await anext(found, None)

    @contextmanager
    def _there(self) -> Iterator[None]:
        """For what can only be not found where the whole bucket isn't."""
        try:
            yield
        except FileNotFoundError as error:
            raise StorageUnavailable(where=self.where, problem="there is no such bucket") from error

    async def _answered(self, asking: Awaitable[T]) -> T:
        try:
            with answering(self.where):
                async with asyncio.timeout(self.timeout.total_seconds()):
                    return await asking
        except TimeoutError as error:
            raise StorageUnavailable(where=self.where, problem="it took too long") from error
