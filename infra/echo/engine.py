"""The echo as an HTTP server's application."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random
from time import monotonic, time
from typing import Any, NoReturn

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from infra.echo import answers, shapes
from infra.echo.answers import FINGERPRINT, Json, Text, Unanswerable

JSON = "application/json"
CRASHED = 70  # the process's exit code

Shape = Callable[[str, Text, Json, int], Json]
Events = Callable[[str, Text, Json, int], Iterator[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """How the echo behaves. Durations are in seconds; 0 tokens a second streams without pauses.

    `failure_rate` is the share of requests that are answered with 500, drawn from `seed`. After
    `crash_after` requests the next one ends the process, without an answer.
    """

    name: str = "echo-model"
    start_delay: float = 0.0
    latency: float = 0.0
    tokens_per_second: float = 0.0
    failure_rate: float = 0.0
    seed: int = 0
    crash_after: int | None = None


def _crash() -> NoReturn:
    os._exit(CRASHED)


@dataclass(slots=True, kw_only=True)
class Echo:
    """One engine; `replica` tells it from others that answer the same."""

    knobs: Knobs
    replica: str
    crash: Callable[[], object] = _crash
    requests: int = 0
    failures: int = 0
    in_flight: int = 0
    tokens: int = 0
    begun: float = field(default_factory=monotonic)
    _chance: Random = field(init=False)

    def __post_init__(self) -> None:
        self._chance = Random(self.knobs.seed)  # noqa: S311

    def app(self) -> Starlette:
        texts: Mapping[str, tuple[Callable[[str, Json], Text], Shape, Events]] = {
            "/v1/chat/completions": (answers.chat, shapes.chat, shapes.chat_events),
            "/v1/completions": (answers.completion, shapes.completion, shapes.completion_events),
            "/v1/responses": (answers.response, shapes.response, shapes.response_events),
        }
        plain: Mapping[str, Callable[[str, Json], Json]] = {
            "/v1/embeddings": answers.embeddings,
            "/v1/rerank": answers.rerank,
            "/v1/moderations": answers.moderations,
        }
        return Starlette(
            routes=[
                Route("/health", self._health),
                Route("/metrics", self._metrics),
                Route("/v1/models", self._models),
                *(
                    Route(path, partial(self._answer, partial(self._text, *how)), methods=["POST"])
                    for path, how in texts.items()
                ),
                *(
                    Route(path, partial(self._answer, partial(self._plain, how)), methods=["POST"])
                    for path, how in plain.items()
                ),
            ]
        )

    async def _health(self, request: Request) -> Response:
        if self._is_loading():
            return self._json({"status": "loading", "engine": FINGERPRINT}, 503)
        return self._json({"status": "ok", "engine": FINGERPRINT})

    async def _models(self, request: Request) -> Response:
        model = {"id": self.knobs.name, "object": "model", "created": 0, "owned_by": FINGERPRINT}
        return self._json({"object": "list", "data": [model]})

    async def _metrics(self, request: Request) -> Response:
        kinds = {
            "requests_total": "counter",
            "failures_total": "counter",
            "tokens_total": "counter",
        }
        values = {
            "requests_total": self.requests,
            "failures_total": self.failures,
            "tokens_total": self.tokens,
            "requests_in_flight": self.in_flight,
        }
        lines = [
            f"# TYPE echo_{name} {kinds.get(name, 'gauge')}\necho_{name} {value}\n"
            for name, value in values.items()
        ]
        return Response("".join(lines), media_type="text/plain; version=0.0.4")

    async def _answer(self, how: Callable[[Json], Response], request: Request) -> Response:
        if self._is_loading():
            return self._error(503, "The echo is loading.", "loading")
        if self.knobs.crash_after is not None and self.requests >= self.knobs.crash_after:
            self.crash()
        self.requests += 1
        self.in_flight += 1
        try:
            body = _said(await request.body())
            if body.get("model", self.knobs.name) != self.knobs.name:
                problem = (
                    f"The model {body['model']!r} does not exist: this is {self.knobs.name!r}."
                )
                return self._error(404, problem, "model_not_found", "model")
            await asyncio.sleep(self.knobs.latency)
            if self._chance.random() < self.knobs.failure_rate:
                self.failures += 1
                return self._error(500, "The echo fails, as it was told to.", "echo_failure")
            return how(body)
        except Unanswerable as error:
            return self._error(400, error.problem, "invalid_value", error.param)
        finally:
            self.in_flight -= 1

    def _text(
        self, say: Callable[[str, Json], Text], shape: Shape, events: Events, body: Json
    ) -> Response:
        name, now = self.knobs.name, int(time())
        text = say(name, body)
        self.tokens += len(text.tokens)
        if not body.get("stream"):
            return self._json(shape(name, text, body, now))
        paced = self._paced(events(name, text, body, now))
        return StreamingResponse(paced, media_type="text/event-stream", headers=self._marks())

    def _plain(self, make: Callable[[str, Json], Json], body: Json) -> Response:
        return self._json(make(self.knobs.name, body))

    async def _paced(self, events: Iterator[bytes]) -> AsyncIterator[bytes]:
        rate = self.knobs.tokens_per_second
        self.in_flight += 1
        try:
            for event in events:
                yield event
                await asyncio.sleep(1 / rate if rate else 0)
        finally:
            self.in_flight -= 1

    def _is_loading(self) -> bool:
        return monotonic() < self.begun + self.knobs.start_delay

    def _error(self, status: int, problem: str, code: str, param: str | None = None) -> Response:
        kind = "invalid_request_error" if status < 500 else "server_error"
        error = {"message": f"Echo: {problem}", "type": kind, "param": param, "code": code}
        return self._json({"error": error}, status)

    def _json(self, value: Json, status: int = 200) -> Response:
        return Response(orjson.dumps(value), status, self._marks(), JSON)

    def _marks(self) -> dict[str, str]:
        return {"X-Echo-Replica": self.replica}


def _said(body: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unanswerable(f"The body is no JSON document ({error}).") from error
    if not isinstance(said, dict):
        raise Unanswerable("The body must be a JSON object.")
    return said
