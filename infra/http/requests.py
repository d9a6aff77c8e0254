"""GraphQL requests as they come over HTTP: one JSON object in the body of a POST."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from domain.files.incoming import Incoming
from infra.http.refusals import JSON, RequestRefused

BODY_LIMIT = 1024 * 1024  # bytes
NESTING_LIMIT = 64  # levels of the variables
VALUES_LIMIT = 10_000  # of the variables: coercing many more would hold up everybody else


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a client asks to be executed, in the types that it has to have."""

    query: str
    variables: Mapping[str, Any] | None
    operation_name: str | None
    upload: Incoming | None = None


async def read(request: Request) -> Said:
    """Raises RequestRefused.

    Only JSON is taken: every other type of content can be sent by a page of another site without
    asking the browser's leave.
    """
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    if media_type.strip().lower() != JSON or not _is_utf8(parameters):
        raise RequestRefused(
            kind="UNSUPPORTED_MEDIA_TYPE",
            status=415,
            problem="Send the operation as JSON, with 'Content-Type: application/json'.",
        )
    return parse(await _body(request))


def parse(body: bytes) -> Said:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _bad("The body is no JSON document.") from error
    if isinstance(said, list):
        raise _bad("Send one operation a request: batches are not served.")
    if not isinstance(said, dict):
        raise _bad("The body must be a JSON object with 'query'.")
    return checked(said)


def checked(said: Mapping[str, Any]) -> Said:
    """A request's members, whichever transport brought them; raises RequestRefused."""
    query, variables, name = (said.get(each) for each in ("query", "variables", "operationName"))
    if not isinstance(query, str):
        raise _bad("'query' must be a string.")
    if not isinstance(variables, dict | None):
        raise _bad("'variables' must be an object or null.")
    if not isinstance(name, str | None):
        raise _bad("'operationName' must be a string or null.")
    if not isinstance(said.get("extensions"), dict | None):
        raise _bad("'extensions' must be an object or null.")
    _check_size(variables)
    return Said(query=query, variables=variables, operation_name=name)


async def _body(request: Request) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > BODY_LIMIT:
        raise _too_large()
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_LIMIT:
                raise _too_large()
    except ClientDisconnect as error:
        raise _bad("The body ended too early.") from error
    return bytes(body)


def _check_size(variables: object) -> None:
    level: list[Any] = [variables]
    values = 0
    for _ in range(NESTING_LIMIT + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
        values += len(level)
        if values > VALUES_LIMIT:
            raise _bad(f"'variables' holds more than {VALUES_LIMIT} values.")
    raise _bad(f"'variables' nests deeper than {NESTING_LIMIT} levels.")


def _is_utf8(parameters: str) -> bool:
    name, _, value = parameters.partition("=")
    return name.strip().lower() != "charset" or value.strip(' "').lower() in ("utf-8", "utf8")


def _bad(problem: str) -> RequestRefused:
    return RequestRefused(kind="BAD_REQUEST", status=400, problem=problem)


def _too_large() -> RequestRefused:
    return RequestRefused(
        kind="BODY_TOO_LARGE",
        status=413,
        problem=f"The body has more than {BODY_LIMIT} bytes.",
        headers={"Connection": "close"},
    )
