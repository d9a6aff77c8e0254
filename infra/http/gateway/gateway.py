"""The gateway as one thing: its routes, and what runs beside them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from starlette.routing import Route

from domain.deployments.proxy import Proxy
from infra.http.gate import Gate
from infra.http.gateway.holding import Holding
from infra.http.gateway.inference import Inference, Limits
from infra.http.gateway.listing import Models
from infra.http.gateway.measures import Measures
from infra.http.gateway.ports import Upstream
from infra.http.gateway.watch import Watch, World, watch
from infra.http.live import Live
from infra.http.openai.admission import Admission

ENDPOINTS = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/responses",
    "/v1/rerank",
    "/v1/moderations",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """`routes` answer from when `running` is entered."""

    routes: Sequence[Route]
    watch: Watch
    lazy: "Lazy"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        try:
            async with self.watch.running():
                yield
        finally:
            await self.lazy.close()


@dataclass(slots=True)
class Lazy:
    """Connections to replicas from the first request on: aiohttp takes a tenth of the server's start,
    and the event loop that it is to run in has to be there."""

    proxy: Proxy | None
    _open: Upstream | None = None

    def __call__(self) -> Upstream:
        if self._open is None:
            from infra.http.gateway.upstream import connections

            self._open = connections(self.proxy)
        return self._open

    async def close(self) -> None:
        if self._open is not None:
            await self._open.close()


def build(
    world: World,
    gate: Gate,
    live: Live,
    registry: CollectorRegistry,
    limits: Limits,
    hold_seconds: float,
    proxy: Proxy | None = None,
) -> Gateway:
    watched, lazy = watch(world), Lazy(proxy)
    table, flights = watched.table, watched.flights
    admission = Admission(gate=gate, timer=world.timer, new_id=world.new_id)
    inference = Inference(
        admission=admission,
        live=live,
        table=table,
        standing=watched.standing,
        flights=flights,
        holding=Holding(
            table=table, flights=flights, sleepers=world.sleepers, seconds=hold_seconds
        ),
        measures=Measures(registry),
        upstream=lazy,
        limits=limits,
        clock=world.clock,
        chance=world.chance,
    )
    models = Models(admission=admission, table=table, clock=world.clock)
    return Gateway(
        routes=[
            *(Route(path, inference) for path in ENDPOINTS),
            Route("/v1/models", models),
            Route("/v1/models/{model:path}", models),
        ],
        watch=watched,
        lazy=lazy,
    )
