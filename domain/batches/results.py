"""A batch's answers as far as they are stored, in the order in which they were.

A cursor is of one batch, and holds also when its answers have moved into the result files.
"""

import asyncio
import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from domain.batches.batch import Batch
from domain.batches.result_page import ResultLine, ResultPage
from domain.batches.shard import Entry, Segment
from domain.errors import CursorInvalid, ObjectMissing, ResultsDeleted
from domain.files.file import FileStatus
from domain.files.ports import Objects
from domain.work import Reads

__all__ = ["ResultLine", "ResultPage", "Results"]

PAGE_BYTES = 16 * 1024 * 1024  # a page ends early once it has more
SEGMENTS = 50  # read at once


@dataclass(frozen=True, slots=True)
class Found:
    """`place` is the entry's in its segment."""

    segment: Segment
    place: int

    @property
    def entry(self) -> Entry:
        return self.segment.entries[self.place]

    @property
    def stands(self) -> tuple[int, int]:
        return self.segment.sequence, self.place

    @property
    def key(self) -> str:
        moved = self.segment.error_key if self.entry.is_error else None
        return moved or self.segment.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    reads: Reads
    objects: Objects
    page_bytes: int = PAGE_BYTES

    async def page(self, batch: Batch, after: str | None, first: int) -> ResultPage:
        """Raises CursorInvalid, ResultsDeleted, StorageUnavailable."""
        start = decoded(batch.id, after) if after is not None else (0, -1)
        if batch.is_final and await self._were_deleted(batch.id):
            raise ResultsDeleted(id=batch.id)
        try:
            found, has_more, lines = await self._read(batch.id, start, first)
        except ObjectMissing:
            found, has_more, lines = await self._again(batch.id, start, first)
        cursors = [encoded(batch.id, *each.stands) for each in found]
        page = tuple(
            ResultLine(line, each.entry.is_error, cursor)
            for line, each, cursor in zip(lines, found, cursors, strict=True)
        )
        on = cursors[-1] if cursors else after
        return ResultPage(page, on if has_more or not batch.is_final else None)

    async def _again(
        self, batch_id: str, start: tuple[int, int], first: int
    ) -> tuple[Sequence[Found], bool, Sequence[bytes]]:
        """They moved while they were read; or they were deleted."""
        try:
            return await self._read(batch_id, start, first)
        except ObjectMissing:
            if await self._were_deleted(batch_id):
                raise ResultsDeleted(id=batch_id) from None
            raise

    async def _read(
        self, batch_id: str, start: tuple[int, int], first: int
    ) -> tuple[Sequence[Found], bool, Sequence[bytes]]:
        found, has_more = await self._found(batch_id, start, first)
        return found, has_more, await self._lines(found)

    async def _found(
        self, batch_id: str, start: tuple[int, int], first: int
    ) -> tuple[Sequence[Found], bool]:
        found: list[Found] = []
        size, (sequence, place) = 0, start
        sequence -= 1
        while segments := await self.reads.batches.segments(batch_id, sequence, SEGMENTS):
            for segment in segments:
                begin = place + 1 if segment.sequence == start[0] else 0
                for each in (Found(segment, n) for n in range(begin, len(segment.entries))):
                    if len(found) == first or size > self.page_bytes:
                        return found, True
                    found.append(each)
                    size += each.entry.end - each.entry.start
            sequence = segments[-1].sequence
        return found, False

    async def _lines(self, found: Sequence[Found]) -> Sequence[bytes]:
        by_key: dict[str, list[Found]] = {}
        for each in found:
            by_key.setdefault(each.key, []).append(each)
        read = await asyncio.gather(*(self._ranges(key, of) for key, of in by_key.items()))
        lines = {each.stands: line for one in read for each, line in one}
        return [lines[each.stands] for each in found]

    async def _ranges(self, key: str, of: Sequence[Found]) -> Sequence[tuple[Found, bytes]]:
        ranges = [(each.entry.start, each.entry.end) for each in of]
        return list(zip(of, await self.objects.get_ranges(key, ranges), strict=True))

    async def _were_deleted(self, batch_id: str) -> bool:
        batch = (await self.reads.batches.by_ids([batch_id])).get(batch_id)
        if batch is None:
            return True
        ids = [i for i in (batch.output_file_id, batch.error_file_id) if i is not None]
        files = await self.reads.files.by_ids(ids)
        return any(i not in files or files[i].status is FileStatus.DELETED for i in ids)


def encoded(batch_id: str, sequence: int, place: int) -> str:
    return urlsafe_b64encode(f"{batch_id}:{sequence}:{place}".encode()).decode().rstrip("=")


def decoded(batch_id: str, cursor: str) -> tuple[int, int]:
    """Sequence and place; raises CursorInvalid."""
    try:
        plain = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        of, sequence, place = plain.split(":")
        start = int(sequence), int(place)
    except (binascii.Error, ValueError) as error:
        raise CursorInvalid() from error
    if of != batch_id or min(start) < 0:
        raise CursorInvalid()
    return start
