"""An echo's texts in the shapes of OpenAI's API, whole and as events."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

import orjson

from infra.echo.answers import FINGERPRINT, Json, Text

DONE = b"data: [DONE]\n\n"


def chat(name: str, text: Text, body: Json, now: int) -> Json:
    choice = {"message": {"role": "assistant", "content": text.whole}, "logprobs": None}
    return _completion("chat.completion", "chatcmpl", name, text, body, now, choice)


def completion(name: str, text: Text, body: Json, now: int) -> Json:
    choice = {"text": text.whole, "logprobs": None}
    return _completion("text_completion", "cmpl", name, text, body, now, choice)


def response(name: str, text: Text, body: Json, now: int) -> Json:
    return {**_response(name, body, now, "completed"), "output": [_message(text)], **_spent(text)}


def chat_events(name: str, text: Text, body: Json, now: int) -> Iterator[bytes]:
    whole = chat(name, text, body, now)
    chunk = {**whole, "object": "chat.completion.chunk"}
    del chunk["usage"]
    yield event({**chunk, "choices": [_chunk({"delta": {"role": "assistant", "content": ""}})]})
    for token in text.tokens:
        yield event({**chunk, "choices": [_chunk({"delta": {"content": token}})]})
    last = _chunk({"delta": {}}, text.finish_reason)
    yield event({**chunk, "choices": [last]})
    yield from _usage(chunk, text, body)
    yield DONE


def completion_events(name: str, text: Text, body: Json, now: int) -> Iterator[bytes]:
    chunk = dict(completion(name, text, body, now))
    del chunk["usage"]
    for token in text.tokens:
        yield event({**chunk, "choices": [_chunk({"text": token})]})
    yield event({**chunk, "choices": [_chunk({"text": ""}, text.finish_reason)]})
    yield from _usage(chunk, text, body)
    yield DONE


def response_events(name: str, text: Text, body: Json, now: int) -> Iterator[bytes]:
    begun = {**_response(name, body, now, "in_progress"), "output": []}
    message = _message(text)
    part = {"type": "output_text", "text": "", "annotations": []}
    place = {"item_id": message["id"], "output_index": 0, "content_index": 0}
    item = {**message, "status": "in_progress", "content": []}
    whole = message["content"][0]
    told: list[Json] = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **place, "part": part},
        *(
            {"type": "response.output_text.delta", **place, "delta": token, "logprobs": []}
            for token in text.tokens
        ),
        {"type": "response.output_text.done", **place, "text": text.whole, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": whole},
        {"type": "response.output_item.done", "output_index": 0, "item": message},
        {"type": "response.completed", "response": response(name, text, body, now)},
    ]
    for number, each in enumerate(told):
        yield event({**each, "sequence_number": number}, each["type"])


def event(value: Json, name: str = "") -> bytes:
    begin = f"event: {name}\n".encode() if name else b""
    return begin + b"data: " + orjson.dumps(value) + b"\n\n"


def _completion(
    kind: str, prefix: str, name: str, text: Text, body: Json, now: int, choice: Json
) -> dict[str, Any]:
    count = body.get("n") or 1
    choices = [
        {"index": index, **choice, "finish_reason": text.finish_reason} for index in range(count)
    ]
    return {
        "id": f"{prefix}-{_digest(body)}",
        "object": kind,
        "created": now,
        "model": name,
        "system_fingerprint": FINGERPRINT,
        "choices": choices,
        "usage": text.usage,
    }


def _chunk(choice: Json, finish_reason: str | None = None) -> Json:
    return {"index": 0, **choice, "logprobs": None, "finish_reason": finish_reason}


def _usage(chunk: Json, text: Text, body: Json) -> Iterator[bytes]:
    options = body.get("stream_options")
    if isinstance(options, Mapping) and options.get("include_usage"):
        yield event({**chunk, "choices": [], "usage": text.usage})


def _response(name: str, body: Json, now: int, status: str) -> dict[str, Any]:
    return {
        "id": f"resp_{_digest(body)}",
        "object": "response",
        "created_at": now,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "metadata": {"engine": FINGERPRINT},
        "model": name,
        "parallel_tool_calls": False,
        "temperature": None,
        "tool_choice": "none",
        "tools": [],
        "top_p": None,
    }


def _message(text: Text) -> dict[str, Any]:
    return {
        "type": "message",
        "id": "msg_echo",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_text", "text": text.whole, "annotations": []}],
    }


def _spent(text: Text) -> Json:
    return {
        "usage": {
            "input_tokens": text.prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": len(text.tokens),
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": text.prompt_tokens + len(text.tokens),
        }
    }


def _digest(body: Json) -> str:
    return sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()[:24]
