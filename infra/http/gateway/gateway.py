"""The gateway as one thing: its routes, and what runs beside them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import random

import structlog
from prometheus_client import CollectorRegistry
from starlette.routing import Route

from domain.clock import Clock, MonotonicTimer, Timer
from domain.deployments.ports import Gateways
from domain.gateway.ports import Wake
from domain.ids import NewId, new_id
from domain.work import EventLog, Reads
from infra.http.gate import Gate
from infra.http.gateway.flights import Flights
from infra.http.gateway.following import Following
from infra.http.gateway.holding import Holding
from infra.http.gateway.inference import Inference, Limits
from infra.http.gateway.listing import Models
from infra.http.gateway.measures import Measures
from infra.http.gateway.ports import Upstream
from infra.http.gateway.reporting import News, Reporting
from infra.http.gateway.standing import Standing
from infra.http.gateway.table import Table
from infra.http.live import Live
from infra.http.openai.admission import Admission

log = structlog.get_logger()

ENDPOINTS = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/responses",
    "/v1/rerank",
    "/v1/moderations",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a gateway is told and whom it tells; `id` is this gateway's own."""

    id: str
    reads: Reads
    log: EventLog
    gateways: Gateways
    sleepers: Wake
    clock: Clock
    timer: Timer = field(default_factory=MonotonicTimer)
    new_id: NewId = new_id
    chance: Callable[[], float] = random


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """`routes` answer from when `running` is entered."""

    routes: Sequence[Route]
    following: Following
    reporting: Reporting
    lazy: "Lazy"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._run(), name="gateway")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            await self.reporting.leave()
            await self.lazy.close()

    async def _run(self) -> None:
        """Everybody knows of this gateway before it reads where it may send requests: so none of the
        replicas that it finds can be stopped without its having been asked."""
        while True:
            await self.reporting.announce()
            following = asyncio.create_task(self.following.run(), name="gateway's table")
            try:
                await self.reporting.run()
            finally:
                following.cancel()
                await asyncio.wait({following})
            log.warning("the gateway was gone for too long, and begins anew")
            self.following.table.doubt()


@dataclass(slots=True)
class Lazy:
    """Connections to replicas from the first request on: aiohttp takes a tenth of the server's start,
    and the event loop that it is to run in has to be there."""

    _open: Upstream | None = None

    def __call__(self) -> Upstream:
        if self._open is None:
            from infra.http.gateway.upstream import connections

            self._open = connections()
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
) -> Gateway:
    table, news, lazy, standing = Table(), News(), Lazy(), Standing(world.timer)
    admission = Admission(gate=gate, timer=world.timer, new_id=world.new_id)

    def counted(idle: str | None) -> None:
        """Whoever stops a replica waits for its last request."""
        news.add(urgent=idle is not None and not table.sends_to(idle))

    def applied(is_pressing: bool) -> None:
        flights.forget(lambda deployment_id: deployment_id not in table)
        news.add(urgent=is_pressing)

    flights = Flights(counted)
    inference = Inference(
        admission=admission,
        live=live,
        table=table,
        standing=standing,
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
        following=Following(
            reads=world.reads,
            log=world.log,
            sleepers=world.sleepers,
            table=table,
            applied=applied,
        ),
        reporting=Reporting(
            gateways=world.gateways,
            gateway=world.id,
            table=table,
            flights=flights,
            news=news,
            standing=standing,
            clock=world.clock,
            timer=world.timer,
        ),
        lazy=lazy,
    )
