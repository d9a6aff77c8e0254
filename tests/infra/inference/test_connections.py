"""How connections to engines begin, break, are used again, and end."""

import asyncio
import socket
import struct
from asyncio import StreamReader as Reader
from asyncio import StreamWriter as Writer
from contextlib import suppress

import pytest

from domain.errors import Interrupted, RequestTimeout, Unreachable
from infra.inference.engines import Engines, connections
from tests.support.engines_by_script import Script, Scripted, engine, says, turned_until

MOST = 1024 * 1024
BIG = b"x" * 10_000_000
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
TOO_LARGE = b"HTTP/1.1 413 Too large\r\ncontent-length: 3\r\n\r\nno!"
UNTIL_END = b"HTTP/1.1 413 Too large\r\n\r\nno!"


def tasks() -> set[object]:
    return {each for each in asyncio.all_tasks() if each is not asyncio.current_task()}


async def silent(server: Scripted, reader: Reader, writer: Writer) -> None:
    await server.heard(reader)
    await server.gone(reader)


async def deaf(server: Scripted, reader: Reader, writer: Writer) -> None:
    """It reads no more than the head."""
    server.heads.append(await reader.readuntil(b"\r\n\r\n"))
    server.arrived.set()
    await asyncio.Event().wait()


def resets(writer: Writer) -> None:
    """RST in place of FIN."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


@pytest.mark.parametrize("answer", [TOO_LARGE, UNTIL_END], ids=["length", "until its end"])
@pytest.mark.parametrize("hears", [True, False], ids=["reads on", "reads no more"])
async def test_an_answer_to_a_request_that_is_still_written_is_the_answer(
    answer: bytes, hears: bool
) -> None:
    """The engine says that it is too much, and no more; the rest is of no use to it."""

    async def refuses(server: Scripted, reader: Reader, writer: Writer) -> None:
        server.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        writer.write_eof()
        if hears:
            await server.gone(reader)
        else:
            await asyncio.Event().wait()

    async with engine(refuses) as server, connections() as engines:
        for count in (1, 2):
            reply = await engines.ask(server.url, {}, BIG, 20.0, MOST)
            assert (reply.status, reply.body) == (413, b"no!")
            assert server.connected == count, "what is half written is not used again"
            assert len(server.heads) == count


async def test_an_engine_that_hangs_up_while_it_is_written_to_is_not_waited_for() -> None:
    async def hangs_up(server: Scripted, reader: Reader, writer: Writer) -> None:
        server.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write_eof()
        await asyncio.Event().wait()

    async with engine(hangs_up) as server, connections() as engines:
        with pytest.raises(Interrupted):
            await engines.ask(server.url, {}, BIG, 600.0, MOST)
        assert len(server.heads) == 1


async def test_an_engine_that_stops_reading_costs_no_more_than_the_time() -> None:
    async with engine(deaf) as server, connections() as engines:
        with pytest.raises(RequestTimeout):
            await engines.ask(server.url, {}, BIG, 0.3, MOST)
        (known,) = engines._known.values()
        await gone(engines)
        assert not known.idle


async def gone(engines: Engines) -> None:
    """All that is closing is closed."""
    await turned_until(lambda: not any(each.connections for each in engines._known.values()))


@pytest.mark.parametrize("body", [b"{}", BIG], ids=["small", "big"])
async def test_who_cancels_leaves_no_connection_behind(body: bytes) -> None:
    script = silent if body == b"{}" else deaf
    async with engine(script) as server, connections() as engines:
        asking = asyncio.create_task(engines.ask(server.url, {}, body, 600.0, MOST))
        await server.arrived.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await gone(engines)
        if script is silent:
            await asyncio.wait_for(server.ended.wait(), 20)


@pytest.mark.parametrize("ends", [Writer.close, resets], ids=["close", "reset"])
async def test_a_request_on_a_dead_connection_is_sent_once_more(ends: object) -> None:
    assert callable(ends)

    async def second_is_lost(server: Scripted, reader: Reader, writer: Writer) -> None:
        await server.heard(reader)
        if len(server.heads) == 1:
            writer.write(OK)
            await server.heard(reader)
            ends(writer)
            return
        writer.write(OK)
        await server.gone(reader)

    async with engine(second_is_lost) as server, connections() as engines:
        for body in (b"1", b"2"):
            assert (await engines.ask(server.url, {}, body, 20.0, MOST)).status == 200
        assert server.bodies == [b"1", b"2", b"2"]


async def test_a_request_is_not_sent_a_third_time() -> None:
    async def only_the_first(server: Scripted, reader: Reader, writer: Writer) -> None:
        await server.heard(reader)
        if len(server.heads) == 1:
            writer.write(OK)
            await server.heard(reader)

    async with engine(only_the_first) as server, connections() as engines:
        await engines.ask(server.url, {}, b"1", 20.0, MOST)
        with pytest.raises(Interrupted):
            await engines.ask(server.url, {}, b"2", 20.0, MOST)
        assert server.bodies == [b"1", b"2", b"2"]


@pytest.mark.parametrize("said", [b"H", b"HTTP/1.1 100 Continue\r\n\r\n", OK[:-1]])
async def test_a_request_of_which_something_was_heard_is_not_sent_again(said: bytes) -> None:
    async def half_of_the_second(server: Scripted, reader: Reader, writer: Writer) -> None:
        await server.heard(reader)
        writer.write(OK)
        await server.heard(reader)
        writer.write(said)

    async with engine(half_of_the_second) as server, connections() as engines:
        await engines.ask(server.url, {}, b"1", 20.0, MOST)
        with pytest.raises(Interrupted):
            await engines.ask(server.url, {}, b"2", 20.0, MOST)
        assert server.bodies == [b"1", b"2"]


@pytest.mark.parametrize("ends", [Writer.close, resets], ids=["close", "reset"])
async def test_a_request_on_a_new_connection_is_sent_once(ends: object) -> None:
    assert callable(ends)

    async def dies(server: Scripted, reader: Reader, writer: Writer) -> None:
        await server.heard(reader)
        ends(writer)

    async with engine(dies) as server, connections() as engines:
        with pytest.raises(Interrupted):
            await engines.ask(server.url, {}, b"1", 20.0, MOST)
        assert server.bodies == [b"1"]


async def test_connections_that_the_engine_closed_while_unused_are_not_used() -> None:
    """All of many, as a restart does."""

    async def once(server: Scripted, reader: Reader, writer: Writer) -> None:
        await server.heard(reader)
        if len(server.heads) == 20:
            server.ended.set()
        await server.ended.wait()
        writer.write(OK)

    async with engine(once) as server, connections() as engines:
        for _ in range(2):
            asking = [engines.ask(server.url, {}, b"{}", 20.0, MOST) for _ in range(20)]
            assert {reply.status for reply in await asyncio.gather(*asking)} == {200}
            await gone(engines)
        assert len(server.heads) == 40


@pytest.mark.parametrize(
    "script",
    [silent, says(b"HTTP/1.1 200 OK\r\n\r\nhalf of a body")],
    ids=["silent", "half until its end"],
)
async def test_who_asks_while_all_is_closed_has_no_answer_and_nothing_stays_open(
    script: Script,
) -> None:
    before = tasks()
    async with engine(script) as server:
        async with connections() as engines:
            asking = asyncio.create_task(engines.ask(server.url, {}, b"{}", 600.0, MOST))
            await server.arrived.wait()
            for _ in range(50):
                await asyncio.sleep(0)  # what it says is heard
        with pytest.raises(Interrupted):
            await asking
        assert server.connected == 1
        await gone(engines)
    await asyncio.sleep(0)
    assert tasks() == before


async def test_who_asks_on_a_used_connection_while_all_is_closed_opens_no_other() -> None:
    async def second_is_silent(server: Scripted, reader: Reader, writer: Writer) -> None:
        await server.heard(reader)
        writer.write(OK)
        server.arrived.clear()
        await silent(server, reader, writer)

    async with engine(second_is_silent) as server:
        async with connections() as engines:
            await engines.ask(server.url, {}, b"1", 20.0, MOST)
            asking = asyncio.create_task(engines.ask(server.url, {}, b"2", 600.0, MOST))
            await server.arrived.wait()
        with pytest.raises((Interrupted, Unreachable)):
            await asking
        assert server.connected == 1
        with pytest.raises(Unreachable):
            await engines.ask(server.url, {}, b"3", 20.0, MOST)
        await gone(engines)


async def test_who_connects_while_all_is_closed_leaves_nothing_open() -> None:
    """A socket that nobody accepts from, and whose queue is full, answers no SYN."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            before = tasks()
            async with connections() as engines:
                url = f"http://127.0.0.1:{port}/v1"
                asking = asyncio.create_task(engines.ask(url, {}, b"{}", 600.0, MOST))
                await turned_until(lambda: any(e.racing for e in engines._known.values()))
            with suppress(Unreachable):
                await asyncio.wait_for(asking, 5)
            assert tasks() == before


async def test_six_hundred_that_are_refused_leave_nothing_open() -> None:
    before = tasks()
    async with engine(silent) as server:
        url = server.url
    async with connections() as engines:
        asking = [engines.ask(url, {}, b"{}", 20.0, MOST) for _ in range(600)]
        told = await asyncio.gather(*asking, return_exceptions=True)
        assert {type(each) for each in told} == {Unreachable}
        assert all(each.is_unused for each in engines._known.values())
    assert tasks() == before


async def test_addresses_beyond_a_thousand_that_are_unused_are_forgotten() -> None:
    async with engine(says(OK)) as server, connections() as engines:
        for number in range(1_100):
            with suppress(Unreachable):
                await engines.ask(f"http://127.0.0.1:0/{number}", {}, b"{}", 20.0, MOST)
        asked = [engines.ask(f"{server.url}/{n}", {}, b"{}", 20.0, MOST) for n in range(1_001)]
        await asyncio.gather(*asked)
        assert len(engines._known) == 1_001, "those with a connection are kept"
