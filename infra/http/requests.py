"""GraphQL requests as they come over HTTP: a JSON object in the body of a POST, or a list of such."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from domain.files.incoming import Incoming
from infra.http.refusals import JSON, RequestRefused

BODY_LIMIT = 1024 * 1024  # bytes
NESTING_LIMIT = 64  # levels of the variables
VALUES_LIMIT = 10_000  # of the variables: coercing many more would hold up everybody else
SHA256 = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})")  # graphql-codegen writes the prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a client asks to be executed, in the types that it has to have: a document's text, or its
    SHA-256 in lower-case hex, or both."""

    query: str | None
    variables: Mapping[str, Any] | None
    operation_name: str | None
    sha256: str | None = None
    upload: Incoming | None = None


async def read(request: Request, most: int) -> Said | Sequence[Said]:
    """At most so many operations, if they come as a list. Raises RequestRefused.

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
    said = _json(await _body(request))
    if not isinstance(said, list):
        return _operation(said)
    if not said:
        raise _bad("The list has no operation.")
    if len(said) > most:
        raise RequestRefused(
            kind="TOO_MANY_OPERATIONS_IN_REQUEST",
            status=400,
            problem=f"The request has {len(said)} operations; at most {most} is served.",
            extensions={"limit": most, "found": len(said)},
        )
    return [_operation(each) for each in said]


def parse(body: bytes) -> Said:
    """Of one operation."""
    return _operation(_json(body))


def _json(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _bad("The body is no JSON document.") from error


def _operation(said: object) -> Said:
    if not isinstance(said, dict):
        raise _bad("An operation is a JSON object with 'query'.")
    return checked(said)


def checked(said: Mapping[str, Any]) -> Said:
    """A request's members, whichever transport brought them; raises RequestRefused."""
    query, variables, name = (said.get(each) for each in ("query", "variables", "operationName"))
    if not isinstance(query, str | None):
        raise _bad("'query' must be a string.")
    if not isinstance(variables, dict | None):
        raise _bad("'variables' must be an object or null.")
    if not isinstance(name, str | None):
        raise _bad("'operationName' must be a string or null.")
    if not isinstance(said.get("extensions"), dict | None):
        raise _bad("'extensions' must be an object or null.")
    _check_size(variables)
    sha256 = _sha256(said)
    if query is None and sha256 is None:
        raise _bad("Send the document as 'query', or its hash.")
    return Said(query=query, variables=variables, operation_name=name, sha256=sha256)


def _sha256(said: Mapping[str, Any]) -> str | None:
    """As GraphQL over HTTP has it (`documentId`), or as Apollo's clients do (`persistedQuery`)."""
    found: set[str] = set()
    if (name := said.get("documentId")) is not None:
        found.add(_hash(name, "'documentId' must be 'sha256:' and 64 hex digits."))
    persisted = (said.get("extensions") or {}).get("persistedQuery")
    if persisted is not None:
        problem = "'persistedQuery' must be {version: 1, sha256Hash: 64 hex digits}."
        if not isinstance(persisted, dict) or persisted.get("version") != 1:
            raise _bad(problem)
        found.add(_hash(persisted.get("sha256Hash"), problem))
    if len(found) > 1:
        raise _bad("'documentId' and 'persistedQuery' name two documents.")
    return found.pop() if found else None


def _hash(said: object, problem: str) -> str:
    named = SHA256.fullmatch(said) if isinstance(said, str) else None
    if named is None:
        raise _bad(problem)
    return named[1].lower()


async def _body(request: Request) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > BODY_LIMIT:
        raise _too_large(int(announced))
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_LIMIT:
                raise _too_large(len(body))
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
            raise _beyond(
                "TOO_MANY_VALUES",
                VALUES_LIMIT,
                f"hold more than {VALUES_LIMIT} values",
            )
    raise _beyond("VARIABLES_TOO_DEEP", NESTING_LIMIT, f"nest deeper than {NESTING_LIMIT} levels")


def _is_utf8(parameters: str) -> bool:
    name, _, value = parameters.partition("=")
    return name.strip().lower() != "charset" or value.strip(' "').lower() in ("utf-8", "utf8")


def _bad(problem: str) -> RequestRefused:
    return RequestRefused(kind="BAD_REQUEST", status=400, problem=problem)


def _beyond(kind: str, limit: int, problem: str) -> RequestRefused:
    """Of the variables, which are not counted to their end."""
    return RequestRefused(
        kind=kind,
        status=400,
        problem=f"The variables {problem}.",
        extensions={"limit": limit, "found": limit + 1},
    )


def _too_large(found: int) -> RequestRefused:
    return RequestRefused(
        kind="BODY_TOO_LARGE",
        status=413,
        problem=f"The body has more than {BODY_LIMIT} bytes.",
        headers={"Connection": "close"},
        extensions={"limit": BODY_LIMIT, "found": found},
    )
