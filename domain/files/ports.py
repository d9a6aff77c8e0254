"""Where the bytes of files and of batches' results lie."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Written:
    """`sha256` in hex, `size` in bytes."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Kept:
    key: str
    size: int
    modified_at: datetime


class Objects(Protocol):
    """Objects are written once, whole, under a key that was never used, and never changed.

    Keys are `/`-separated names of `[a-z0-9_.-]` (see `keys`; ValueError for others).
    Every method raises StorageUnavailable where the store does not answer in its time, StorageFull
    where a disk or quota is full.
    """

    async def put(self, key: str, pieces: AsyncIterator[bytes]) -> Written:
        """Durable when this returns; until then (also after a crash) there is no such object. What the
        iterator raises is raised, and nothing is kept."""

    async def put_bytes(self, key: str, content: bytes) -> None:
        """As `put`."""

    async def get(self, key: str, start: int, end: int) -> bytes:
        """Bytes from `start` up to (not with) `end`; raises ObjectMissing, also for less than that."""

    async def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        """Many (start, end) of one object at once; raises ObjectMissing."""

    def stream(
        self, key: str, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Pieces of at most 1 MiB; raises ObjectMissing, also for less than that. Close it when done."""

    async def remove(self, keys: Collection[str]) -> None:
        """Whether or not they were there, they are gone."""

    def listed(self, prefix: str) -> AsyncGenerator[Kept, None]:
        """All objects whose key begins with the prefix: none, or one that ends with a slash."""

    async def sweep(self) -> int:
        """Remove what writers that are gone left unfinished; how many that were."""
