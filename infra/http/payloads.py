"""The payloads of one operation, whichever transport takes them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from domain.errors import ModelyardError
from infra.http.metrics import Metrics
from infra.http.ports import Operation, Payload
from infra.http.refusals import RequestRefused, masked, shown
from infra.http.requests import Said
from infra.http.subscribers import Subscribers

TIMED_OUT = "REQUEST_TIMEOUT"


def too_slow(seconds: float) -> RequestRefused:
    return RequestRefused(
        kind=TIMED_OUT,
        status=504,
        problem=f"This took more than {seconds:g} seconds. A mutation may have been done.",
        extensions={"limit": seconds},
    )


def needs_a_stream() -> RequestRefused:
    return RequestRefused(
        kind="SUBSCRIPTION_NEEDS_A_STREAM",
        status=406,
        problem="A subscription is answered with a stream. Send 'Accept: text/event-stream' "
        "or 'Accept: multipart/mixed;subscriptionSpec=1.0', or open a WebSocket here with "
        "the subprotocol graphql-transport-ws.",
    )


async def whole(operation: Operation, said: Said, context: object, seconds: float) -> Payload:
    """The one payload of an operation that is answered at once; raises RequestRefused for another, and
    where it takes longer than it may."""
    if operation.errors:
        return {"errors": operation.errors}
    if operation.is_subscription:
        raise needs_a_stream()
    return await answer(operation, said, context, seconds)


async def answer(operation: Operation, said: Said, context: object, seconds: float) -> Payload:
    """A query's or mutation's; raises RequestRefused where it takes longer than it may."""
    try:
        async with asyncio.timeout(seconds):
            return await operation.execute(said.variables, context)
    except TimeoutError as error:
        raise too_slow(seconds) from error


async def stream(
    operation: Operation, said: Said, context: object, seconds: float
) -> AsyncGenerator[Payload, None]:
    """As the operation has them, and what refuses or breaks it as the last; the time limit is for
    queries and mutations."""
    try:
        if operation.errors:
            yield {"errors": operation.errors}
        elif operation.is_subscription:
            async with aclosing(operation.stream(said.variables, context)) as payloads:
                async for payload in payloads:
                    yield payload
        else:
            yield await answer(operation, said, context, seconds)
    except ModelyardError as error:
        yield {"errors": [shown(error)]}
    except Exception as error:  # noqa: BLE001 - the stream's outermost edge; `masked` logs it
        yield {"errors": [masked(error)]}


async def measured(
    payloads: AsyncGenerator[Payload, None], metrics: Metrics, kind: str, version: str
) -> AsyncGenerator[Payload, None]:
    """A stream's, which are counted, and timed as the operation that they are of."""
    async with aclosing(payloads):
        with metrics.timed(kind, version):
            async for payload in payloads:
                metrics.payloads.inc()
                yield payload


async def counted(
    payloads: AsyncGenerator[Payload, None], subscribers: Subscribers, key_id: str | None
) -> AsyncGenerator[Payload, None]:
    """A subscription's, which has a place among its key's as long as they last."""
    async with aclosing(payloads):
        try:
            with subscribers.place(key_id):
                async for payload in payloads:
                    yield payload
        except RequestRefused as refused:
            yield {"errors": [shown(refused)]}
