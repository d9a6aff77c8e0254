"""Operations that bring a file: a form as graphql-multipart-request-spec has it.

    operations={"query": …, "variables": {"input": {"file": null, …}}}
    map={"0": ["variables.input.file"]}
    0=<the file>

The file is not read before the operation asks for it, and never kept here.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import orjson

from domain.files.incoming import Incoming
from infra.http import requests
from infra.http.multipart import Form
from infra.http.refusals import RequestRefused
from infra.http.requests import BODY_LIMIT, Said

PREFLIGHT = ("graphql-require-preflight", "apollo-require-preflight", "x-apollo-operation-name")
MAP_LIMIT = 4_096  # bytes


def check_preflight(headers: Mapping[str, str]) -> None:
    """A page of another site can send a form, but none of these headers without asking the browser's
    leave; raises RequestRefused."""
    if not any(headers.get(each) for each in PREFLIGHT):
        raise RequestRefused(
            kind="PREFLIGHT_REQUIRED",
            status=400,
            problem="Send 'GraphQL-Require-Preflight: true' with a form, so that no web page can send it "
            "unasked.",
        )


async def read(form: Form) -> Said:
    """Up to where the file begins; raises RequestRefused."""
    said = requests.parse((await _field(form, "operations", BODY_LIMIT)).encode())
    name, path = _mapped(await _field(form, "map", MAP_LIMIT))
    part = await form.part()
    if part is None or part.name != name:
        raise _bad(f"The part {name!r} has to follow 'map'.")
    upload = Incoming(part.filename or "", _alone(form))
    return replace(said, variables=_with(said.variables, path, upload), upload=upload)


async def _field(form: Form, name: str, limit: int) -> str:
    part = await form.part()
    if part is None or part.name != name:
        raise _bad("A form has the parts 'operations', 'map' and the file, in this order.")
    return await form.text(limit)


def _mapped(written: str) -> tuple[str, list[str]]:
    """The name of the file's part, and its place in the operation."""
    try:
        said = orjson.loads(written)
    except orjson.JSONDecodeError as error:
        raise _bad("'map' is no JSON document.") from error
    match said:
        case dict() if len(said) == 1:
            [(name, paths)] = said.items()
            if isinstance(paths, list) and len(paths) == 1 and isinstance(paths[0], str):
                first, *path = paths[0].split(".")
                if first == "variables" and path:
                    return name, path
    raise _bad(
        '\'map\' has to name one file and its one place, as {"0": ["variables.input.file"]}.'
    )


def _with(variables: Mapping[str, Any] | None, path: list[str], upload: Incoming) -> dict[str, Any]:
    held: Any = dict(variables or {})
    whole = held
    for name in path[:-1]:
        held = held.get(name) if isinstance(held, dict) else None
    if not isinstance(held, dict) or held.get(path[-1], "") is not None:
        raise _bad(f"The variables have no null at {'.'.join(path)!r}, where the file belongs.")
    held[path[-1]] = upload
    return dict(whole)


async def _alone(form: Form) -> AsyncGenerator[bytes, None]:
    async with aclosing(form.pieces()) as pieces:
        async for piece in pieces:
            yield piece
    if await form.part() is not None:
        raise _bad("A form may bring one file.")


def _bad(problem: str) -> RequestRefused:
    return RequestRefused(kind="BAD_REQUEST", status=400, problem=problem)
