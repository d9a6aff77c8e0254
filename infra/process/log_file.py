"""A replica's log: a file that its processes append to, older ones beside it.

    output.log     what is written to, with O_APPEND, by processes that know nothing of rotation
    output.log.1   what was in it before it was last rotated: copied, then truncated
    output.log.at  how many bytes were written before output.log's first; locked while that changes

A position counts from the first byte ever written, so a reader finds its place after a rotation. What
is written in the instant between copying and truncating is lost; that is the price of no pipe. Where
the disk has no room for a copy, all that would be in it is lost, and the log gives its room back.
"""

import errno
import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MOST = 1 << 20  # bytes that are read at once, and looked through for the last lines
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
LONGEST = 64 * 1024  # characters of a line; longer ones are shown in pieces


@dataclass(frozen=True, slots=True)
class LogFile:
    folder: Path
    limit: int = 16 * 1024 * 1024
    kept: int = 2

    @property
    def path(self) -> Path:
        return self.folder / "output.log"

    def say(self, text: str) -> None:
        """A line of ours among the replica's."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, 0o600)
        try:
            os.write(descriptor, f"modelyard: {text}\n".encode(errors="replace"))
        finally:
            os.close(descriptor)

    @property
    def is_full(self) -> bool:
        return _size(self.path) >= self.limit

    def rotate(self) -> bool:
        """Begin anew where the limit is reached; whether it was."""
        if not self.is_full:
            return False
        with self._at(fcntl.LOCK_EX) as at:
            for number in range(self.kept, 1, -1):
                if self._older(number - 1).exists():
                    self._older(number - 1).replace(self._older(number))
            end = _number(at) + self._saved()
            os.truncate(self.path, 0)  # first, so that there is room for the number
            os.pwrite(at, str(end).encode(), 0)
        return True

    def read(self, position: int) -> tuple[bytes, int]:
        """What was written from `position` on, up to MOST bytes, and where that ends. What is not
        kept any more is left out."""
        with self._at(fcntl.LOCK_SH) as at:
            begin = _number(at)
            older = self._older(1)
            first = begin - _size(older)
            position = max(position, first)
            if position < begin:
                found = _part(older, position - first)
            else:
                found = _part(self.path, position - begin)
        return found, position + len(found)

    def tail(self, lines: int) -> int:
        """The position where its last lines begin, as far as MOST bytes go back. A last line that has
        no end yet is one of them."""
        if not self.folder.is_dir():
            return 0  # where it will begin
        with self._at(fcntl.LOCK_SH) as at:
            end = _number(at) + _size(self.path)
        content, position = bytearray(), max(end - MOST, 0)
        while position < end:
            part, position = self.read(position)
            if not part:
                break
            content += part
        last = len(content) - 1
        for _ in range(lines):
            last = content.rfind(b"\n", 0, max(last, 0))
            if last < 0:
                return position - len(content)
        return position - len(content) + last + 1 if lines else position

    def _older(self, number: int) -> Path:
        return self.folder / f"output.log.{number}"

    def _saved(self) -> int:
        """As `_copy`; without a copy where there is no room for it."""
        try:
            return self._copy()
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            self._draft.unlink(missing_ok=True)
            return _size(self.path)

    @property
    def _draft(self) -> Path:
        return self.folder / "output.log.new"

    def _copy(self) -> int:
        """Copy what is there; of a log that grew faster than it was looked at, the last `limit` bytes.
        How many there were."""
        with self.path.open("rb") as source, self._draft.open("wb") as copy:
            end = os.fstat(source.fileno()).st_size
            if end > 2 * self.limit:
                source.seek(end - self.limit)
                source.readline(LONGEST)
            while part := source.read(min(MOST, max(end - source.tell(), 0))):
                copy.write(part)
            end = source.tell()
        self._draft.replace(self._older(1))
        return end

    @contextmanager
    def _at(self, lock: int) -> Iterator[int]:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self.folder / "output.log.at", flags, 0o600)
        try:
            fcntl.flock(descriptor, lock)
            yield descriptor
        finally:
            os.close(descriptor)


@dataclass(slots=True)
class Lines:
    """Bytes into lines of text, as they come."""

    rest: bytes = b""

    def of(self, part: bytes) -> Sequence[str]:
        *whole, self.rest = (self.rest + part).split(b"\n")
        while len(self.rest) > LONGEST:
            whole.append(self.rest[:LONGEST])
            self.rest = self.rest[LONGEST:]
        return [piece for line in whole for piece in _pieces(line)]

    def last(self) -> Sequence[str]:
        """What came after the last line's end."""
        rest, self.rest = self.rest, b""
        return list(_pieces(rest)) if rest else []


def last_lines(log: LogFile, lines: int) -> Sequence[str]:
    """Its last lines, for people: no NUL, no broken UTF-8, nothing of a file that isn't there."""
    if not log.folder.is_dir():
        return []
    position, found, assembled = log.tail(lines), list[str](), Lines()
    end = position + MOST  # a log that is written faster than it is read has no other one
    part = b"all"
    while part and position < end:
        part, position = log.read(position)
        found += assembled.of(part)
    return [*found, *assembled.last()][-lines:] if lines else []


def _pieces(line: bytes) -> Iterator[str]:
    """A line as a terminal would leave it: what a progress bar wrote over is gone."""
    text = line.replace(b"\0", b"").rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace")
    yield from (text[at : at + LONGEST] for at in range(0, max(len(text), 1), LONGEST))


def _number(descriptor: int) -> int:
    return int(os.pread(descriptor, 32, 0) or 0)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _part(file: Path, offset: int) -> bytes:
    try:
        with file.open("rb") as opened:
            opened.seek(offset)
            return opened.read(MOST)
    except FileNotFoundError:
        return b""
