"""All of a gateway but its routes: it knows where requests may go, and tells what it has sent.

A process that sends requests of batches and serves no clients has one, too: nobody stops a replica before
it has left it, and no deployment counts as served before it knows.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from random import random

import structlog

from domain.clock import Clock, MonotonicTimer, Timer
from domain.deployments.ports import Gateways
from domain.gateway.ports import Wake
from domain.gateway.route import Route
from domain.ids import NewId, new_id
from domain.signal import Signal
from domain.work import EventLog, Reads
from infra.http.gateway.flights import Flights
from infra.http.gateway.following import Following
from infra.http.gateway.reporting import News, Reporting
from infra.http.gateway.standing import Standing
from infra.http.gateway.table import Table

log = structlog.get_logger()


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
class Watch:
    """Implements `domain.batches.targets.routing.Traffic`, while `running` is entered."""

    id: str
    table: Table
    flights: Flights
    standing: Standing
    following: Following
    reporting: Reporting
    signal: Signal

    @property
    def is_current(self) -> bool:
        return self.table.is_loaded and not self.standing.is_lost

    def route(self, deployment_id: str) -> Route | None:
        return self.table.get(deployment_id)

    def in_flight(self, replica_id: str) -> int:
        return self.flights.in_flight[replica_id]

    def batch(self, replica_id: str) -> int:
        return self.flights.batch[replica_id]

    def held(self, deployment_id: str) -> int:
        return self.flights.held[deployment_id]

    def send(self, replica_id: str) -> AbstractContextManager[None]:
        return self.flights.batch_flight(replica_id)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._run(), name="gateway")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            await self.reporting.leave()

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


def watch(world: World) -> Watch:
    table, news, signal, standing = Table(), News(), Signal(), Standing(world.timer)

    def counted(idle: str | None) -> None:
        """Whoever stops a replica waits for its last request."""
        news.add(urgent=idle is not None and not table.sends_to(idle))

    def applied(is_pressing: bool) -> None:
        flights.forget(lambda deployment_id: deployment_id not in table)
        news.add(urgent=is_pressing)
        signal.give()

    flights = Flights(counted, signal.give)
    return Watch(
        id=world.id,
        table=table,
        flights=flights,
        standing=standing,
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
        signal=signal,
    )
