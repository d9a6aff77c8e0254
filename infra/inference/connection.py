"""One HTTP/1.1 connection to an engine: a request, its whole answer, and then perhaps the next.

A client that knows no more than a batch needs. For tiny answers it takes a quarter of the processor time
that aiohttp takes, which is nearly all that a batch costs.
"""

import asyncio
from dataclasses import dataclass
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from infra.inference.unpacking import TooLarge, Unpackable, unpacked

HEAD_LIMIT = 256 * 1024  # bytes of an answer that follow each other and are not of its body
WITHOUT_BODY = frozenset({204, 304})
UNTIL_END = frozenset({b"", b"identity"})  # without a length


class Broken(Exception):
    """The connection ended before the answer, or what came is no answer. `is_unheard`: not a byte came."""

    def __init__(self, problem: str, *, is_unheard: bool = False) -> None:
        super().__init__(problem)
        self.is_unheard = is_unheard


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` by name in small letters; those of a name that came twice with a comma between."""

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
        self._beside = 0  # bytes since the last one of a body
        self._heard = False
        self.idle_since = 0.0
        self._begin()

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
        self._limit, self._beside, self._heard = limit, 0, False
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

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._siblings.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._siblings.discard(self)
        problem = "the connection ended" if exc is None else str(exc) or type(exc).__name__
        self._fail(Broken(problem, is_unheard=not self._heard))

    def eof_received(self) -> None:
        """The engine says no more. It may still not have read all of the request, and never will:
        nothing waits for that."""
        if self._until_end:
            self._complete()
        self._fail(Broken("the connection ended", is_unheard=not self._heard))
        self.close()

    def data_received(self, data: bytes) -> None:
        if not self._is_waited_for:  # nobody asked
            self.close()
            return
        self._heard = True
        before = self._size
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._fail(Broken(f"the answer is no HTTP: {error}"))
            self.close()
        self._beside = 0 if self._size > before else self._beside + len(data)
        if self._beside > HEAD_LIMIT:
            self._fail(Broken(f"the answer has more than {HEAD_LIMIT} bytes that are not its body"))

    def on_message_begin(self) -> None:
        if not self._is_waited_for:  # a second answer, right behind the first
            self.close()
        self._begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_body:  # of a trailer nothing is used
            return
        name = name.lower()
        before = self._headers.get(name)
        self._headers[name] = value if before is None else before + b", " + value

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()
        if self._status < 200:
            return
        self._in_body = True
        if self._status in WITHOUT_BODY:
            return
        headers = self._headers
        length = headers.get(b"content-length")
        coding = headers.get(b"transfer-encoding", b"").strip().lower()
        if length is not None and int(length) > self._limit:
            self._fail(TooLarge())
        elif coding in UNTIL_END:
            self._until_end = length is None
        elif coding != b"chunked":
            self._fail(Broken(f"the answer is transferred as {coding.decode(errors='replace')!r}"))

    def on_body(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            self._fail(TooLarge())
        elif self._is_waited_for:
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        if self._status < 200:  # a word before the answer
            return
        self._complete()
        if not self._parser.should_keep_alive():
            self.close()

    @property
    def _is_waited_for(self) -> bool:
        return self._waiting is not None and not self._waiting.done()

    def _begin(self) -> None:
        self._status = self._size = 0
        self._in_body = self._until_end = False
        self._headers: dict[bytes, bytes] = {}
        self._pieces: list[bytes] = []

    def _complete(self) -> None:
        self._until_end = False
        if self._waiting is None or self._waiting.done():
            return
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces = []
        encoding = self._headers.get(b"content-encoding")
        try:
            if encoding is not None:
                body = unpacked(body, encoding.strip().lower(), self._limit)
        except Unpackable as error:
            self._fail(Broken(str(error)))
            return
        except TooLarge as error:
            self._fail(error)
            return
        self._waiting.set_result(Answer(self._status, self._headers, body))

    def _fail(self, error: Exception) -> None:
        """Whoever waits is told, and closes."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
            self._pieces = []
