"""The payloads of one operation, whichever transport takes them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from infra.http.ports import Operation, Payload
from infra.http.refusals import RequestRefused, shown
from infra.http.requests import Said

TIMED_OUT = "REQUEST_TIMEOUT"


def too_slow(seconds: float) -> RequestRefused:
    return RequestRefused(
        kind=TIMED_OUT,
        status=504,
        problem=f"This took more than {seconds:g} seconds. A mutation may have been done.",
    )


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
    """As the operation has them; the time limit is for queries and mutations."""
    if operation.errors:
        yield {"errors": operation.errors}
    elif operation.is_subscription:
        async with aclosing(operation.stream(said.variables, context)) as payloads:
            async for payload in payloads:
                yield payload
    else:
        try:
            yield await answer(operation, said, context, seconds)
        except RequestRefused as refused:
            yield {"errors": [shown(refused)]}
