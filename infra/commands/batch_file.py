"""A file of requests on its way to the server: as it is, or with another model, or bare bodies wrapped.

Lines stay where they are, so that what the server says of line 7 is about the file's line 7; what can't
be read is sent as it is, for the server to say what is wrong with it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from domain.errors import ModelyardError

PIECE = 256 * 1024  # bytes that go up at once
LONGEST = 4 * 1024 * 1024  # bytes of a line that is read; the server takes far shorter ones alone
BODIES = {"messages": "/v1/chat/completions", "prompt": "/v1/completions"}
"""What a bare body with such a member is for; of others that can't be told."""


@dataclass(eq=False, kw_only=True)
class FileUnreadable(ModelyardError):
    """{path!r} can't be read: {problem}."""

    path: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """`model` takes the place of every line's own. `endpoint` is None where neither the user nor the
    first line says it. `wraps`: the lines are bare bodies."""

    path: Path
    endpoint: str | None
    model: str | None
    wraps: bool

    @property
    def size(self) -> int | None:
        """In bytes; None where that shows only as it goes up."""
        return None if self._changes else self.path.stat().st_size

    @property
    def _changes(self) -> bool:
        return self.wraps or self.model is not None

    def pieces(self) -> Iterator[bytes]:
        """Raises FileUnreadable."""
        try:
            with self.path.open("rb") as file:
                yield from self._changed(file) if self._changes else _as_it_is(file)
        except OSError as error:
            raise unreadable(self.path, error) from error

    def _changed(self, file: BinaryIO) -> Iterator[bytes]:
        gathered: list[bytes] = []
        held = 0
        for number, line in _lines(file):
            gathered.append(line if number is None else self._line(number, line))
            held += len(gathered[-1])
            if held >= PIECE:
                yield b"".join(gathered)
                gathered, held = [], 0
        if gathered:
            yield b"".join(gathered)

    def _line(self, number: int, line: bytes) -> bytes:
        said = _object(line)
        if said is None:
            return line
        if self.wraps and is_bare(said):
            said = {
                "custom_id": f"line-{number}",
                "method": "POST",
                "url": self.endpoint,
                "body": said,
            }
        body = said.get("body")
        if self.model is not None and isinstance(body, dict):
            said = {**said, "body": {**body, "model": self.model}}
        return orjson.dumps(said) + b"\n"


def read(path: Path, endpoint: str | None, model: str | None) -> Requests:
    """Its first line tells what it is for, and whether it is wrapped; raises FileUnreadable."""
    try:
        with path.open("rb") as file:
            first = next((line for _, line in _lines(file) if line.strip()), b"")
    except OSError as error:
        raise unreadable(path, error) from error
    said = _object(first) or {}
    wraps = bool(said) and is_bare(said)
    return Requests(
        path=path, endpoint=endpoint or endpoint_of(said, wraps=wraps), model=model, wraps=wraps
    )


def is_bare(said: Mapping[str, Any]) -> bool:
    """Whether a line is a request's body alone, without what a batch has around it."""
    return not said.keys() & {"custom_id", "method", "url", "body"}


def endpoint_of(said: Mapping[str, Any], *, wraps: bool) -> str | None:
    if not wraps:
        url = said.get("url")
        return url if isinstance(url, str) else None
    return next((path for member, path in BODIES.items() if member in said), None)


def unreadable(path: Path, error: OSError) -> FileUnreadable:
    return FileUnreadable(path=str(path), problem=error.strerror or str(error))


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return said if isinstance(said, dict) else None


def _lines(file: BinaryIO) -> Iterator[tuple[int | None, bytes]]:
    """Each line with its number from 1; pieces of one that is too long have none."""
    number, is_within = 0, False
    while line := file.readline(LONGEST):
        ends = line.endswith(b"\n")
        is_part = is_within or (not ends and len(line) == LONGEST)
        number += not is_within
        is_within = not ends
        yield None if is_part else number, line


def _as_it_is(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece
