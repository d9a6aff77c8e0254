"""Payloads as a stream over HTTP: server-sent events, and Apollo's multipart subscriptions."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Any, Protocol, cast

import orjson
from starlette.types import Receive, Scope, Send
from strawberry.http.parse_content_type import parse_content_type
from strawberry.http.streaming import (
    HTTPStreamTransport,
    MultipartSubscriptionTransport,
    SSETransport,
)

from domain.errors import Unauthenticated
from infra.http.live import Ending, Live
from infra.http.ports import Payload
from infra.http.refusals import JSON, masked, shown

GRAPHQL_JSON = "application/graphql-response+json"
SSE, MULTIPART = SSETransport(), MultipartSubscriptionTransport()


class Wire(Protocol):
    """How a transport writes what it streams."""

    transport: HTTPStreamTransport
    opening: str

    def revoked(self, error: Payload) -> str: ...


class _Sse:
    transport: HTTPStreamTransport = SSE
    opening = ":\r\n\r\n"  # sent at once, so that the client knows that it is connected

    def revoked(self, error: Payload) -> str:
        return SSE.encode_next({"data": None, "errors": [dict(error)]}, _json)


class _Multipart:
    transport: HTTPStreamTransport = MULTIPART
    opening = f"--{MULTIPART.separator}"

    def revoked(self, error: Payload) -> str:
        return MULTIPART.encode_multipart_data({"payload": None, "errors": [error]}, _json)


def chosen(accept: str, *, is_subscription: bool) -> Wire | None:
    """The stream that a client accepts; None where it gets (or has to be told of) plain JSON."""
    parts = [part.strip() for part in accept.split(",")]
    plain = any(part.split(";")[0].lower() in (JSON, GRAPHQL_JSON, "*/*") for part in parts)
    if not is_subscription and (plain or not accept.strip()):
        return None
    if SSE.accepts(accept):
        return _Sse()
    wanted = any(
        MULTIPART.accepts_content_type(*parse_content_type(part)) for part in parts if part
    )
    return _Multipart() if is_subscription and wanted else None


class StreamedAnswer:
    """An ASGI answer that lasts as long as its payloads, its client, its key and the server do.

    Nothing is read ahead: the next payload is asked for when the last has been taken, so a slow
    client makes its own stream slow and nothing else.
    """

    def __init__(
        self,
        payloads: AsyncGenerator[Payload, None],
        wire: Wire,
        live: Live,
        key_id: str | None,
        headers: Mapping[str, str],
        heartbeat: float,
    ) -> None:
        self._payloads = payloads
        self._wire = wire
        self._live = live
        self._key_id = key_id
        self._heartbeat = heartbeat
        self._headers = {**wire.transport.headers, "Cache-Control": "no-cache, no-transform"}
        self._headers |= headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_hung_up(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            sending.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await sending

    async def _send(self, send: Send) -> None:
        headers = [(name.lower().encode(), value.encode()) for name, value in self._headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await _write(send, self._wire.opening)
        async with aclosing(self._chunks()) as chunks:
            async for chunk in chunks:
                await _write(send, chunk)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _chunks(self) -> AsyncGenerator[str, None]:
        transport = self._wire.transport
        with self._live.stream(self._key_id) as stream:
            async with aclosing(self._payloads) as payloads:
                following: asyncio.Task[Payload | None] | None = None
                try:
                    while not stream.ending.done():
                        following = following or asyncio.ensure_future(anext(payloads, None))
                        awaited: set[asyncio.Future[Any]] = {following, stream.ending}
                        await asyncio.wait(
                            awaited,
                            timeout=self._heartbeat,
                            return_when=asyncio.FIRST_COMPLETED,
                        )
                        if not following.done():
                            yield transport.heartbeat_message(_json)
                            continue
                        payload, following = following.result(), None
                        if payload is None:
                            break
                        yield _written(transport, payload)
                finally:
                    await _stopped(following)
            ending = stream.ending.result() if stream.ending.done() else None
            if ending is Ending.REVOKED:
                yield self._wire.revoked(shown(Unauthenticated()))
            if ending is not Ending.SHUTDOWN:  # who is told of an end does not come back
                yield transport.encode_complete()


def _written(transport: HTTPStreamTransport, payload: Payload) -> str:
    try:
        return transport.encode_next(cast("Any", payload), _json)
    except orjson.JSONEncodeError as error:
        return transport.encode_next({"errors": [dict(masked(error))]}, _json)


async def _stopped(task: "asyncio.Task[Payload | None] | None") -> None:
    """A generator can't be closed while it runs."""
    if task is not None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _write(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
