"""The adapter against real sockets, with engines that behave as engines do."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from domain.batches.ports import Reply
from domain.errors import Interrupted, RequestTimeout, ResponseTooLarge, Unreachable
from infra.inference.engines import connections, retry_after

HEADERS = {"authorization": "Bearer key"}
BODY = b'{"model":"chat"}'
MOST = 16 * 1024 * 1024

Behave = Callable[["Server", asyncio.StreamWriter, bytes], Awaitable[None]]


@dataclass(eq=False)
class Server:
    """`heads` are the requests' first bytes; `held` is set when a test lets go."""

    behave: Behave
    port: int = 0
    connected: int = 0
    in_flight: int = 0
    heads: list[bytes] = field(default_factory=list)
    held: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/chat/completions"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0])
                self.heads.append(head)
                body = await reader.readexactly(length)
                async with self.arrived:
                    self.in_flight += 1
                    self.arrived.notify_all()
                await self.behave(self, writer, body)
                self.in_flight -= 1
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def has(self, count: int) -> None:
        async with asyncio.timeout(20), self.arrived:
            await self.arrived.wait_for(lambda: self.in_flight >= count)


@asynccontextmanager
async def running(behave: Behave) -> AsyncIterator[Server]:
    server = Server(behave)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=1024)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.held.set()
        listening.close()


