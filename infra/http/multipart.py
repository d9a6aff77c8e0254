"""multipart/form-data, read part by part as it comes: nothing is gathered, nothing written aside."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from infra.http.refusals import RequestRefused

FORM = "multipart/form-data"
PARTS_LIMIT = 32
IDLE_SECONDS = 60.0  # how long a client may send nothing at all


@dataclass(frozen=True, slots=True)
class Part:
    """`filename` is None for a plain field."""

    name: str
    filename: str | None


Token = Part | bytes | None
"""A part's beginning, a piece of it, and the end of a part or of the whole form."""


class Form:
    """`part()` gives the next one, None behind the last; then `pieces()` or `text()` its content, whole.

    All raise RequestRefused: for what is no such form, or comes too slowly, or breaks off.
    """

    def __init__(self, request: Request, idle_seconds: float = IDLE_SECONDS) -> None:
        self._chunks = request.stream()
        self._idle_seconds = idle_seconds
        self._parts = 0
        self._tokens: deque[Token] = deque()
        self._parser = _parser(request.headers, _Reader(self._tokens))

    async def part(self) -> Part | None:
        token = await self._next()
        if token is None:
            return None
        assert isinstance(token, Part)
        self._parts += 1
        if self._parts > PARTS_LIMIT:
            raise _too_much(f"it has more than {PARTS_LIMIT} parts", PARTS_LIMIT)
        return token

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        while (token := await self._next()) is not None:
            assert isinstance(token, bytes)
            yield token

    async def text(self, limit: int) -> str:
        """`limit` in bytes."""
        content = bytearray()
        async with aclosing(self.pieces()) as pieces:
            async for piece in pieces:
                content += piece
                if len(content) > limit:
                    raise _too_much(f"one of its fields has more than {limit} bytes", limit)
        return _text(bytes(content))

    async def _next(self) -> Token:
        while not self._tokens:
            try:
                self._parser.write(await self._chunk())
            except FormParserError as error:
                raise _malformed("it does not keep to RFC 7578") from error
        return self._tokens.popleft()

    async def _chunk(self) -> bytes:
        try:
            async with asyncio.timeout(self._idle_seconds):
                return await anext(self._chunks)
        except TimeoutError as error:
            problem = f"Nothing came for {self._idle_seconds:g} seconds."
            raise RequestRefused(kind="BODY_TIMEOUT", status=408, problem=problem) from error
        except (ClientDisconnect, StopAsyncIteration) as error:
            raise _malformed("it ends too early") from error


@dataclass(slots=True)
class _Reader:
    """What the parser calls; it makes tokens of that."""

    tokens: deque[Token]
    _name: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)
    _headers: dict[bytes, bytes] = field(default_factory=dict)

    def begin(self) -> None:
        self._headers.clear()

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header(self) -> None:
        self._headers[bytes(self._name).lower()] = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def headers(self) -> None:
        kind, said = parse_options_header(self._headers.get(b"content-disposition"))
        if kind != b"form-data" or b"name" not in said:
            raise _malformed("a part does not say its name")
        filename = said.get(b"filename")
        shown = None if filename is None else _text(filename)
        self.tokens.append(Part(name=_text(said[b"name"]), filename=shown))

    def content(self, data: bytes, start: int, end: int) -> None:
        if end > start:
            self.tokens.append(data[start:end])

    def end(self) -> None:
        self.tokens.append(None)


def is_form(headers: Mapping[str, str]) -> bool:
    kind, _ = parse_options_header(headers.get("content-type", ""))
    return kind.decode("latin-1").lower() == FORM


def _parser(headers: Mapping[str, str], reader: _Reader) -> MultipartParser:
    if not is_form(headers):
        problem = f"Send a form, with 'Content-Type: {FORM}'."
        raise RequestRefused(kind="UNSUPPORTED_MEDIA_TYPE", status=415, problem=problem)
    _, said = parse_options_header(headers.get("content-type", ""))
    if not said.get(b"boundary"):
        raise _malformed("its Content-Type says no boundary")
    try:
        return MultipartParser(
            said[b"boundary"],
            {
                "on_part_begin": reader.begin,
                "on_header_field": reader.header_name,
                "on_header_value": reader.header_value,
                "on_header_end": reader.header,
                "on_headers_finished": reader.headers,
                "on_part_data": reader.content,
                "on_part_end": reader.end,
                "on_end": reader.end,
            },
        )
    except FormParserError as error:
        raise _malformed("its boundary is too long") from error


def _text(written: bytes) -> str:
    try:
        return written.decode()
    except UnicodeDecodeError as error:
        raise _malformed("what is text in it must be UTF-8") from error


def _malformed(problem: str) -> RequestRefused:
    return RequestRefused(
        kind="INVALID_FORM", status=400, problem=f"The form can't be read: {problem}."
    )


def _too_much(problem: str, limit: int) -> RequestRefused:
    """It is not counted to its end."""
    return replace(_malformed(problem), status=413, extensions={"limit": limit, "found": limit + 1})
