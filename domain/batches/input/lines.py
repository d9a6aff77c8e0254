"""One line of a batch: the request in it, and the line that answers it.

An engine's bytes go into the answer as they are: they are parsed, to see that they are JSON and what
they used, but never written anew, which would change how their numbers and texts are spelled.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from domain.batches.batch import Usage
from domain.batches.ports import Reply, Seat
from domain.gateway.splice import answered_by

EXPIRED, CANCELLED = "batch_expired", "batch_cancelled"
TIMEOUT, UNREACHABLE = "request_timeout", "inference_unreachable"
TOO_LARGE, INVALID = "response_too_large", "invalid_response"
INPUT_UNAVAILABLE = "input_unavailable"
INVALID_MESSAGE = "The engine answered with status {}, but with no JSON document."

NOTHING = Usage()
MOST_TOKENS = 2**53  # of one answer; whatever says more is not counted


@dataclass(frozen=True, slots=True)
class Json:
    """`loads` raises ValueError for what is no JSON; `dumps` writes without spaces and newlines."""

    loads: Callable[[bytes], Any]
    dumps: Callable[[Any], bytes]


@dataclass(frozen=True, slots=True)
class Asked:
    """A line's request. `body` belongs to whoever parsed it."""

    custom_id: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """A line of one of the result files, without its newline."""

    line: bytes
    is_error: bool
    usage: Usage


def request_id(batch_id: str, place: int) -> str:
    """The same at every attempt; `place` counts the batch's requests from 0."""
    return "batch_req_" + blake2b(b"%b:%d" % (batch_id.encode(), place), digest_size=16).hexdigest()


def asked(line: bytes, json: Json) -> Asked:
    """Of a line that was found valid; raises ValueError, KeyError or TypeError for any other."""
    parsed = json.loads(line)
    return Asked(parsed["custom_id"], parsed["body"])


def sent(asked: Asked, seat: Seat, json: Json) -> bytes:
    """The request as the seat wants it."""
    if seat.model is None or asked.body.get("model") == seat.model:
        return json.dumps(asked.body)
    return json.dumps({**asked.body, "model": seat.model})


def answered(id: str, asked: Asked, seat: Seat, reply: Reply, json: Json) -> Answered:
    """The line for what an engine said: a result if it is one, else an error that tells it."""
    try:
        parsed = json.loads(reply.body)
    except ValueError:
        return _unparsed(id, asked, seat, reply, json)
    body = _put_back(asked, seat, _on_one_line(reply.body))
    is_error = not 200 <= reply.status < 300
    line = _with_response(id, asked, seat, reply, body, json)
    return Answered(line, is_error, NOTHING if is_error else usage(parsed))


def unanswered(id: str, custom_id: str | None, code: str, message: str, json: Json) -> Answered:
    """The line for a request that has no answer."""
    error = {"code": code, "message": message}
    line = json.dumps({"id": id, "custom_id": custom_id, "response": None, "error": error})
    return Answered(line, is_error=True, usage=NOTHING)


def usage(parsed: object) -> Usage:
    """What an answer says that it used: of chat and completions, responses, embeddings and rerank."""
    said = parsed.get("usage") if isinstance(parsed, dict) else None
    if not isinstance(said, dict):
        return NOTHING
    if "input_tokens" in said or "output_tokens" in said:
        begin, end = "input_tokens", "output_tokens"
    else:
        begin, end = "prompt_tokens", "completion_tokens"
    taken, given = _count(said, begin), _count(said, end)
    return Usage(
        input_tokens=taken,
        cached_tokens=_detail(said, begin, "cached_tokens"),
        output_tokens=given,
        reasoning_tokens=_detail(said, end, "reasoning_tokens"),
        total_tokens=_count(said, "total_tokens") or taken + given,
    )


def _unparsed(id: str, asked: Asked, seat: Seat, reply: Reply, json: Json) -> Answered:
    if 200 <= reply.status < 300:
        message = INVALID_MESSAGE.format(reply.status)
        return unanswered(id, asked.custom_id, INVALID, message, json)
    text = json.dumps(reply.body.decode(errors="replace"))
    line = _with_response(id, asked, seat, reply, text, json)
    return Answered(line, is_error=True, usage=NOTHING)


def _with_response(
    id: str, asked: Asked, seat: Seat, reply: Reply, body: bytes, json: Json
) -> bytes:
    dumps = json.dumps
    revision = b"null" if seat.revision is None else b"%d" % seat.revision
    return (
        b'{"id":"%b","custom_id":%b,"response":{"status_code":%d,"request_id":%b,"body":%b,'
        b'"modelyard":{"revision":%b,"replica":%b}},"error":null}'
    ) % (
        id.encode(),
        dumps(asked.custom_id),
        reply.status,
        dumps(reply.request_id or id),
        body,
        revision,
        dumps(seat.id),
    )


def _on_one_line(document: bytes) -> bytes:
    """In a JSON document a line ends between two tokens only: in a text it is written `\\n`."""
    if b"\n" in document or b"\r" in document:
        return document.replace(b"\n", b" ").replace(b"\r", b" ")
    return document


def _put_back(asked: Asked, seat: Seat, document: bytes) -> bytes:
    """The client's name of the model, where the engine was asked by its own."""
    model = asked.body.get("model")
    if seat.model is None or seat.model == model or not isinstance(model, str):
        return document
    return answered_by(document, model)


def _count(said: Mapping[str, object], name: str) -> int:
    count = said.get(name)
    return count if type(count) is int and 0 <= count <= MOST_TOKENS else 0


def _detail(said: Mapping[str, object], of: str, name: str) -> int:
    details = said.get(of + "_details")
    return _count(details, name) if isinstance(details, dict) else 0
