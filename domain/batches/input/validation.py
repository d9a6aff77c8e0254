"""Whether a file is a batch's input, and how it is cut into shards.

UTF-8, with or without a byte order mark. One JSON object a line; blank lines are skipped, but counted
where an error names its line.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field

from domain.batches.batch import InputError
from domain.batches.input.cutting import Cutter
from domain.batches.input.jsonl import Line, Lines
from domain.batches.input.requests import Checks, Limits
from domain.batches.shard import Shard
from domain.errors import ObjectMissing
from domain.files.file import File
from domain.files.ports import Objects

SLICE = 128 * 1024  # bytes between two turns of the event loop: some milliseconds
A_LINE = 250  # bytes that a line costs beside its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a file holds. With `errors`, the rest is what was read until there were too many of them."""

    errors: tuple[InputError, ...]
    total: int
    model: str | None
    shards: tuple[Shard, ...]


@dataclass(slots=True, kw_only=True)
class Reading:
    """One reading of an input file. It holds one piece of it, one line, and what is known of one shard's
    lines; take `index` to its end, then see what was `checked`."""

    objects: Objects
    file: File
    endpoint: str
    limits: Limits
    loads: Callable[[bytes], object]
    dumps: Callable[[object], bytes]
    batch_id: str = ""
    _checks: Checks = field(init=False)
    _cutter: Cutter = field(init=False)

    def __post_init__(self) -> None:
        self._checks = Checks(self.endpoint, self.limits, self.loads)
        self._cutter = Cutter(self.batch_id, self.dumps)

    @property
    def checked(self) -> Checked:
        checks = self._checks
        shards = () if checks.errors else tuple(self._cutter.shards)
        return Checked(
            errors=tuple(checks.errors), total=checks.total, model=checks.model, shards=shards
        )

    async def index(self) -> AsyncGenerator[bytes, None]:
        """The index object's bytes; of a file with errors only some of them.

        Raises ObjectMissing, also where the object is shorter than the file was; StorageUnavailable.
        """
        if self.file.size > self.limits.size:
            message = f"The file has more than {self.limits.size} bytes. Split it."
            self._checks.add("file_too_large", message)
            return
        async with aclosing(self._lines()) as found:
            async for entry in self._entries(found):
                yield entry
        if not self._checks.total:
            self._checks.add("empty_file", "The file has no requests.")
        elif not self._checks.errors:
            yield self._cutter.rest()

    async def _entries(self, found: AsyncIterator[Iterator[Line]]) -> AsyncGenerator[bytes, None]:
        work = 0
        async for lines in found:
            for line in lines:
                custom_id = self._checks.line(line)
                if self._checks.are_over:
                    return
                length = len(line.text or b"")
                if (
                    custom_id is not None
                    and not self._checks.errors
                    and (entry := self._cutter.add(custom_id, line.start, length))
                ):
                    yield entry
                work += length + A_LINE
                if work > SLICE:
                    work = 0
                    await asyncio.sleep(0)

    async def _lines(self) -> AsyncGenerator[Iterator[Line], None]:
        lines, size = Lines(self.limits.line), 0
        async with aclosing(self.objects.stream(self.file.key)) as pieces:
            async for piece in pieces:
                size += len(piece)
                yield lines.feed(piece)
        if size != self.file.size:
            raise ObjectMissing(key=self.file.key)
        yield lines.rest()


async def read(
    objects: Objects,
    file: File,
    endpoint: str,
    *,
    limits: Limits,
    loads: Callable[[bytes], object],
) -> Checked:
    """What the file holds, without keeping anything of it. Raises as `Reading.index` does."""
    reading = Reading(
        objects=objects,
        file=file,
        endpoint=endpoint,
        limits=limits,
        loads=loads,
        dumps=lambda entry: b"",
    )
    async with aclosing(reading.index()) as index:
        async for _ in index:
            pass
    return reading.checked
