"""Files of model folders in buckets."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from domain.errors import FileTooLarge, StorageUnavailable
from infra.buckets import Credentials, answering, opened

if TYPE_CHECKING:
    from obstore import GetOptions

    from infra.buckets import Bucket

PIECE = 8 * 1024 * 1024  # bytes of an object that are asked for at once when it is copied
KEPT = 64  # buckets whose connections and credentials are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An object; its etag changes with its content."""

    key: str
    size: int
    etag: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    credentials: Credentials
    timeout: timedelta
    piece: int = PIECE
    _stores: dict[tuple[str, str], "Bucket"] = field(default_factory=dict)

    async def read(self, scheme: str, bucket: str, key: str, limit: int) -> bytes | None:
        """The object's content, or None; raises FileTooLarge, StorageUnavailable."""
        import obstore  # 0.1 s that only servers with such folders need

        where = f"{scheme}://{bucket}"
        try:
            with answering(where):
                found = await obstore.get_async(self._store(scheme, bucket), key)
                if found.meta["size"] > limit:
                    raise FileTooLarge(file=key, limit=limit)
                content = bytearray()
                async for chunk in found.stream():
                    content += chunk
                    if len(content) > limit:
                        raise FileTooLarge(file=key, limit=limit)
        except FileNotFoundError:
            return None
        return bytes(content)

    async def list(self, scheme: str, bucket: str, prefix: str) -> Sequence[Stored]:
        """All objects beneath the folder `prefix`, by key; raises StorageUnavailable."""
        import obstore

        found = []
        with answering(f"{scheme}://{bucket}"):
            async for batch in obstore.list(self._store(scheme, bucket), prefix or None):
                found += [
                    Stored(key=each["path"], size=each["size"], etag=each["e_tag"])
                    for each in batch
                ]
        return sorted(found, key=lambda each: each.key)

    async def pieces(
        self, scheme: str, bucket: str, stored: Stored, begin: int = 0
    ) -> AsyncIterator[bytes]:
        """The object's content from the byte `begin` on, as it was listed; raises StorageUnavailable also
        if it changed since.

        Each piece is a request of its own, which has the store's whole time.
        """
        import obstore
        from obstore.exceptions import PreconditionError

        where = f"{scheme}://{bucket}/{stored.key}"
        for start in range(begin, stored.size, self.piece):
            options: GetOptions = {"range": (start, min(start + self.piece, stored.size))}
            if stored.etag is not None:
                options["if_match"] = stored.etag
            try:
                with answering(where):
                    store = self._store(scheme, bucket)
                    found = await obstore.get_async(store, stored.key, options=options)
                    yield bytes(await found.bytes_async())
            except (FileNotFoundError, PreconditionError) as error:
                raise StorageUnavailable(where=where, problem="it changed meanwhile") from error

    def _store(self, scheme: str, bucket: str) -> "Bucket":
        place = (scheme, bucket)
        if place not in self._stores:
            if len(self._stores) >= KEPT:
                self._stores.pop(next(iter(self._stores)))
            self._stores[place] = opened(self.credentials, scheme, bucket, self.timeout)
        return self._stores[place]
