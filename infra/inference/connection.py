"""One HTTP/1.1 connection to an engine: a request, its whole answer, and then perhaps the next.

A client that knows no more than a batch needs. For tiny answers it takes a quarter of the processor time
that aiohttp takes, which is nearly all that a batch costs.
"""

import asyncio
import zlib
from dataclasses import dataclass
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

HEAD_LIMIT = 256 * 1024  # bytes of an answer before its body
WITHOUT_BODY = frozenset({204, 304})
PLAIN = frozenset({b"", b"identity"})
ZIPPED = frozenset({b"gzip", b"x-gzip", b"deflate"})
EITHER = zlib.MAX_WBITS | 32  # gzip or zlib, by what it begins with


class Broken(Exception):
    """The connection ended before the answer, or what came is no answer. `is_unheard`: not a byte came."""

    def __init__(self, problem: str, *, is_unheard: bool = False) -> None:
        super().__init__(problem)
        self.is_unheard = is_unheard


class TooLarge(Exception):
    """The answer has more bytes than it may."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` by name in small letters; of a name that came twice, the last."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Connection(asyncio.Protocol):
    """It is one of `siblings` for as long as it is not closed. `idle_since` is the loop's time."""

    def __init__(self, siblings: set["Connection"]) -> None:
        self._siblings = siblings
        self._loop = asyncio.get_running_loop()
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._limit = 0
        self._heard = False
        self.idle_since = 0.0
        self.is_used = False
        self.on_message_begin()

    @property
    def is_open(self) -> bool:
        """Whether another request may go out."""
        transport = self._transport
        return (
            transport is not None
            and not transport.is_closing()
            and self._waiting is None
            and not transport.get_write_buffer_size()
        )

    async def ask(self, request: bytes, seconds: float, limit: int) -> Answer:
        """Raises Broken, TooLarge and TimeoutError. Behind each, and where the waiting is cancelled, it
        is closed."""
        transport = self._transport
        if transport is None or transport.is_closing():
            raise Broken("it was closed", is_unheard=True)
        self._limit, self._heard = limit, False
        waiting: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting = waiting
        timer = self._loop.call_later(seconds, self._fail, TimeoutError())
        transport.write(request)
        try:
            return await waiting
        except BaseException:
            self.close()
            raise
        finally:
            timer.cancel()
            self._waiting = None
            self.is_used = True

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._siblings.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._until_end and exc is None:
            self._complete()
        problem = "the connection ended" if exc is None else str(exc) or type(exc).__name__
        self._fail(Broken(problem, is_unheard=not self._heard))
        self._transport = None
        self._siblings.discard(self)

    def data_received(self, data: bytes) -> None:
        if self._waiting is None or self._waiting.done():  # nobody asked
            self.close()
            return
        self._heard = True
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._fail(Broken(f"the answer is no HTTP: {error}"))
        if not self._in_body:
            self._head += len(data)
            if self._head > HEAD_LIMIT:
                self._fail(Broken(f"the answer's head has more than {HEAD_LIMIT} bytes"))

    def on_message_begin(self) -> None:
        self._status = self._size = self._head = 0
        self._in_body = self._until_end = False
        self._headers: dict[bytes, bytes] = {}
        self._pieces: list[bytes] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()
        if self._status < 200:
            return
        self._in_body = True
        headers = self._headers
        length = headers.get(b"content-length")
        if length is not None and length.isdigit() and int(length) > self._limit:
            self._fail(TooLarge())
        self._until_end = (
            length is None
            and b"transfer-encoding" not in headers
            and self._status not in WITHOUT_BODY
        )

    def on_body(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            self._fail(TooLarge())
        elif self._waiting is not None:
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        if self._status < 200:  # a word before the answer
            return
        self._complete()
        if not self._parser.should_keep_alive():
            self.close()

    def _complete(self) -> None:
        self._until_end = False
        if self._waiting is None or self._waiting.done():
            return
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        encoding = self._headers.get(b"content-encoding", b"")
        if encoding not in PLAIN and body:
            try:
                body = _unpacked(body, encoding.lower(), self._limit)
            except (Broken, TooLarge) as error:
                self._fail(error)
                return
        self._waiting.set_result(Answer(self._status, self._headers, body))

    def _fail(self, error: Exception) -> None:
        """Whoever waits is told, and closes."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
            self._pieces = []


def _unpacked(body: bytes, encoding: bytes, limit: int) -> bytes:
    if encoding in PLAIN:
        return body
    if encoding not in ZIPPED:
        raise Broken(f"the answer is encoded as {encoding.decode(errors='replace')!r}")
    unpacking = zlib.decompressobj(EITHER)
    try:
        unpacked = unpacking.decompress(body, limit + 1)
    except zlib.error as error:
        raise Broken(f"the answer can't be unpacked: {error}") from error
    if len(unpacked) > limit:
        raise TooLarge()
    if not unpacking.eof:
        raise Broken("the packed answer lacks its end")
    return unpacked
