"""Errors in the shape that OpenAI's clients know: {"error": {message, type, param, code}}."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from starlette.responses import Response

from domain.errors import (
    Forbidden,
    ModelyardError,
    NotFound,
    Path,
    Refused,
    StorageFull,
    StorageUnavailable,
    Unauthenticated,
    UserError,
)
from infra.http.openai import ids
from infra.http.refusals import JSON, RequestRefused

INVALID, SERVER = "invalid_request_error", "server_error"
RETRY_SOON = {"Retry-After": "1"}
STATUSES: Mapping[str, int] = {
    "BATCH_NOT_CANCELLABLE": 409,
    "FILE_IN_USE": 409,
    "IDEMPOTENCY_KEY_REUSED": 409,
    "TRANSITION_REFUSED": 409,
    "FILE_TOO_LARGE": 413,
    "QUOTA_EXCEEDED": 429,
}  # by a user error's code; 400 for others
NAMED_BY_URL = frozenset({"file_id", "batch_job_id"})  # no parameter of a body or a query
FAULT: Mapping[str, object] = {"type": SERVER, "param": None, "code": "internal_error"}


def refused(
    problem: str,
    code: str,
    *,
    status: int = 400,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> RequestRefused:
    return RequestRefused(
        problem=problem, kind=code, status=status, param=param, headers=headers or {}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How an error looks: its HTTP status, and the members of OpenAI's error object."""

    status: int
    type: str
    code: str
    param: str | None = None
    headers: Mapping[str, str] | None = None


def shape(error: ModelyardError) -> Shape:
    match error:
        case RequestRefused():
            return Shape(
                status=error.status,
                type=INVALID,
                code=error.kind.lower(),
                param=error.param,
                headers=error.headers,
            )
        case Unauthenticated():
            challenge = {"WWW-Authenticate": "Bearer"}
            return Shape(status=401, type=INVALID, code="invalid_api_key", headers=challenge)
        case Forbidden():
            return Shape(status=403, type=INVALID, code="forbidden")
        case NotFound():
            code, param = f"{error.kind.replace(' ', '_')}_not_found", _param(error.path)
            return Shape(status=404, type=INVALID, code=code, param=param)
        case UserError():
            status = STATUSES.get(error.code, 400)
            code = error.code.lower()
            return Shape(status=status, type=INVALID, code=code, param=_param(error.path))
        case Refused() if error.errors:
            return shape(error.errors[0])
        case StorageUnavailable():
            return Shape(status=503, type=SERVER, code="storage_unavailable", headers=RETRY_SOON)
        case StorageFull():
            return Shape(status=507, type=SERVER, code="storage_full")
        case _:
            return Shape(status=500, type=SERVER, code=error.code.lower())


def document(error: ModelyardError, shape: Shape) -> Mapping[str, Any]:
    said = {
        "message": _as_asked(error).message,
        "type": shape.type,
        "param": shape.param,
        "code": shape.code,
    }
    return {"error": said}


def answer(error: ModelyardError, shape: Shape) -> Response:
    """OpenAI's clients ask three times, also after a 409 or a 5xx, unless they are told not to."""
    headers = dict(shape.headers or {})
    if not _is_worth_another_try(shape):
        headers["x-should-retry"] = "false"
    body = orjson.dumps(document(error, shape))
    return Response(body, shape.status, headers, media_type=JSON)


def _is_worth_another_try(shape: Shape) -> bool:
    if shape.status < 500:
        return shape.status in (408, 429) and shape.code != "quota_exceeded"
    return shape.status != 507


def _as_asked(error: ModelyardError) -> ModelyardError:
    """With the id as this API writes it, where only the domain's own was looked for."""
    match error:
        case NotFound(kind="file", path=(_, *_)):
            return replace(error, id=ids.of_file(error.id)) if ids.is_own(error.id) else error
        case NotFound(kind="batch job", path=(_, *_)):
            return replace(error, id=ids.of_batch(error.id)) if ids.is_own(error.id) else error
        case _:
            return error


def _param(path: Path) -> str | None:
    """`metadata.key`, `errors[3].line`: in the spelling of the request's body; None where that has no
    place for it."""
    if path[:1] and path[0] in NAMED_BY_URL:
        return None
    said = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in path)
    return said.removeprefix(".") or None
