"""JSON bodies, read so that nobody can mean two things by one."""

import json
from collections.abc import Mapping, Sequence
from math import isfinite

import orjson
from starlette.requests import ClientDisconnect, Request

from domain.errors import ModelyardError
from infra.http.openai.errors import refused

LIMIT = 1024 * 1024  # bytes
NESTING_LIMIT = 64
LARGEST = 2**63


async def read(request: Request, limit: int = LIMIT) -> object:
    """Raises RequestRefused for what is too large or no JSON document, and for an object that has a
    member twice."""
    return parse(await _bytes(request, limit))


def parse(body: bytes) -> object:
    """As `read`."""
    try:
        orjson.loads(body)  # strict in all but repeated members
        said: object = json.loads(
            body, object_pairs_hook=_once, parse_int=_integer, parse_float=_float
        )
    except (ValueError, RecursionError) as error:
        raise _invalid("The body is no JSON document.") from error
    _check_nesting(said)
    return said


async def _bytes(request: Request, limit: int) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:18]) > limit:
        raise _too_large(limit)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise _too_large(limit)
    except ClientDisconnect as error:
        raise _invalid("The body ended too early.") from error
    return bytes(body)


def _once(pairs: Sequence[tuple[str, object]]) -> Mapping[str, object]:
    said = dict(pairs)
    if len(said) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _invalid(f"{twice[:80]!r} stands twice in one object.")
    return said


def _integer(written: str) -> int:
    value = int(written)
    if not -LARGEST <= value < LARGEST:
        raise _invalid(f"{written[:30]}… is no number that can be meant.")
    return value


def _float(written: str) -> float:
    value = float(written)
    if not isfinite(value):
        raise _invalid(f"{written[:30]} is no number that can be meant.")
    return value


def _check_nesting(said: object) -> None:
    level: list[object] = [said]
    for _ in range(NESTING_LIMIT + 1):
        level = [inner for outer in level for inner in _inner(outer)]
        if not level:
            return
    raise _invalid(f"The body nests deeper than {NESTING_LIMIT} levels.")


def _inner(outer: object) -> Sequence[object]:
    if isinstance(outer, dict):
        return list(outer.values())
    return outer if isinstance(outer, list) else ()


def _invalid(problem: str) -> ModelyardError:
    return refused(problem, "invalid_json")


def _too_large(limit: int) -> ModelyardError:
    problem = f"The body has more than {limit} bytes."
    return refused(problem, "body_too_large", status=413, headers={"Connection": "close"})
