"""Whether the process lives, and whether it can do its work."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import ModelyardError
from infra.http.refusals import JSON

READY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Health:
    """`check` raises what stands in the way of the server's work."""

    check: Callable[[], Awaitable[None]]

    async def live(self, request: Request) -> Response:
        return Response(b'{"status":"alive"}', media_type=JSON)

    async def ready(self, request: Request) -> Response:
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self.check()
        except ModelyardError as error:
            return _unready(error.code)
        except TimeoutError:
            return _unready("TIMEOUT")
        return Response(b'{"status":"ready"}', media_type=JSON)


def _unready(problem: str) -> Response:
    """The problem's code alone: its message may name hosts, and anyone may ask."""
    body = orjson.dumps({"status": "unready", "problem": problem})
    return Response(body, status_code=503, media_type=JSON)
