"""What the echo says: from a request's body alone, so that the same request has the same answer."""

import re
from array import array
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import sqrt
from random import Random
from typing import Any

TOKEN = re.compile(r"\s*(?:\w+|[^\w\s])|\s+$")
DIMENSIONS, MOST_DIMENSIONS = 256, 8192
FINGERPRINT = "echo"

Json = Mapping[str, Any]


@dataclass(eq=False)
class Unanswerable(Exception):
    """The request is wrong; `param` is the member that is."""

    problem: str
    param: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """What is said, token for token; joined they are the text."""

    tokens: tuple[str, ...]
    is_cut: bool
    prompt_tokens: int

    @property
    def whole(self) -> str:
        return "".join(self.tokens)

    @property
    def finish_reason(self) -> str:
        return "length" if self.is_cut else "stop"

    @property
    def usage(self) -> Json:
        told, said = self.prompt_tokens, len(self.tokens)
        return {"prompt_tokens": told, "completion_tokens": said, "total_tokens": told + said}


def tokens(text: str) -> tuple[str, ...]:
    return tuple(TOKEN.findall(text))


def chat(name: str, body: Json) -> Text:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Unanswerable("'messages' must be a list with at least one message.", "messages")
    texts = [_content(each) for each in messages]
    asked = [
        text
        for text, each in zip(texts, messages, strict=True)
        if isinstance(each, dict) and each.get("role") == "user"
    ]
    limit = body.get("max_completion_tokens", body.get("max_tokens"))
    return _said(name, (asked or texts)[-1], sum(len(tokens(text)) for text in texts), limit)


def completion(name: str, body: Json) -> Text:
    prompt = "\n".join(_inputs(body, "prompt"))
    return _said(name, prompt, len(tokens(prompt)), body.get("max_tokens"))


def response(name: str, body: Json) -> Text:
    asked = body.get("input")
    if isinstance(asked, list):
        texts = [_content(each) for each in asked]
    elif isinstance(asked, str):
        texts = [asked]
    else:
        raise Unanswerable("'input' must be a text or a list.", "input")
    told = sum(len(tokens(text)) for text in texts)
    return _said(name, texts[-1] if texts else "", told, body.get("max_output_tokens"))


def embeddings(name: str, body: Json) -> Json:
    inputs = _inputs(body, "input")
    dimensions = body.get("dimensions", DIMENSIONS)
    if not isinstance(dimensions, int) or not 1 <= dimensions <= MOST_DIMENSIONS:
        raise Unanswerable(f"'dimensions' must be from 1 to {MOST_DIMENSIONS}.", "dimensions")
    written = body.get("encoding_format", "float")
    if written not in ("float", "base64"):
        raise Unanswerable("'encoding_format' must be float or base64.", "encoding_format")
    vectors = [embedding(text, dimensions) for text in inputs]
    told = sum(len(tokens(text)) for text in inputs)
    return {
        "object": "list",
        "model": name,
        "system_fingerprint": FINGERPRINT,
        "data": [
            {
                "object": "embedding",
                "index": index,
                "embedding": _base64(vector) if written == "base64" else vector,
            }
            for index, vector in enumerate(vectors)
        ],
        "usage": {"prompt_tokens": told, "total_tokens": told},
    }


def embedding(text: str, dimensions: int) -> Sequence[float]:
    """A point on the unit sphere; the same one for the same text, everywhere and always."""
    chance = Random(sha256(text.encode(errors="surrogatepass")).digest())  # noqa: S311
    drawn = [chance.gauss(0, 1) for _ in range(dimensions)]
    length = sqrt(sum(each * each for each in drawn)) or 1.0
    return [each / length for each in drawn]


def rerank(name: str, body: Json) -> Json:
    query, documents = body.get("query"), body.get("documents")
    if not isinstance(query, str):
        raise Unanswerable("'query' must be a text.", "query")
    if not isinstance(documents, list) or not documents:
        raise Unanswerable("'documents' must be a list with at least one document.", "documents")
    texts = [_document(each) for each in documents]
    scored = sorted(
        ((_overlap(query, text), index, text) for index, text in enumerate(texts)),
        key=lambda each: (-each[0], each[1]),
    )
    told = len(tokens(query)) + sum(len(tokens(text)) for text in texts)
    return {
        "id": "rerank-echo",
        "model": name,
        "system_fingerprint": FINGERPRINT,
        "results": [
            {"index": index, "relevance_score": score, "document": {"text": text}}
            for score, index, text in scored[: body.get("top_n") or len(scored)]
        ],
        "usage": {"prompt_tokens": told, "total_tokens": told},
    }


def moderations(name: str, body: Json) -> Json:
    """Nothing is judged: an echo flags nothing."""
    categories = ("harassment", "hate", "illicit", "self-harm", "sexual", "violence")
    return {
        "id": "modr-echo",
        "model": name,
        "system_fingerprint": FINGERPRINT,
        "results": [
            {
                "flagged": False,
                "categories": dict.fromkeys(categories, False),
                "category_scores": dict.fromkeys(categories, 0.0),
            }
            for _ in _inputs(body, "input")
        ],
    }


def _said(name: str, text: str, told: int, limit: object) -> Text:
    said = tokens(f"Echo from {name}: {text}")
    if isinstance(limit, int) and limit < len(said):
        return Text(said[: max(limit, 0)], is_cut=True, prompt_tokens=told)
    return Text(said, is_cut=False, prompt_tokens=told)


def _content(message: object) -> str:
    """A message's text; of one in parts, those that have text."""
    content = message.get("content") if isinstance(message, dict) else message
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict))
        return " ".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _inputs(body: Json, name: str) -> Sequence[str]:
    """A text, texts, a list of token ids, or lists of them."""
    given = body.get(name)
    if isinstance(given, str):
        return [given]
    if isinstance(given, list) and given:
        if all(isinstance(each, int) for each in given):
            return [_ids(given)]
        return [each if isinstance(each, str) else _ids(each) for each in given]
    raise Unanswerable(f"'{name}' must be a text or a list that is not empty.", name)


def _ids(given: object) -> str:
    return " ".join(map(str, given)) if isinstance(given, list) else str(given)


def _document(given: object) -> str:
    return str(given.get("text", "")) if isinstance(given, dict) else str(given)


def _overlap(query: str, text: str) -> float:
    """How many of all words the two have in common, from 0 to 1."""
    left, right = set(query.lower().split()), set(text.lower().split())
    return len(left & right) / len(left | right) if left | right else 0.0


def _base64(vector: Sequence[float]) -> str:
    """Little-endian 32-bit floats, as OpenAI's client asks for."""
    packed = array("f", vector)
    if array("H", [1]).tobytes()[0] == 0:
        packed.byteswap()
    return b64encode(packed.tobytes()).decode()
