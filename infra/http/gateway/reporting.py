"""What a gateway tells everybody of itself."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import structlog

from domain.clock import Clock, Timer
from domain.deployments.ports import GatewayReport, Gateways
from domain.errors import StorageUnavailable
from domain.gateway.pace import next_report
from infra.http.gateway.flights import Flights
from infra.http.gateway.standing import Standing
from infra.http.gateway.table import Table

log = structlog.get_logger()

LAST_ACT_SECONDS = 2.0


class News:
    """Whether there is something to report, and whether somebody waits for it."""

    def __init__(self) -> None:
        self.is_there = self.is_urgent = False
        self._came = asyncio.Event()

    def add(self, *, urgent: bool) -> None:
        """Called for every request: it wakes nobody twice."""
        if not self.is_there or (urgent and not self.is_urgent):
            self._came.set()
        self.is_there = True
        self.is_urgent |= urgent

    def take(self) -> None:
        self.is_there = self.is_urgent = False

    async def due(self, last: float) -> None:
        """Until the next report is due, the one before having been at `last`."""
        loop = asyncio.get_running_loop()
        while (
            due := next_report(last, changed=self.is_there, urgent=self.is_urgent)
        ) > loop.time():
            self._came.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._came.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporting:
    gateways: Gateways
    gateway: str
    table: Table
    flights: Flights
    news: News
    standing: Standing
    clock: Clock
    timer: Timer

    async def report(self) -> None:
        """Raises StorageUnavailable."""
        self.news.take()
        await self.gateways.report(
            GatewayReport(
                gateway=self.gateway,
                position=self.table.position,
                in_flight=dict(self.flights.in_flight),
                batch=dict(self.flights.batch),
                held=dict(self.flights.held),
                arrived=dict(self.flights.arrived),
                seen_at=self.clock(),
            )
        )

    async def run(self) -> None:
        """Until nobody counts on this gateway any more."""
        loop = asyncio.get_running_loop()
        last = loop.time()
        while not self.standing.is_lost:
            await self.news.due(last)
            last, began = loop.time(), self.timer.now()
            if await self._is_reported():
                self.standing.renew(began)

    async def announce(self) -> None:
        """Until it is known that this gateway is there."""
        while True:
            last, began = asyncio.get_running_loop().time(), self.timer.now()
            if await self._is_reported():
                self.standing.gain(began)
            if not self.standing.is_lost:
                return
            await self.news.due(last)

    async def _is_reported(self) -> bool:
        try:
            await self.report()
        except StorageUnavailable as error:
            log.warning("the gateway's report is not kept", problem=error.problem)
        except Exception:  # the loop's edge: a gateway that falls silent counts as gone
            log.exception("the gateway could not report")
        else:
            return True
        self.news.add(urgent=False)
        return False

    async def leave(self) -> None:
        """Nobody has to wait for a report that will not come."""
        try:
            async with asyncio.timeout(LAST_ACT_SECONDS):
                await self.gateways.leave(self.gateway)
        except (StorageUnavailable, TimeoutError) as error:
            log.warning("the gateway could not say that it leaves", problem=str(error))