def said(body: bytes, status: int = 200, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answers(body: bytes = b"{}", status: int = 200, **headers: str) -> Behave:
    async def behave(server: Server, writer: asyncio.StreamWriter, _: bytes) -> None:
        writer.write(said(body, status, **headers))

    return behave


async def waits(server: Server, writer: asyncio.StreamWriter, _: bytes) -> None:
    await server.held.wait()
    writer.write(said(b"{}"))


async def asked(url: str, seconds: float = 20.0, limit: int = MOST) -> Reply:
    async with connections() as engines:
        return await engines.ask(url, HEADERS, BODY, seconds, limit)


async def test_an_answer_comes_with_all_that_is_used_of_it() -> None:
    behave = answers(b'{"id":1}', 429, retry_after="7", x_request_id="req-1")
    async with running(behave) as server:
        reply = await asked(server.url)
        head = server.heads[0].lower()
    assert reply == Reply(status=429, body=b'{"id":1}', request_id="req-1", retry_after=7.0)
    assert b"authorization: bearer key" in head
    assert b"content-type: application/json" in head


async def test_connections_are_used_again() -> None:
    async with running(answers()) as server, connections() as engines:
        for _ in range(20):
            await engines.ask(server.url, {}, BODY, 20.0, MOST)
        assert server.connected == 1


async def test_six_hundred_at_once_are_in_flight_at_once() -> None:
    async with running(waits) as server, connections() as engines:
        asking = [
            asyncio.create_task(engines.ask(server.url, {}, BODY, 60.0, MOST)) for _ in range(600)
        ]
        await server.has(600)
        server.held.set()
        replies = await asyncio.gather(*asking)
    assert [reply.status for reply in replies] == [200] * 600


async def test_the_time_that_was_asked_for_is_the_limit() -> None:
    async with running(waits) as server:
        with pytest.raises(RequestTimeout) as caught:
            await asked(server.url, seconds=0.2)
    assert caught.value.seconds == 0.2


class OwnClock(asyncio.SelectorEventLoop):
    """A loop whose time is the test's: every timer of whatever library goes by it."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


def reply_after(waited: float, seconds: float) -> Reply:
    """The engine answers when so long has passed; `seconds` is what was asked for."""

    async def answered() -> Reply:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, OwnClock)
        async with running(waits) as server, connections() as engines:
            asking = asyncio.create_task(engines.ask(server.url, {}, BODY, seconds, MOST))
            await server.has(1)
            loop.ahead += waited
            for _ in range(20):
                await asyncio.sleep(0)  # whatever is due by now happens
            server.held.set()
            return await asking

    with asyncio.Runner(loop_factory=OwnClock) as runner:
        return runner.run(answered())


@pytest.mark.parametrize("waited", [33.0, 310.0, 599.0])
def test_a_reply_that_takes_33_seconds_or_far_more_is_not_cut(waited: float) -> None:
    """By no default of the client: of aiohttp's, one is 300 s."""
    assert reply_after(waited, seconds=600.0).status == 200


def test_a_reply_that_takes_33_seconds_is_cut_where_30_were_asked_for() -> None:
    with pytest.raises(RequestTimeout):
        reply_after(33.0, seconds=30.0)


async def test_a_body_that_does_not_come_is_a_timeout_too() -> None:
    async def half(server: Server, writer: asyncio.StreamWriter, _: bytes) -> None:
        writer.write(said(b"x" * 100)[:-50])
        await server.held.wait()

    async with running(half) as server:
        with pytest.raises(RequestTimeout):
            await asked(server.url, seconds=0.2)


async def test_who_does_not_listen_is_unreachable() -> None:
    async with running(answers()) as server:
        url = server.url
    with pytest.raises(Unreachable) as caught:
        await asked(url)
    assert url in caught.value.message


@pytest.mark.parametrize("url", ["http://no-such-host.invalid/v1", "http://[::bad/v1", "nonsense"])
async def test_an_address_that_leads_nowhere_is_unreachable(url: str) -> None:
    with pytest.raises(Unreachable):
        await asked(url)


async def test_a_connection_that_breaks_within_the_answer_is_an_interruption() -> None:
    async def breaks(server: Server, writer: asyncio.StreamWriter, _: bytes) -> None:
        writer.write(said(b"x" * 100)[:-50])
        await writer.drain()
        writer.close()

    async with running(breaks) as server:
        with pytest.raises(Interrupted):
            await asked(server.url)
        assert len(server.heads) == 1


async def test_an_engine_that_dies_over_a_request_is_an_interruption() -> None:
    async def dies(server: Server, writer: asyncio.StreamWriter, _: bytes) -> None:
        writer.close()

    async with running(dies) as server:
        with pytest.raises(Interrupted):
            await asked(server.url)


async def test_a_connection_that_was_over_before_the_request_is_no_failure() -> None:
    """As an engine closes what was unused, while the next request is already on its way."""

    async def closes_the_first(server: Server, writer: asyncio.StreamWriter, _: bytes) -> None:
        if len(server.heads) == 2:
            writer.close()
        else:
            writer.write(said(b"{}"))

    async with running(closes_the_first) as server, connections() as engines:
        for _ in range(2):
            assert (await engines.ask(server.url, {}, BODY, 20.0, MOST)).status == 200
        assert len(server.heads) == 3


async def test_an_answer_that_is_too_large_is_not_read() -> None:
    async with running(answers(b"x" * 2_000)) as server:
        assert len((await asked(server.url, limit=2_000)).body) == 2_000
        with pytest.raises(ResponseTooLarge):
            await asked(server.url, limit=1_999)


async def test_an_answer_in_chunks_is_limited_as_it_comes() -> None:
    async def endless(server: Server, writer: asyncio.StreamWriter, _: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
            await writer.drain()

    async with running(endless) as server:
        with pytest.raises(ResponseTooLarge):
            await asked(server.url, limit=100_000)


async def test_a_compressed_answer_counts_as_what_it_becomes() -> None:
    packed = gzip.compress(b"x" * 1_000_000)
    async with running(answers(packed, content_encoding="gzip")) as server:
        assert (await asked(server.url)).body == b"x" * 1_000_000
        with pytest.raises(ResponseTooLarge):
            await asked(server.url, limit=100_000)


async def test_a_redirection_is_an_answer() -> None:
    """Followed, it would take the key along."""
    async with running(answers(b"", 302, location="http://elsewhere/")) as server:
        assert (await asked(server.url)).status == 302


def test_a_time_to_wait_is_read_as_seconds_or_as_a_date() -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert retry_after("120", now) == 120.0
    assert retry_after(" 0.5 ", now) == 0.5
    assert retry_after("Sun, 01 Mar 2026 12:00:30 GMT", now) == 30.0
    assert retry_after("Sun, 01 Mar 2026 11:00:00 GMT", now) == 0.0
    assert retry_after("soon", now) is None
    assert retry_after("", now) is None
