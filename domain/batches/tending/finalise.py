"""How a batch's result files come about: which line stands where, and what those without an answer say."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.batches.batch import Batch, BatchStatus
from domain.batches.input import lines
from domain.batches.shard import Entry, Segment, Shard
from domain.batches.tending import course
from domain.errors import ModelyardError
from domain.files.file import KEPT, File, FilePurpose, FileStatus
from domain.files.ports import Written

GROUP = 1024 * 1024  # bytes of answers that are read at once


@dataclass(eq=False, kw_only=True)
class ResultsIncomplete(ModelyardError):
    """Line {line} of shard {shard} of batch {batch} {problem}: its files can't be written."""

    batch: str
    shard: int
    line: int
    problem: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A line whose answer is stored."""

    line: int
    segment: Segment
    entry: Entry

    @property
    def size(self) -> int:
        return self.entry.end - self.entry.start


@dataclass(frozen=True, slots=True)
class Undone:
    """A line that gets an error line."""

    line: int


Source = Kept | Undone


def has_bit(bits: bytes, line: int) -> bool:
    return bool(bits[line // 8] >> line % 8 & 1)


def count(bits: bytes) -> int:
    return sum(byte.bit_count() for byte in bits)


def results(shard: Shard) -> int:
    """How many of its lines go to the output file; all others go to the error file."""
    return count(shard.done) - count(shard.failed)


def sources(shard: Shard, segments: Sequence[Segment], *, errors: bool) -> Sequence[Source]:
    """Of each of the shard's lines for one of the two files, in order; raises ResultsIncomplete."""
    kept: dict[int, Kept] = {}
    for segment in segments:
        for entry in segment.entries:
            if entry.line in kept:
                raise _fault(shard, entry.line, "has two answers")
            kept[entry.line] = Kept(entry.line, segment, entry)
    for line in range(shard.lines):
        if has_bit(shard.done, line) != (line in kept):
            raise _fault(
                shard, line, "is done, and has no answer" if line not in kept else "is not done"
            )
        if line in kept and kept[line].entry.is_error != has_bit(shard.failed, line):
            raise _fault(shard, line, "has an answer of another kind")
    found = (kept.get(line, Undone(line)) for line in range(shard.lines))
    return [s for s in found if (isinstance(s, Undone) or s.entry.is_error) == errors]


def _fault(shard: Shard, line: int, problem: str) -> ResultsIncomplete:
    return ResultsIncomplete(batch=shard.batch_id, shard=shard.number, line=line, problem=problem)


def groups(of: Iterable[Source]) -> Iterator[Sequence[Source]]:
    """One after the other, each of about GROUP bytes at most, or one line."""
    group: list[Source] = []
    size = 0
    for source in of:
        length = source.size if isinstance(source, Kept) else 0
        if group and size + length > GROUP:
            yield group
            group, size = [], 0
        group.append(source)
        size += length
    if group:
        yield group


def reason_undone(batch: Batch) -> tuple[str, str]:
    """The code and message of its lines that have no answer."""
    codes = {error.code: error.message for error in batch.errors}
    if batch.status is BatchStatus.CANCELLING:
        return lines.CANCELLED, "The batch was cancelled before this request was answered."
    if batch.ending is BatchStatus.EXPIRED:
        return (
            lines.EXPIRED,
            "The batch's completion window closed before this request was answered.",
        )
    if course.NOT_READY in codes:
        return lines.UNREACHABLE, codes[course.NOT_READY]
    if course.INPUT_GONE in codes:
        return lines.INPUT_UNAVAILABLE, codes[course.INPUT_GONE]
    return lines.UNREACHABLE, "This request was not answered."


def outcome(batch: Batch) -> BatchStatus:
    """What it becomes when its files are there."""
    if batch.status is BatchStatus.CANCELLING:
        return BatchStatus.CANCELLED
    return BatchStatus.EXPIRED if batch.ending is BatchStatus.EXPIRED else BatchStatus.COMPLETED


def finished(
    batch: Batch, completed: int, output: File | None, error: File | None, now: datetime
) -> Batch:
    """Whatever is not completed has failed."""
    status, reason = outcome(batch), course.lasting_reason(batch)
    message = batch.message if reason is not None else ""
    return replace(
        course.moved(batch, status, now, reason, message),
        ending=status,
        completed=completed,
        failed=batch.total - completed,
        output_file_id=output.id if output else None,
        error_file_id=error.id if error else None,
    )


def file(batch: Batch, key: str, written: Written, id: str, now: datetime, *, errors: bool) -> File:
    kept = batch.output_expires_after
    return File(
        id=id,
        project_id=batch.project_id,
        name=f"batch_{batch.id}_{'error' if errors else 'output'}.jsonl",
        purpose=FilePurpose.BATCH_OUTPUT,
        status=FileStatus.PROCESSED,
        key=key,
        size=written.size,
        sha256=written.sha256,
        batch_id=batch.id,
        created_at=now,
        created_by=batch.created_by,
        expires_at=now + (KEPT if kept is None else timedelta(seconds=kept)),
    )


@dataclass(frozen=True, slots=True)
class Packed:
    """A segment whose entries take 13 bytes each, without where they begin."""

    segment: Segment  # without its entries
    lines: "array[int]"
    sizes: "array[int]"
    errors: bytes  # a byte each

    @classmethod
    def of(cls, segment: Segment) -> "Packed":
        entries = segment.entries
        return cls(
            segment=replace(segment, entries=()),
            lines=array("I", [entry.line for entry in entries]),
            sizes=array("Q", [entry.end - entry.start for entry in entries]),
            errors=bytes(entry.is_error for entry in entries),
        )

    def entries(self, starts: Sequence[int]) -> tuple[Entry, ...]:
        """In the order that they had; `starts` by line."""
        told = zip(self.lines, self.sizes, self.errors, strict=True)
        return tuple(
            Entry(line, bool(error), starts[line], starts[line] + size)
            for line, size, error in told
        )


@dataclass(slots=True)
class Moves:
    """Where answers are now that were in segments of their own: of all of a batch's, so packed."""

    _segments: dict[tuple[int, int], Packed]
    _starts: dict[int, "array[int]"]  # by shard, by line

    def __init__(self) -> None:
        self._segments, self._starts = {}, {}

    def add(self, kept: Kept, start: int) -> None:
        shard = kept.segment.shard
        place = kept.segment.sequence, shard
        if place not in self._segments:
            self._segments[place] = Packed.of(kept.segment)
        starts = self._starts.setdefault(shard, array("Q"))
        if (lacking := kept.line + 1 - len(starts)) > 0:
            starts.extend([0] * lacking)
        starts[kept.line] = start

    def segments(self, output_key: str | None, error_key: str | None) -> Iterator[Segment]:
        """As they are to be, their entries in the order that they had."""
        key = output_key or error_key
        for (_, shard), packed in sorted(self._segments.items(), key=lambda each: each[0]):
            if key is not None:
                entries = packed.entries(self._starts[shard])
                yield replace(packed.segment, key=key, error_key=error_key, entries=entries)
