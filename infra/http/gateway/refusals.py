"""The gateway's own refusals and failures, in the shape that OpenAI's clients know."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil

import orjson

from domain.errors import ModelyardError
from domain.gateway.refusals import ModelNotFound, ModelNotReady
from infra.http.openai import errors
from infra.http.openai.errors import INVALID, RETRY_SOON, SERVER, Shape, document
from infra.http.refusals import RequestRefused

RETRY_SOONEST, RETRY_LATEST = 1, 60  # seconds


@dataclass(eq=False, kw_only=True)
class Unreachable(ModelyardError):
    """No replica of {model!r} could be reached; the request was not begun."""

    model: str


@dataclass(eq=False, kw_only=True)
class Unreached(ModelyardError):
    """The replica did not get the request as a whole, so it can't have worked on it: {problem}."""

    problem: str


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
    param = "model" if code in ("missing_required_parameter", "invalid_model") else None
    return errors.refused(problem, code, status=status, param=param, headers=headers)


def shape(error: ModelyardError, now: datetime) -> Shape:
    match error:
        case ModelNotFound():
            return Shape(status=404, type=INVALID, code="model_not_found", param="model")
        case ModelNotReady():
            retry = {"Retry-After": str(_wait(error.next_retry_at, now))}
            return Shape(status=503, type=SERVER, code="model_not_ready", headers=retry)
        case Crowded():
            return Shape(status=503, type=SERVER, code="too_many_waiting", headers=RETRY_SOON)
        case ServerStops():
            return Shape(status=503, type=SERVER, code="server_stops", headers=RETRY_SOON)
        case Unreachable():
            return Shape(status=502, type=SERVER, code="replica_unreachable", headers=RETRY_SOON)
        case Broken():
            return Shape(status=502, type=SERVER, code="replica_failed")
        case TooSlow():
            return Shape(status=504, type=SERVER, code="request_timeout")
        case _:
            return errors.shape(error)


def event(error: ModelyardError, shape: Shape) -> bytes:
    """The error as the last event of a stream; whatever line was begun before ends first."""
    return b"\n\ndata: " + orjson.dumps(document(error, shape)) + b"\n\n"


def _wait(next_retry_at: datetime | None, now: datetime) -> int:
    if next_retry_at is None:
        return RETRY_SOONEST
    seconds = ceil((next_retry_at - now).total_seconds())
    return min(max(RETRY_SOONEST, seconds), RETRY_LATEST)
