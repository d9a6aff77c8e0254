"""What other gateways have sent, as far as they said so; and sleepers that are to wake."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from math import inf

from domain.clock import Clock, Timer
from domain.deployments.ports import GatewayReport, Gateways
from domain.errors import StorageUnavailable
from domain.gateway.ports import Wake
from domain.logger import Logger
from domain.signal import Signal

EVERY = 0.5  # seconds between two looks
LASTS = 5.0  # seconds for which a look is relied on


@dataclass(slots=True, kw_only=True)
class Elsewhere:
    """Read anew each half second while somebody asks. `own` is the id of this process's gateway, whose
    report is not counted; `signal` is given when anything is otherwise than before."""

    gateways: Gateways
    own: str
    sleepers: Wake
    clock: Clock
    timer: Timer
    signal: Signal
    logger: Logger
    _known_until: float = -inf
    _in_flight: "Counter[str]" = field(default_factory=Counter)
    _batch: "Counter[str]" = field(default_factory=Counter)
    _held: "Counter[str]" = field(default_factory=Counter)
    _asked: asyncio.Event = field(default_factory=asyncio.Event)
    _asking: int = 0
    _to_wake: set[str] = field(default_factory=set)

    @property
    def is_known(self) -> bool:
        return self.timer.now() < self._known_until

    def in_flight(self, replica_id: str) -> int:
        return self._in_flight[replica_id]

    def online(self, replica_id: str) -> int:
        return self._in_flight[replica_id] - self._batch[replica_id]

    def held(self, deployment_id: str) -> int:
        return self._held[deployment_id]

    def ask(self) -> None:
        self._asked.set()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """As long as the block lasts."""
        self._asking += 1
        self._asked.set()
        try:
            yield
        finally:
            self._asking -= 1

    def wake(self, deployment_id: str) -> None:
        """Soon."""
        self._to_wake.add(deployment_id)
        self._asked.set()

    async def fresh(self) -> None:
        """Raises StorageUnavailable where nothing that can be relied on can be read."""
        if not self.is_known:
            await self._look()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._run(), name="other gateways")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _run(self) -> None:
        while True:
            if not self._asking:
                await self.timer.wait(self._asked, inf)
            self._asked.clear()
            try:
                await self._look()
                await self._wake()
            except StorageUnavailable as error:
                self.logger.warning("other gateways' reports can't be read", problem=error.problem)
            except Exception:  # the loop's edge: what is not read any more is not relied on
                self.logger.exception("other gateways' reports could not be read")
            await self.timer.wait(asyncio.Event(), EVERY)

    async def _look(self) -> None:
        began = self.timer.now()
        reports = await self.gateways.living(self.clock())
        others = [report for report in reports if report.gateway != self.own]
        was_known = self.is_known
        self._known_until = began + LASTS
        if self._has_changed(others) or not was_known:
            self.signal.give()

    def _has_changed(self, others: list[GatewayReport]) -> bool:
        before = (self._in_flight, self._batch, self._held)
        self._in_flight, self._batch, self._held = Counter(), Counter(), Counter()
        for report in others:
            self._in_flight.update(report.in_flight)
            self._batch.update(report.batch)
            self._held.update(report.held)
        return before != (self._in_flight, self._batch, self._held)

    async def _wake(self) -> None:
        while self._to_wake:
            await self.sleepers.wake(self._to_wake.pop())
