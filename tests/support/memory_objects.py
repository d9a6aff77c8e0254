"""Objects in memory, which fail on purpose. tests/contracts/test_objects.py holds them to what real
stores do."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from domain.clock import Clock, utc_now
from domain.errors import ModelyardError, ObjectMissing, StorageFull, StorageUnavailable
from domain.files import keys
from domain.files.ports import Kept, Written

PIECE = 1024 * 1024
Trouble = Callable[[str, str], ModelyardError | None]
"""The error that a call (the method's name, the key or prefix) has to raise, if any."""

UNAVAILABLE = StorageUnavailable(where="memory", problem="it is away")
FULL = StorageFull(where="memory", problem="no space left")


@dataclass(eq=False, slots=True, kw_only=True)
class MemoryObjects:
    """`kept` may be read and changed by tests: what is taken out of it is missing.

    `unavailable`: nothing is answered. `full`: nothing can be written (removing works). `trouble` decides
    call by call, e.g. `lambda method, key: FULL if method == "put" else None`. All may be set meanwhile:
    they are looked at again at each piece. `calls` are those made so far.
    """

    clock: Clock = utc_now
    unavailable: bool = False
    full: bool = False
    trouble: Trouble = lambda method, key: None
    kept: dict[str, tuple[bytes, Kept]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    unfinished: int = 0  # what writers that are gone left behind

    async def put(self, key: str, pieces: AsyncIterator[bytes]) -> Written:
        self._begin("put", key)
        content = bytearray()
        async for piece in pieces:
            self._check("put", key)
            content += piece
        return self._keep("put", key, bytes(content))

    async def put_bytes(self, key: str, content: bytes) -> None:
        self._begin("put_bytes", key)
        self._keep("put_bytes", key, content)

    async def get(self, key: str, start: int, end: int) -> bytes:
        self._begin("get", key)
        return self._range(key, start, end)

    async def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        self._begin("get_ranges", key)
        return [self._range(key, start, end) for start, end in ranges]

    async def stream(
        self, key: str, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        self._begin("stream", key)
        upto = self._content(key)[1].size if end is None else end
        for place in range(start, upto, PIECE):
            self._check("stream", key)
            yield self._range(key, place, min(place + PIECE, upto))

    async def remove(self, keys: Collection[str]) -> None:
        for key in keys:
            self._begin("remove", key)
            self.kept.pop(key, None)

    async def listed(self, prefix: str) -> AsyncGenerator[Kept, None]:
        keys.checked_prefix(prefix)
        self.calls.append(("listed", prefix))
        for key in sorted(self.kept):
            self._check("listed", prefix)
            if key.startswith(prefix) and key in self.kept:
                yield self.kept[key][1]
        self._check("listed", prefix)

    async def sweep(self) -> int:
        self._check("sweep", "")
        swept, self.unfinished = self.unfinished, 0
        return swept

    def content(self, key: str) -> bytes:
        return self.kept[key][0]

    def _begin(self, method: str, key: str) -> None:
        keys.checked(key)
        self.calls.append((method, key))
        self._check(method, key)

    def _check(self, method: str, key: str) -> None:
        if (error := self.trouble(method, key)) is not None:
            raise error
        if self.unavailable:
            raise UNAVAILABLE
        if self.full and method in ("put", "put_bytes"):
            raise FULL

    def _keep(self, method: str, key: str, content: bytes) -> Written:
        self._check(method, key)
        kept = Kept(key=key, size=len(content), modified_at=self.clock())
        self.kept[key] = (content, kept)
        return Written(size=len(content), sha256=sha256(content).hexdigest())

    def _content(self, key: str) -> tuple[bytes, Kept]:
        if key not in self.kept:
            raise ObjectMissing(key=key)
        return self.kept[key]

    def _range(self, key: str, start: int, end: int) -> bytes:
        content, kept = self._content(key)
        if end > kept.size:
            raise ObjectMissing(key=key)
        return content[start:end]
