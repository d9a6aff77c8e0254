"""Pieces of a file become its lines, whatever the pieces' sizes.

At most one unfinished line is held, and nothing of one that is too long.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

BOM = b"\xef\xbb\xbf"
_INK = re.compile(rb"\S")  # what bytes.strip leaves


@dataclass(frozen=True, slots=True)
class Line:
    """`number` is the physical line, from 1. `start` is where its text begins in the file; `text` has no
    white space around it, and is None where it has more bytes than it may."""

    number: int
    start: int
    text: bytes | None


@dataclass(slots=True)
class Lines:
    """Blank lines are counted, and left out. A line ends with a newline, or with the file; a carriage
    return before it is white space as any other. A byte order mark before the first line is skipped."""

    limit: int
    _number: int = 1
    _offset: int = 0
    _start: int = 0
    _held: bytearray = field(default_factory=bytearray)  # of the unfinished line
    _dropped: bool = False  # the unfinished line is too long

    def feed(self, piece: bytes) -> Iterator[Line]:
        """The lines that end in the piece; take all of them before the next piece is fed."""
        at = 0
        if self._held or self._dropped:
            end = piece.find(b"\n")
            self._hold(piece if end < 0 else piece[:end])
            at = len(piece) if end < 0 else end + 1
            if end >= 0:
                yield from self._finished()
                self._number += 1
        while (ink := _INK.search(piece, at)) is not None:
            begin = ink.start()
            self._number += piece.count(b"\n", at, begin)
            end = piece.find(b"\n", begin)
            if end < 0:
                self._start, at = self._offset + begin, len(piece)
                self._hold(piece[begin:])
                break
            yield from self._line(self._offset + begin, piece[begin:end])
            self._number += 1
            at = end + 1
        self._number += piece.count(b"\n", at)
        self._offset += len(piece)

    def rest(self) -> Iterator[Line]:
        """The last line, if no newline ended it."""
        yield from self._finished()

    def _hold(self, part: bytes) -> None:
        """One byte more than may be: it may be the carriage return."""
        if self._dropped or len(self._held) + len(part) > self.limit + 1:
            self._dropped = True
            self._held.clear()
        else:
            self._held += part

    def _finished(self) -> Iterator[Line]:
        if self._dropped:
            yield Line(self._number, self._start, None)
        elif self._held:
            yield from self._line(self._start, bytes(self._held))
        self._held.clear()
        self._dropped = False

    def _line(self, start: int, raw: bytes) -> Iterator[Line]:
        if len(raw) > self.limit + 1:
            yield Line(self._number, start, None)
            return
        text = raw.rstrip()
        if start == 0 and text.startswith(BOM):
            inner = text[len(BOM) :].lstrip()
            start, text = len(text) - len(inner), inner
        if text:
            yield Line(self._number, start, text if len(text) <= self.limit else None)
