"""The Starlette application."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from domain.access.access import Caller, Role
from domain.batches.jobs.tokens import Tokens
from domain.batches.worker.recording import Recording
from domain.clock import MonotonicTimer, utc_now
from domain.ids import new_id
from infra import autoscaling, manifests
from infra.db import version
from infra.http.gate import Gate, is_loopback
from infra.http.gateway import gateway
from infra.http.gateway.gateway import Gateway
from infra.http.gateway.inference import Limits as InferenceLimits
from infra.http.gateway.watch import World
from infra.http.graphql import Endpoint, GraphQL
from infra.http.health import Health
from infra.http.live import Live
from infra.http.metrics import Metrics
from infra.http.openai import errors as openai_errors
from infra.http.openai.admission import Admission
from infra.http.openai.batches import BatchRoutes
from infra.http.openai.errors import FAULT
from infra.http.openai.files import FileRoutes
from infra.http.persisted import Kept, Trusted
from infra.http.pods.routes import PodRoutes
from infra.http.refusals import JSON, masked
from infra.http.rules import Rules
from infra.http.subscribers import Subscribers
from infra.http.versions import Versions
from infra.http.websocket import Sockets
from infra.settings import Introspection, Settings
from infra.wiring import Parts
from resolvers.context import Context
from resolvers.limits import Limits
from resolvers.operations import Operations
from resolvers.root import build_schema
from resolvers.views import Views
from schema.versions import order
from schema.versions.releases import releases


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """`asgi` is what a server serves; `live` has to be kept swept, and `gateway` running, while it
    does."""

    asgi: Starlette
    live: Live
    gate: Gate
    gateway: Gateway


def build(parts: Parts) -> App:
    gate = Gate(parts.services.access, new_id, loopback=is_loopback(parts.settings.host))
    live = Live(parts.store.reads.keys, gate)
    metrics = Metrics()
    metrics.watch(live)

    schema = build_schema()

    def new_context(caller: Caller, api_version: str) -> Context:
        return Context.of(parts.services, caller, api_version)

    limits = Limits(cost=parts.settings.query_cost_limit)
    hides = parts.settings.introspection is not Introspection.EVERYONE
    endpoint = Endpoint(
        operations=Operations(Views(schema.core, schema.declarations), limits, hides=hides),
        new_context=new_context,
        gate=gate,
        live=live,
        metrics=metrics,
        versions=_versions(schema.newest),
        seconds=parts.settings.request_timeout.total_seconds(),
        rules=rules(parts.settings),
    )
    health = Health(partial(version.require_current, parts.store.events.engines))
    inference = _gateway(parts, gate, live, metrics)
    admission = Admission(gate=gate, timer=MonotonicTimer(), new_id=new_id)
    files, batches = _files(parts, admission), _batches(parts, admission)
    more = [*files.routes, *batches.routes, *_pods(parts).routes, *inference.routes]
    return App(asgi=routes(endpoint, health, more), live=live, gate=gate, gateway=inference)


def rules(settings: Settings) -> Rules:
    """Raises ManifestRefused."""
    trusted = settings.trusted_documents
    return Rules(
        documents=Trusted(manifests.read(trusted)) if trusted else Kept(),
        subscribers=Subscribers(settings.subscriptions_per_key),
        may_introspect=partial(_may_introspect, settings.introspection),
        of_socket=settings.operations_per_socket,
        of_request=settings.operations_per_request,
    )


def _may_introspect(who: Introspection, caller: Caller) -> bool:
    if who is not Introspection.ADMINS:
        return who is Introspection.EVERYONE
    return caller.principal.role_in(caller.project_id) is Role.ADMIN


def routes(endpoint: Endpoint, health: Health, more: Sequence[BaseRoute] = ()) -> Starlette:
    async def metrics(request: Request) -> Response:
        return endpoint.metrics.page()

    return Starlette(
        routes=[
            Route("/graphql", GraphQL(endpoint)),
            WebSocketRoute("/graphql", Sockets(endpoint=endpoint)),
            Route("/healthz", health.live),
            Route("/readyz", health.ready),
            Route("/metrics", metrics),
            *more,
        ],
        exception_handlers={Exception: _fault, 404: _nothing},
    )


def _versions(declared: str) -> Versions:
    """A release may have brought nothing: then it is newer than all that is declared."""
    table = releases()
    newest = max(declared, *(each.version for each in table), key=order)

    def supported(today: date) -> list[str]:
        return [each.version for each in table if each.is_supported(today)]

    return Versions(newest=newest, supported=supported, clock=utc_now)


def _files(parts: Parts, admission: Admission) -> FileRoutes:
    return FileRoutes(admission=admission, files=parts.services.files, reads=parts.store.reads)


def _batches(parts: Parts, admission: Admission) -> BatchRoutes:
    services = parts.services
    return BatchRoutes(
        admission=admission,
        batches=services.batches,
        reads=services.reads,
        results=services.results,
    )


def _pods(parts: Parts) -> PodRoutes:
    """For the workers of Kubernetes Jobs; whoever has no token of theirs is refused."""
    store = parts.store
    return PodRoutes(
        tokens=Tokens(sealer=parts.sealer, clock=utc_now),
        reads=store.reads,
        records=Recording(start_work=store.start_work, clock=utc_now),
        workers=store.workers,
        claims=store.shard_claims,
        objects=parts.objects,
        clock=utc_now,
        lease=parts.settings.batch_lease,
    )


def world(parts: Parts) -> World:
    """What this process's gateway is told, and whom it tells."""
    settings, store = parts.settings, parts.store
    return World(
        id=new_id(),
        reads=store.reads,
        log=store.log,
        gateways=store.gateways,
        sleepers=autoscaling.waking(settings, store),
        clock=utc_now,
    )


def _gateway(parts: Parts, gate: Gate, live: Live, metrics: Metrics) -> Gateway:
    settings = parts.settings
    limits = InferenceLimits(
        body=settings.inference_body_limit, seconds=settings.inference_timeout.total_seconds()
    )
    hold = settings.hold_timeout.total_seconds()
    return gateway.build(world(parts), gate, live, metrics.registry, limits, hold, parts.proxy)


async def _nothing(request: Request, error: Exception) -> Response:
    """No route has the path."""
    if not request.url.path.startswith("/v1/"):
        return PlainTextResponse("Not Found", status_code=404)
    problem = f"There is nothing at {request.method} {request.url.path[:200]}."
    refused = openai_errors.refused(problem, "unknown_url", status=404)
    return openai_errors.answer(refused, openai_errors.shape(refused))


async def _fault(request: Request, error: Exception) -> Response:
    fault = masked(error, path=request.url.path)
    if request.url.path.startswith("/v1/"):
        shown: dict[str, object] = {"error": {**FAULT, "message": fault["message"]}}
    else:
        shown = {"errors": [fault]}
    return Response(orjson.dumps(shown), status_code=500, media_type=JSON)
