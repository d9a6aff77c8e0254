"""What engines say, and how it is cut into pieces on its way: the same answer is the same reply."""

import asyncio
import gzip
import zlib
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.batches.ports import Reply
from domain.errors import Interrupted, ResponseTooLarge
from infra.inference.connection import HEAD_LIMIT, Answer, Broken, Connection
from infra.inference.engines import connections
from tests.support.engines_by_script import Script, Scripted, engine, says

MOST = 1024 * 1024
BODY = b'{"id":"1","usage":{}}'
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n"


def with_length(body: bytes = BODY, *lines: bytes, status: bytes = b"200 OK") -> bytes:
    said = b"".join(line + b"\r\n" for line in lines)
    return b"HTTP/1.1 %b\r\n%bcontent-length: %d\r\n\r\n%b" % (status, said, len(body), body)


def in_chunks(body: bytes = BODY, *lines: bytes, trailers: bytes = b"") -> bytes:
    said = b"".join(line + b"\r\n" for line in lines)
    first, rest = body[:3], body[3:]
    chunks = b"%x;name=value;x\r\n%b\r\n%X\r\n%b\r\n0\r\n" % (len(first), first, len(rest), rest)
    return CHUNKED + said + b"\r\n" + chunks + trailers + b"\r\n"


def raw_deflate(body: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(body) + packing.flush()


WHOLE = {
    "length": with_length(),
    "length, and small words": with_length(
        BODY, b"CONTENT-type:application/json", b"x-request-id: 7"
    ),
    "chunks": in_chunks(),
    "chunks with trailers": in_chunks(
        trailers=b"x-sum: 1\r\ncontent-encoding: br\r\nRetry-After: 9\r\n"
    ),
    "a word before": b"HTTP/1.1 100 Continue\r\n\r\n" + with_length(),
    "words before": b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\nx-request-id: no\r\n\r\n" * 3
    + with_length(),
    "gzip": with_length(gzip.compress(BODY, mtime=0), b"content-encoding: gzip"),
    "gzip in chunks": in_chunks(gzip.compress(BODY, mtime=0), b"Content-Encoding: GZIP"),
    "gzip in parts": with_length(
        gzip.compress(BODY[:5], mtime=0) + gzip.compress(BODY[5:], mtime=0),
        b"content-encoding: x-gzip",
    ),
    "deflate": with_length(zlib.compress(BODY), b"content-encoding: deflate"),
    "deflate without zlib": with_length(raw_deflate(BODY), b"content-encoding: deflate"),
    "identity": with_length(BODY, b"content-encoding: Identity"),
    "old, and kept": b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: %d\r\n\r\n%b"
    % (len(BODY), BODY),
}
LAST = {
    "closing": with_length(BODY, b"connection: close"),
    "closing chunks": in_chunks(BODY, b"connection: close"),
    "old": b"HTTP/1.0 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY),
    "until its end": OK + b"content-type: application/json\r\n\r\n" + BODY,
    "old until its end": b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
    "identity until its end": OK + b"transfer-encoding: identity\r\n\r\n" + BODY,
    "packed until its end": OK + b"content-encoding: gzip\r\n\r\n" + gzip.compress(BODY, mtime=0),
}
ALL = WHOLE | LAST


def cuts(answer: bytes, at: list[int]) -> list[bytes]:
    """Between `at` and the ends; none is empty."""
    places = [0, *sorted(set(at) - {0, len(answer)}), len(answer)]
    return [answer[a:b] for a, b in pairwise(places)]


async def asked(script: Script, limit: int = MOST, seconds: float = 20.0) -> Reply:
    async with engine(script) as server, connections() as engines:
        return await engines.ask(server.url, {}, b"{}", seconds, limit)


@pytest.mark.parametrize("name", ALL)
async def test_an_answer_that_is_cut_in_two_anywhere_is_the_same(name: str) -> None:
    answer = ALL[name]

    async def script(
        server: Scripted, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            await server.heard(reader)
            place = len(server.bodies)
            for piece in cuts(answer, [place]):
                writer.write(piece)
                for _ in range(3):
                    await asyncio.sleep(0)  # it is read by then
            if name in LAST:
                return

    async with engine(script) as server, connections() as engines:
        for _ in answer:
            reply = await engines.ask(server.url, {}, b"{}", 20.0, MOST)
            assert (reply.status, reply.body, reply.retry_after) == (200, BODY, None)
        assert server.connected == (len(answer) if name in LAST else 1)


@dataclass(eq=False)
class Wire(asyncio.Transport):
    """The engine's end in memory: pieces arrive exactly as they are cut."""

    is_over: bool = False

    def write(self, data: bytes | bytearray | memoryview) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.is_over

    def abort(self) -> None:
        self.is_over = True


def read(pieces: list[bytes], limit: int = MOST) -> Answer:
    async def reading() -> Answer:
        connection, wire = Connection(set()), Wire()
        connection.connection_made(wire)
        asking = asyncio.create_task(connection.ask(b"request", 20.0, limit))
        await asyncio.sleep(0)
        for piece in pieces:
            if not wire.is_over:
                connection.data_received(piece)
        if not wire.is_over:
            connection.eof_received()
        return await asking

    return asyncio.run(reading())


@given(st.sampled_from(sorted(ALL)), st.lists(st.integers(0, 400)))
def test_an_answer_in_pieces_is_the_same_as_whole(name: str, at: list[int]) -> None:
    answer = ALL[name]
    said = read(cuts(answer, [place % len(answer) for place in at]))
    assert said == read([answer])
    assert (said.status, said.body) == (200, BODY)


@pytest.mark.parametrize("name", sorted(ALL.keys() - {"packed until its end"}))
def test_an_answer_that_ends_early_is_an_answer_only_where_its_end_is_the_connections(
    name: str,
) -> None:
    answer = ALL[name]
    whole = answer.index(b"\r\n\r\n") + 4 if name.endswith("until its end") else len(answer)
    for length in range(whole):
        with pytest.raises(Broken) as caught:
            read([answer[:length]] if length else [])
        assert caught.value.is_unheard == (length == 0)
    for length in range(whole, len(answer)):
        assert BODY.startswith(read([answer[:length]]).body)


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_an_answer_without_a_body_is_whole_with_its_head(status: bytes) -> None:
    longer = b"content-length: 5000000\r\n" if status.startswith(b"304") else b""
    pieces = says(b"HTTP/1.1 " + status + b"\r\n" + longer + b"\r\n")
    async with engine(pieces) as server, connections() as engines:
        for _ in range(3):
            reply = await engines.ask(server.url, {}, b"{}", 5.0, 1_000)
            assert (reply.status, reply.body) == (int(status[:3]), b"")
        assert server.connected == 1


async def test_an_empty_body_that_is_said_to_be_packed_is_empty() -> None:
    reply = await asked(says(with_length(b"", b"content-encoding: gzip", status=b"429 Slow down")))
    assert (reply.status, reply.body) == (429, b"")


BROKEN = {
    "no HTTP": b"SSH-2.0-OpenSSH_9\r\n",
    "HTTP/2": b"HTTP/2 200 OK\r\n\r\n",
    "a request": b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nxyz",
    "two lengths": OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
    "a length and chunks": CHUNKED + b"content-length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "a length below nothing": OK + b"content-length: -1\r\n\r\n{}",
    "a length of ages": OK + b"content-length: 99999999999999999999999\r\n\r\n{}",
    "a chunk without a size": CHUNKED + b"\r\nxyz\r\n",
    "a coding that was not asked for": OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "two codings": CHUNKED.replace(b"chunked", b"gzip")
    + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown packing": with_length(BODY, b"content-encoding: br"),
    "two packings": with_length(gzip.compress(BODY), b"content-encoding: gzip, gzip"),
    "packings in two lines": with_length(
        gzip.compress(BODY), b"content-encoding: br", b"content-encoding: gzip"
    ),
    "no gzip": with_length(BODY, b"content-encoding: gzip"),
    "half of gzip": with_length(gzip.compress(BODY)[:-9], b"content-encoding: gzip"),
    "gzip and more": with_length(gzip.compress(BODY) + b"more", b"content-encoding: gzip"),
    "no deflate": with_length(b"\xff" + BODY, b"content-encoding: deflate"),
    "too many parts": with_length(gzip.compress(b"") * 200, b"content-encoding: gzip"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_no_answer_is_an_interruption(name: str) -> None:
    async with engine(says(BROKEN[name])) as server, connections() as engines:
        with pytest.raises(Interrupted):
            await engines.ask(server.url, {}, b"{}", 20.0, MOST)
        assert len(server.heads) == 1, "it is not asked again"


async def endlessly(
    server: Scripted, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, piece: bytes
) -> None:
    while True:
        writer.write(piece)
        await writer.drain()


ENDLESS = {
    "a header": (OK, b"x-many: %b\r\n" % (b"x" * 1_000)),
    "one header": (OK + b"x-long: ", b"x" * 1_000),
    "words before": (b"", b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"),
    "trailers": (CHUNKED + b"\r\n2\r\n{}\r\n0\r\n", b"x-many: %b\r\n" % (b"x" * 1_000)),
    "an extension": (CHUNKED + b"\r\n2;", b"x" * 1_000),
}


@pytest.mark.parametrize("name", ENDLESS)
async def test_what_has_no_end_is_not_read_to_its_end(name: str) -> None:
    begin, on_and_on = ENDLESS[name]

    async def script(
        server: Scripted, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await server.heard(reader)
        writer.write(begin)
        await endlessly(server, reader, writer, on_and_on)

    with pytest.raises(Interrupted) as caught:
        await asked(script)
    assert str(HEAD_LIMIT) in caught.value.message


async def test_a_long_answer_in_the_smallest_chunks_is_an_answer() -> None:
    body = b"x" * 100_000
    answer = CHUNKED + b"\r\n" + b"1\r\nx\r\n" * len(body) + b"0\r\n\r\n"
    assert (await asked(says(answer))).body == body


BOMB = b"x" * 10_000_000


@pytest.mark.parametrize(
    "answer",
    [
        with_length(gzip.compress(BOMB), b"content-encoding: gzip"),
        in_chunks(zlib.compress(BOMB), b"content-encoding: deflate"),
        in_chunks(raw_deflate(BOMB), b"content-encoding: deflate"),
        with_length(gzip.compress(BOMB[:600_000]) * 2, b"content-encoding: gzip"),
        with_length(b"x" * (MOST + 1)),
        in_chunks(b"x" * (MOST + 1)),
        OK + b"\r\n" + b"x" * (MOST + 1),
    ],
    ids=["gzip", "deflate", "raw", "in parts", "length", "chunks", "until its end"],
)
async def test_more_than_the_limit_is_not_kept_however_it_comes(answer: bytes) -> None:
    with pytest.raises(ResponseTooLarge):
        await asked(says(answer))


@pytest.mark.parametrize("name", ["length", "chunks", "until its end", "gzip"])
async def test_as_much_as_the_limit_is_no_more_than_it(name: str) -> None:
    script = says(ALL[name], then_closes=name in LAST)
    assert (await asked(script, limit=max(len(BODY), 64))).body == BODY


UNASKED = {
    "a second answer": with_length() + with_length(b'{"id":"of nobody"}'),
    "half of one": with_length() + with_length(b'{"id":"of nobody"}')[:40],
    "a beginning": with_length() + b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n",
    "bytes": with_length() + b"bytes",
}


@pytest.mark.parametrize("name", UNASKED)
async def test_what_nobody_asked_for_answers_no_other_request(name: str) -> None:
    async with engine(says(UNASKED[name])) as server, connections() as engines:
        for count in range(1, 4):
            assert (await engines.ask(server.url, {}, b"{}", 20.0, MOST)).body == BODY
            assert server.connected == count


async def test_a_second_answer_that_comes_later_ends_the_connection() -> None:
    let_go = asyncio.Event()

    async def script(
        server: Scripted, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await server.heard(reader)
        writer.write(with_length())
        await let_go.wait()
        writer.write(with_length(b'{"id":"of nobody"}'))
        await server.gone(reader)

    async with engine(script) as server, connections() as engines:
        assert (await engines.ask(server.url, {}, b"{}", 20.0, MOST)).body == BODY
        let_go.set()
        await asyncio.wait_for(server.ended.wait(), 20)
        assert (await engines.ask(server.url, {}, b"{}", 20.0, MOST)).body == BODY
        assert server.connected == 2
