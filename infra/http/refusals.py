"""Requests that are refused before GraphQL sees them, and how refusals look on the wire."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import orjson
import structlog
from starlette.responses import Response

from domain.errors import ModelyardError, NotFound, StorageUnavailable, Unauthenticated

JSON = "application/json"

log = structlog.get_logger()


@dataclass(eq=False, kw_only=True)
class RequestRefused(ModelyardError):
    """{problem}"""

    problem: str
    kind: str
    status: int
    param: str | None = None  # which one is wrong, where that can be said
    headers: Mapping[str, str] = field(default_factory=dict)
    extensions: Mapping[str, Any] = field(default_factory=dict)  # beside the code

    @property
    def code(self) -> str:
        return self.kind


def shown(error: ModelyardError) -> Mapping[str, Any]:
    more = error.extensions if isinstance(error, RequestRefused) else {}
    return {"message": error.message, "extensions": {"code": error.code, **more}}


def masked(error: Exception, **where: str) -> Mapping[str, Any]:
    """A fault, as its caller may see it: the log has the rest, under the reference."""
    reference = uuid4().hex[:12]
    log.error("request failed", reference=reference, exc_info=error, **where)
    return {
        "message": f"Something went wrong here. The server's log tells more under {reference}.",
        "extensions": {"code": "INTERNAL", "reference": reference},
    }


def answer(error: ModelyardError, served: Mapping[str, str] | None = None) -> Response:
    """GraphQL-shaped, with the status that HTTP has for it, and the headers of what served it."""
    headers = {"Cache-Control": "no-store"}  # a cache may keep a 404 or 405, for whoever asks next
    match error:
        case RequestRefused():
            status = error.status
            headers |= error.headers
        case Unauthenticated():
            status = 401
            headers["WWW-Authenticate"] = "Bearer"
        case NotFound():
            status = 404
        case StorageUnavailable():
            status = 503
            headers["Retry-After"] = "1"
        case _:
            status = 400
    body = orjson.dumps({"errors": [shown(error)]})
    headers |= served or {}
    return Response(body, status_code=status, media_type=JSON, headers=headers)
