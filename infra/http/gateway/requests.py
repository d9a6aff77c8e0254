"""A request for inference as it comes: JSON that names a model, and is passed on as it was written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request

from domain.gateway.splice import Span, TooIntricate, own_models, with_models
from infra.http.gateway.refusals import refused
from infra.http.refusals import JSON

EXPLAINED = 64 * 1024  # bytes of a body that names no model
OUR_PREFIX = "x-modelyard-"
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
OURS = frozenset(
    {
        "accept-encoding",  # a compressed answer's model could not be put back
        "authorization",  # our keys are no business of an engine
        "content-length",
        "cookie",
        "expect",
        "host",
        "openai-organization",
        "openai-project",
    }
)


@dataclass(frozen=True, slots=True)
class Said:
    """`model` is the client's own value, and stands at `spans`."""

    model: str
    body: bytes
    spans: Sequence[Span]

    def to(self, model: str) -> bytes:
        """The body with the served model's own name."""
        return with_models(self.body, self.spans, model)


async def read(request: Request, limit: int) -> Said:
    """`limit` is in bytes. Raises RequestRefused, ClientDisconnect.

    Only JSON is taken: every other type of content can be sent by a page of another site without
    asking the browser's leave.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0]
    if media_type.strip().lower() != JSON:
        raise refused(
            "Send the request as JSON, with 'Content-Type: application/json'.",
            "unsupported_media_type",
            status=415,
        )
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise refused(
            "Send the request as it is: encoded content is not read.",
            "unsupported_content_encoding",
            status=415,
        )
    return parse(await _body(request, limit))


def parse(body: bytes) -> Said:
    """Raises RequestRefused.

    Nothing is built of the body, which may be large, and is its engine's to judge.
    """
    try:
        spans = own_models(body)
    except TooIntricate as error:
        raise refused(error.message, "request_too_large", status=413) from error
    if not spans:
        raise _unnamed(body)
    start, end = spans[-1]
    model = _read(body[start:end])
    if not model:
        raise refused("'model' must be a text that is not empty.", "invalid_model")
    return Said(model, body, spans)


def _unnamed(body: bytes) -> Exception:
    """Why no model was found in it."""
    said = _read(body) if len(body) <= EXPLAINED else {}
    if not isinstance(said, dict):
        return refused("The body must be a JSON object.", "invalid_json")
    if said.get("model") is None:
        return refused("Name a model: 'model' is missing.", "missing_required_parameter")
    return refused("'model' must be a text that is not empty.", "invalid_model")


def _read(document: bytes) -> Any:
    try:
        return orjson.loads(document)
    except orjson.JSONDecodeError as error:
        raise refused(f"The body is no JSON document: {error}.", "invalid_json") from error


def passed_on(headers: Iterable[tuple[str, str]], but: frozenset[str]) -> Mapping[str, str]:
    """Headers for the next hop, names in lower case; one that stands several times is joined.

    Without its type no body is understood: nobody can have it dropped.
    """
    pairs = [(name.lower(), value) for name, value in headers]
    named = {
        each.strip().lower()
        for name, value in pairs
        if name == "connection"
        for each in value.split(",")
    }
    dropped = HOP_BY_HOP | but | (named - {"content-type"})
    kept: dict[str, str] = {}
    for name, value in pairs:
        if name not in dropped and not name.startswith(OUR_PREFIX):
            kept[name] = f"{kept[name]}, {value}" if name in kept else value
    return kept


async def _body(request: Request, limit: int) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


def _too_large(limit: int) -> Exception:
    problem = f"The body has more than {limit} bytes."
    return refused(problem, "request_too_large", status=413, headers={"Connection": "close"})
