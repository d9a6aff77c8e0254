"""The Starlette application."""

from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import orjson
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from domain.access.access import Caller
from domain.ids import new_id
from infra.db import version
from infra.http.gate import Gate, is_loopback
from infra.http.graphql import Endpoint, GraphQL
from infra.http.health import Health
from infra.http.live import Live
from infra.http.metrics import Metrics
from infra.http.refusals import JSON
from infra.http.websocket import Sockets
from infra.wiring import Parts
from resolvers.context import Context
from resolvers.limits import Limits
from resolvers.operations import Operations
from resolvers.root import build_schema
from schema import versions

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """`asgi` is what a server serves; `live` has to be kept swept while it does."""

    asgi: Starlette
    live: Live
    gate: Gate


def build(parts: Parts) -> App:
    gate = Gate(parts.services.access, new_id, loopback=is_loopback(parts.settings.host))
    live = Live(parts.store.reads.keys, gate)
    metrics = Metrics()
    metrics.watch(live)

    def new_context(caller: Caller) -> Context:
        return Context.of(parts.services, caller)

    endpoint = Endpoint(
        operations=Operations(build_schema().core, Limits()),
        new_context=new_context,
        gate=gate,
        live=live,
        metrics=metrics,
        api_version=versions.CURRENT,
        seconds=parts.settings.request_timeout.total_seconds(),
    )
    return App(
        asgi=routes(endpoint, Health(partial(version.require_current, parts.store.events.engines))),
        live=live,
        gate=gate,
    )


def routes(endpoint: Endpoint, health: Health) -> Starlette:
    async def metrics(request: Request) -> Response:
        return endpoint.metrics.page()

    return Starlette(
        routes=[
            Route("/graphql", GraphQL(endpoint)),
            WebSocketRoute("/graphql", Sockets(endpoint=endpoint, new_id=new_id)),
            Route("/healthz", health.live),
            Route("/readyz", health.ready),
            Route("/metrics", metrics),
        ],
        exception_handlers={Exception: _fault},
    )


async def _fault(request: Request, error: Exception) -> Response:
    reference = uuid4().hex[:12]
    log.error("request failed", reference=reference, path=request.url.path, exc_info=error)
    message = f"Something went wrong here. The server's log tells more under {reference}."
    shown = {"message": message, "extensions": {"code": "INTERNAL", "reference": reference}}
    return Response(orjson.dumps({"errors": [shown]}), status_code=500, media_type=JSON)
