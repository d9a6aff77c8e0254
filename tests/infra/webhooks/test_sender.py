"""The sender against real servers of this process."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from domain.errors import Interrupted, RequestTimeout, Unreachable
from infra.webhooks.sender import HttpSender, open_sender
from tests.support.receiver import Receiver, receiving, refusing


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as opened:
        yield opened


@pytest.fixture
async def sender() -> AsyncIterator[HttpSender]:
    async with open_sender() as opened:
        yield HttpSender(opened.session, seconds=0.5)


async def test_what_is_sent_arrives_as_it_is(sender: HttpSender, receiver: Receiver) -> None:
    assert await sender.send(receiver.url, {"webhook-id": "evt_1"}, b'{"a":1}') == 200
    [got] = receiver.got
    assert (got.method, got.path, got.body) == ("POST", "/hook", b'{"a":1}')
    assert got.headers["webhook-id"] == "evt_1"


async def test_a_redirection_is_an_answer_and_not_followed(
    sender: HttpSender, receiver: Receiver
) -> None:
    receiver.answers = [f"HTTP/1.1 302 Found\r\nlocation: {receiver.url}\r\n\r\n"]
    assert await sender.send(receiver.url, {}, b"{}") == 302
    assert len(receiver.got) == 1


async def test_a_body_without_an_end_is_not_waited_for(
    sender: HttpSender, receiver: Receiver
) -> None:
    receiver.answers = ["HTTP/1.1 500 No\r\ncontent-length: 1000000000\r\n\r\nxxx"]
    receiver.closes = False
    assert await sender.send(receiver.url, {}, b"{}") == 500


async def test_no_answer_is_waited_for_so_long_and_no_longer(
    sender: HttpSender, receiver: Receiver
) -> None:
    receiver.answers, receiver.closes = [""], False
    with pytest.raises(RequestTimeout):
        await sender.send(receiver.url, {}, b"{}")


async def test_nobody_there_is_unreachable(sender: HttpSender) -> None:
    with refusing() as url, pytest.raises(Unreachable):
        await sender.send(url, {}, b"{}")


@pytest.mark.parametrize("answer", ["", "HTTP/1.1 2", "SSH-2.0-OpenSSH\r\n\r\n"])
async def test_a_connection_that_breaks_down_is_told(
    sender: HttpSender, receiver: Receiver, answer: str
) -> None:
    receiver.answers = [answer]
    with pytest.raises(Interrupted):
        await sender.send(receiver.url, {}, b"{}")


async def test_a_slow_endpoint_takes_no_others_connection(
    sender: HttpSender, receiver: Receiver
) -> None:
    async with receiving() as slow:
        slow.answers, slow.closes = [""] * 200, False
        waiting = [asyncio.create_task(sender.send(slow.url, {}, b"{}")) for _ in range(200)]
        await slow.heard(200)
        assert await sender.send(receiver.url, {}, b"{}") == 200
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(each) for each in ended} == {RequestTimeout}
