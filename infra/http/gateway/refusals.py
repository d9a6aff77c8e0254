"""Refusals and failures in the shape that OpenAI's clients know."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

import orjson
from starlette.responses import Response

from domain.errors import (
    Forbidden,
    ModelyardError,
    NotFound,
    StorageUnavailable,
    Unauthenticated,
)
from domain.gateway.refusals import ModelNotFound, ModelNotReady
from infra.http.refusals import JSON, RequestRefused

INVALID, SERVER = "invalid_request_error", "server_error"
RETRY_SOONEST, RETRY_LATEST = 1, 60  # seconds
FAULT: Mapping[str, object] = {"type": SERVER, "param": None, "code": "internal_error"}


@dataclass(eq=False, kw_only=True)
class Unreachable(ModelyardError):
    """No replica of {model!r} could be reached; the request was not begun."""

    model: str


@dataclass(eq=False, kw_only=True)
class Unreached(ModelyardError):
    """The replica did not get the request as a whole, so it can't have worked on it."""


@dataclass(eq=False, kw_only=True)
class Broken(ModelyardError):
    """The replica broke off ({problem}). It may have worked on the request: repeat it if that is safe."""

    problem: str


@dataclass(eq=False, kw_only=True)
class TooSlow(ModelyardError):
    """The request took longer than {seconds:g} seconds."""

    seconds: float


@dataclass(eq=False, kw_only=True)
class Crowded(ModelyardError):
    """Too many requests wait for {model!r} to start."""

    model: str


@dataclass(eq=False, kw_only=True)
class ServerStops(ModelyardError):
    """The server stops; begin again at another one, or when it is back."""


def refused(
    problem: str, code: str, *, status: int = 400, headers: Mapping[str, str] | None = None
) -> RequestRefused:
    return RequestRefused(problem=problem, kind=code, status=status, headers=headers or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How an error looks: its HTTP status, and the members of OpenAI's error object."""

    status: int
    type: str
    code: str
    param: str | None = None
    headers: Mapping[str, str] | None = None


def shape(error: ModelyardError, now: datetime) -> Shape:
    match error:
        case RequestRefused():
            kind = error.kind.lower()
            param = "model" if kind in ("missing_required_parameter", "invalid_model") else None
            return Shape(
                status=error.status, type=INVALID, code=kind, param=param, headers=error.headers
            )
        case ModelNotFound():
            return Shape(status=404, type=INVALID, code="model_not_found", param="model")
        case ModelNotReady():
            retry = {"Retry-After": str(_wait(error.next_retry_at, now))}
            return Shape(status=503, type=SERVER, code="model_not_ready", headers=retry)
        case Unauthenticated():
            challenge = {"WWW-Authenticate": "Bearer"}
            return Shape(status=401, type=INVALID, code="invalid_api_key", headers=challenge)
        case Forbidden():
            return Shape(status=403, type=INVALID, code="forbidden")
        case NotFound():
            return Shape(status=404, type=INVALID, code=f"{error.kind}_not_found")
        case _:
            return _server_shape(error)


def _server_shape(error: ModelyardError) -> Shape:
    soon = {"Retry-After": str(RETRY_SOONEST)}
    match error:
        case StorageUnavailable():
            return Shape(status=503, type=SERVER, code="storage_unavailable", headers=soon)
        case Crowded():
            return Shape(status=503, type=SERVER, code="too_many_waiting", headers=soon)
        case ServerStops():
            return Shape(status=503, type=SERVER, code="server_stops", headers=soon)
        case Unreachable():
            return Shape(status=502, type=SERVER, code="replica_unreachable", headers=soon)
        case Broken():
            return Shape(status=502, type=SERVER, code="replica_failed")
        case TooSlow():
            return Shape(status=504, type=SERVER, code="request_timeout")
        case _:
            return Shape(status=500, type=SERVER, code=error.code.lower())


def document(error: ModelyardError, shape: Shape) -> Mapping[str, Any]:
    said = {"message": error.message, "type": shape.type, "param": shape.param, "code": shape.code}
    return {"error": said}


def answer(error: ModelyardError, shape: Shape) -> Response:
    body = orjson.dumps(document(error, shape))
    return Response(body, shape.status, dict(shape.headers or {}), media_type=JSON)


def event(error: ModelyardError, shape: Shape) -> bytes:
    """The error as the last event of a stream; whatever line was begun before ends first."""
    return b"\n\ndata: " + orjson.dumps(document(error, shape)) + b"\n\n"


def _wait(next_retry_at: datetime | None, now: datetime) -> int:
    if next_retry_at is None:
        return RETRY_SOONEST
    seconds = ceil((next_retry_at - now).total_seconds())
    return min(max(RETRY_SOONEST, seconds), RETRY_LATEST)
