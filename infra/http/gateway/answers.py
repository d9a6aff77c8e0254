"""A replica's answer on its way to the client: as it was written, but for the model's name."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, aclosing, suppress
from datetime import datetime

from starlette.types import Receive, Scope, Send

from domain.errors import ModelyardError
from domain.gateway.splice import EventStream, answered_by
from infra.http.gateway import refusals
from infra.http.gateway.ports import Answer
from infra.http.gateway.requests import passed_on
from infra.http.openai import errors
from infra.http.refusals import JSON

EVENTS = "text/event-stream"
NO_CONTENT = 204  # may not even say how long it is
COLLECTED = 16 * 1024 * 1024  # bytes of a JSON answer that are looked through for its model
THEIRS = frozenset(
    {
        "alt-svc",  # the rest is for a host, which is ours
        "clear-site-data",
        "content-length",
        "date",
        "server",
        "set-cookie",
        "strict-transport-security",
    }
)


class Outgoing:
    """What a client has got of its answer so far; `status` is None before it began."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.status: int | None = None
        self._scope, self._receive, self._send = scope, receive, send
        self._is_stream = False

    async def start(
        self, status: int, headers: Mapping[str, str], *, is_stream: bool = False
    ) -> None:
        self.status, self._is_stream = status, is_stream
        raw = [(name.encode("latin-1"), _latin(value)) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def write(self, piece: bytes) -> None:
        if piece:
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def fail(self, error: ModelyardError, now: datetime) -> None:
        """As an answer, or as a stream's last event; any other answer that was begun stays unfinished,
        which has the server close the connection: the client must not take it for whole."""
        shape = refusals.shape(error, now)
        with suppress(OSError):
            if self.status is None:
                self.status = shape.status
                await errors.answer(error, shape)(self._scope, self._receive, self._send)
            elif self._is_stream:
                await self.write(refusals.event(error, shape))
                await self.end()


async def pass_on(
    answer: Answer,
    out: Outgoing,
    model: str,
    marks: Mapping[str, str],
    streaming: Callable[[], AbstractContextManager[object]],
) -> None:
    """`marks` are headers of ours, `streaming` is held while events are passed on. Raises Broken."""
    headers = {**passed_on(answer.headers, THEIRS), **marks}
    plain = "content-encoding" not in headers
    if plain and answer.media_type == EVENTS:
        with streaming():
            await _events(answer, out, model, headers)
    elif plain and answer.media_type == JSON and answer.status != NO_CONTENT:
        await _document(answer, out, model, headers)
    else:
        length = {n: v for n, v in answer.headers if n.lower() == "content-length"}
        await out.start(answer.status, headers | length)
        await _rest(answer, out)


async def _events(answer: Answer, out: Outgoing, model: str, headers: Mapping[str, str]) -> None:
    await out.start(answer.status, headers, is_stream=True)
    events = EventStream(model)
    async with aclosing(answer.pieces()) as pieces:
        async for piece in pieces:
            await out.write(events.feed(piece))
    await out.write(events.finish())
    await out.end()


async def _document(answer: Answer, out: Outgoing, model: str, headers: Mapping[str, str]) -> None:
    collected = bytearray()
    async with aclosing(answer.pieces()) as pieces:
        async for piece in pieces:
            collected += piece
            if len(collected) > COLLECTED:
                break
        else:
            whole = answered_by(bytes(collected), model)
            await out.start(answer.status, {**headers, "content-length": str(len(whole))})
            await out.write(whole)
            await out.end()
            return
        await out.start(answer.status, headers)
        await out.write(answered_by(bytes(collected), model))
        del collected
    await _rest(answer, out)


async def _rest(answer: Answer, out: Outgoing) -> None:
    async with aclosing(answer.pieces()) as pieces:
        async for piece in pieces:
            await out.write(piece)
    await out.end()


def _latin(value: str) -> bytes:
    """As aiohttp read it: UTF-8, with surrogates for what is none."""
    return value.encode("utf-8", "surrogateescape")
