"""Another model's name in a JSON document, and every other byte as it was written.

Documents of several megabytes pass a gateway for each request; they are neither built as objects
nor written anew, which would also change how their numbers and texts are spelled.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.errors import ModelyardError

# A text, with the colon that makes it a key; or from a bracket to the next text; or a quote astray.
TOKEN = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"[ \t\r\n]*+(:?)|[{}\[\]][^"]*+|"', re.DOTALL)
MOST_TOKENS = 1_000_000  # some tenths of a second, in which nothing else is done
LONGEST_LINE = 16 * 1024 * 1024  # of a stream; a longer one is passed on as it comes
MODEL, RESPONSE = b"model", b"response"


Span = tuple[int, int]


@dataclass(eq=False, kw_only=True)
class TooIntricate(ModelyardError):
    """The document has too many texts in it: more than some {most}."""

    most: int


def own_models(document: bytes) -> Sequence[Span]:
    """Where the document's own `model` stands, as often as it does: parsers differ in which they take.

    Spans with their quotes. Raises TooIntricate.
    """
    return list(_models(document, within=None))


def with_models(document: bytes, spans: Sequence[Span], name: str) -> bytes:
    """With what stands there replaced."""
    return _spliced(document, spans, _written(name))


def answered_by(document: bytes, name: str) -> bytes:
    """An answer with its first `model` replaced, its own or its `response`'s. What has none (or is no
    JSON) stays as it is."""
    return _answered(document, _written(name))


def _answered(document: bytes, written: bytes) -> bytes:
    try:
        span = next(_models(document, within=RESPONSE), None)
    except TooIntricate:
        return document
    return document if span is None else _spliced(document, [span], written)


def _written(name: str) -> bytes:
    return json.dumps(name, ensure_ascii=False).encode(errors="surrogatepass")


def _spliced(document: bytes, spans: Sequence[Span], written: bytes) -> bytes:
    parts, end = [], 0
    for start, stop in spans:
        parts += [document[end:start], written]
        end = stop
    return b"".join([*parts, document[end:]])


def _models(document: bytes, within: bytes | None) -> Iterator[Span]:
    """Where the texts stand that are values of `model` in the outermost object, or in its member
    `within`; with their quotes."""
    depth, outer, awaited = 0, b"", False
    for number, token in enumerate(TOKEN.finditer(document)):
        if number == MOST_TOKENS:
            raise TooIntricate(most=MOST_TOKENS)
        first = token[0][:1]
        if first == b'"' and token[2]:
            if depth == 1:
                outer = token[1]
            is_own = depth == 1 or (depth == 2 and outer == within)
            awaited = is_own and _says_model(token[1])
            continue
        if (
            token[0] == b'"'
        ):  # that text has no end; looked for from each quote in it, it takes for ever
            return
        if first == b'"' and awaited:
            yield token.start(), token.end(1) + 1
        elif first != b'"':
            depth += _deeper(document, *token.span())
        awaited = False


def _deeper(document: bytes, start: int, end: int) -> int:
    opened = document.count(b"{", start, end) + document.count(b"[", start, end)
    return opened - document.count(b"}", start, end) - document.count(b"]", start, end)


def _says_model(key: bytes) -> bool:
    return key == MODEL or (b"\\" in key and _unescaped(key) == MODEL.decode())


def _unescaped(key: bytes) -> object:
    try:
        return json.loads(b'"%b"' % key)
    except ValueError:
        return None


class EventStream:
    """Server-sent events, in pieces of any size: each data line's model is replaced.

    Whole lines go on at once; the beginning of one waits for its end.
    """

    def __init__(self, name: str) -> None:
        self._written = _written(name)
        self._rest = bytearray()
        self._is_too_long = False

    def feed(self, piece: bytes) -> bytes:
        end = max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1
        if not end:
            return self._beginning(piece)
        lines = bytes(self._rest) + piece[:end]
        whole = lines.splitlines(keepends=True)
        if self._is_too_long:
            untouched, whole, self._is_too_long = whole[0], whole[1:], False
        else:
            untouched = b""
        self._rest = bytearray(piece[end:])
        return untouched + b"".join(self._line(line) for line in whole)

    def finish(self) -> bytes:
        """The last line, where nothing ended it."""
        rest, self._rest = bytes(self._rest), bytearray()
        return self._line(rest)

    def _beginning(self, piece: bytes) -> bytes:
        if not self._is_too_long:
            self._rest += piece
            if len(self._rest) <= LONGEST_LINE:
                return b""
            piece, self._is_too_long = bytes(self._rest), True
            self._rest = bytearray()
        return piece

    def _line(self, line: bytes) -> bytes:
        return _answered(line, self._written) if line.startswith(b"data:") else line
