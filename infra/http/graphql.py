"""POST /graphql (with a file, as a form), and GraphiQL for a browser's GET."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import orjson
import structlog
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.access.access import Caller
from domain.errors import ModelyardError
from infra.http import multipart, payloads, requests, several, streams, uploads
from infra.http.gate import Credentials, Gate
from infra.http.live import Live
from infra.http.metrics import Metrics
from infra.http.multipart import Form
from infra.http.ports import NewContext, Operation, Operations, Payload
from infra.http.refusals import JSON, RequestRefused, answer
from infra.http.requests import Said
from infra.http.rules import Rules, check_total, price
from infra.http.several import Asked
from infra.http.streams import GRAPHQL_JSON, StreamedAnswer
from infra.http.versions import HEADER, Versions

UPLOAD_SECONDS = 3_600.0  # what a mutation may take that brings a file

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What every transport of GraphQL needs; `seconds` is what a query or mutation may take,
    `heartbeat` after how many seconds of silence a stream over HTTP shows that it lives."""

    operations: Operations
    new_context: NewContext
    gate: Gate
    live: Live
    metrics: Metrics
    versions: Versions
    seconds: float
    heartbeat: float = 10.0
    rules: Rules = field(default_factory=Rules)

    def served(self, version: str, caller: Caller, cost: int | None) -> dict[str, str]:
        """The headers of an answer."""
        said = {HEADER: version, "X-Request-Id": caller.request_id}
        return {**said, **price(cost, self.operations.cost_limit)}


@dataclass(frozen=True, slots=True)
class GraphQL:
    """`page` is what a browser gets that opens the address."""

    endpoint: Endpoint
    page: Callable[[Request], Awaitable[Response]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        version = None
        response: ASGIApp
        try:
            if _is_browser(request):
                response = await self.page(request)
            else:
                version = self.endpoint.versions.of(request)
                response = await self._respond(request, version)
        except ModelyardError as error:
            self.endpoint.metrics.refused(error.code)
            log.info("request refused", code=error.code)
            response = answer(error, {} if version is None else {HEADER: version})
        await response(scope, receive, send)

    async def _respond(self, request: Request, version: str) -> ASGIApp:
        if request.method != "POST":
            raise RequestRefused(
                kind="METHOD_NOT_ALLOWED",
                status=405,
                problem="Operations are sent with POST.",
                headers={"Allow": "POST"},
            )
        caller = await self.endpoint.gate.admit(request.headers, Credentials.of(request.headers))
        said = await self._said(request)
        if not isinstance(said, Said):
            return await self._answer_all(caller, said, version)
        if said.upload is None:
            return await self._answer(request.headers, caller, said, version)
        async with aclosing(said.upload.pieces):
            return await self._answer(request.headers, caller, said, version)

    async def _said(self, request: Request) -> Said | Sequence[Said]:
        try:
            async with asyncio.timeout(self.endpoint.seconds):
                if not multipart.is_form(request.headers):
                    return await requests.read(request, self.endpoint.rules.of_request)
                uploads.check_preflight(request.headers)
                return await uploads.read(Form(request))
        except TimeoutError as error:
            problem = f"The body did not come within {self.endpoint.seconds:g} seconds."
            raise RequestRefused(kind="BODY_TIMEOUT", status=408, problem=problem) from error

    async def _answer(self, headers: Headers, caller: Caller, said: Said, version: str) -> ASGIApp:
        endpoint = self.endpoint
        operation = endpoint.rules.find(endpoint.operations, said, caller, version)
        served = endpoint.served(version, caller, operation.cost)
        accept = headers.get("accept", "")
        wire = streams.chosen(accept, is_subscription=operation.is_subscription)
        context = endpoint.new_context(caller, version)
        if wire is not None and said.upload is None:
            plain = payloads.stream(operation, said, context, endpoint.seconds)
            results = payloads.measured(plain, endpoint.metrics, operation.kind, version)
            key_id = caller.principal.key_id
            if operation.is_subscription:
                endpoint.rules.subscribers.check(key_id)
                results = payloads.counted(results, endpoint.rules.subscribers, key_id)
            beat = endpoint.heartbeat
            return StreamedAnswer(results, wire, endpoint.live, key_id, served, beat)
        with endpoint.metrics.timed(operation.kind, version):
            payload = await self._payload(operation, said, context)
        log.info(
            "operation",
            kind=operation.kind,
            version=version,
            cost=operation.cost,
            request=caller.request_id,
            actor=caller.actor,
        )
        return _plain(payload, accept, served)

    async def _answer_all(self, caller: Caller, said: Sequence[Said], version: str) -> ASGIApp:
        endpoint = self.endpoint
        asked = [self._asked(each, endpoint.gate.again(caller), version) for each in said]
        cost = sum(each.cost for each in asked)
        check_total(cost, endpoint.operations.cost_limit)
        found = await several.answers(asked, endpoint.metrics, version, endpoint.seconds)
        log.info(
            "operations",
            count=len(asked),
            version=version,
            cost=cost,
            request=caller.request_id,
            actor=caller.actor,
        )
        return Response(orjson.dumps(found), 200, endpoint.served(version, caller, cost), JSON)

    def _asked(self, said: Said, caller: Caller, version: str) -> Asked:
        endpoint = self.endpoint
        found: Operation | RequestRefused
        try:
            found = endpoint.rules.find(endpoint.operations, said, caller, version)
        except RequestRefused as refused:
            found = refused
        return Asked(said=said, found=found, context=endpoint.new_context(caller, version))

    async def _payload(self, operation: Operation, said: Said, context: object) -> Payload:
        seconds = self.endpoint.seconds if said.upload is None else UPLOAD_SECONDS
        return await payloads.whole(operation, said, context, seconds)


def _is_browser(request: Request) -> bool:
    """Somebody opens the address; scripts say which of GraphQL's media types they accept."""
    accept = request.headers.get("accept", "")
    return request.method in ("GET", "HEAD") and "text/html" in accept


def _plain(payload: Payload, accept: str, headers: dict[str, str]) -> Response:
    """As GraphQL over HTTP has it: what was not executed is a 400, but where a client knows
    nothing newer than application/json."""
    modern = GRAPHQL_JSON in accept.lower()
    status = 400 if modern and "data" not in payload else 200
    media_type = GRAPHQL_JSON if modern else JSON
    return Response(orjson.dumps(payload), status, headers, media_type)
