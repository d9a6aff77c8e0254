"""What delivers to webhooks, over any store, with endpoints that a test scripts.

postman = Postman(store, clock)
webhook = await postman.webhook("https://a.test")
await postman.ends(webhook.project_id, "b1")         # a batch is completed
await postman.round()                                # what follows is noted, sent and settled
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import structlog

from domain.access.access import Caller
from domain.batches.batch import BatchStatus
from domain.batches.facts import BatchJobStatusChanged
from domain.clock import Clock, MonotonicTimer, Timer
from domain.errors import SealBroken, StorageUnavailable, Unreachable
from domain.events import Cursor, Event, Scope
from domain.ids import new_id
from domain.webhooks.delivering import Delivering
from domain.webhooks.noting import Noting
from domain.webhooks.sending import Sending
from domain.webhooks.service import NewWebhook, Webhooks
from domain.webhooks.webhook import Delivery, Webhook
from domain.work import EventLog, StartWork, Work
from tests.support.build import PlainSealer

URL = "https://a.test/hook"


@dataclass(frozen=True)
class Sent:
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class ScriptedEndpoints:
    """domain.webhooks.ports.Sender. `codes` by URL is used up; None there is nobody at home. A URL in
    `slow` does not answer before its event is set."""

    codes: dict[str, list[int | None]] = field(default_factory=lambda: defaultdict(list))
    slow: dict[str, asyncio.Event] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.sent.append(Sent(url, headers, body))
        if url in self.slow:
            await self.slow[url].wait()
        code = self.codes[url].pop(0) if self.codes[url] else 200
        if code is None:
            raise Unreachable(where=url, problem="nobody at home")
        return code

    def to(self, url: str = URL) -> list[Sent]:
        return [each for each in self.sent if each.url == url]


@dataclass
class Postman:
    """One server's. Several may share a store, and endpoints."""

    store: Any
    clock: Clock
    endpoints: ScriptedEndpoints = field(default_factory=ScriptedEndpoints)
    timer: Timer = field(default_factory=MonotonicTimer)

    def __post_init__(self) -> None:
        self._names = count()
        self.sealer = BreakableSealer()
        self.log = FlakyLog(self.store.log)
        rows: dict[str, Any] = {"start_work": self.store.start_work, "clock": self.clock}
        seen: dict[str, Any] = {"start_work": self.store.start_work, "reads": self.store.reads}
        logger = structlog.get_logger()
        self.service = Webhooks(
            log=self.log,
            sealer=self.sealer,
            new_id=new_id,
            new_key=lambda: bytes(32),
            **rows,
        )
        self.noting = Noting(log=self.log, new_id=new_id, **seen)
        self.sending = Sending(
            sender=self.endpoints,
            sealer=self.sealer,
            clock=self.clock,
            chance=lambda: 0.5,
            logger=logger,
            **seen,
        )
        self.delivering = Delivering(
            log=self.log,
            noting=self.noting,
            sending=self.sending,
            timer=self.timer,
            logger=logger,
        )

    async def webhook(self, caller: Caller, url: str = URL, **said: Any) -> Webhook:
        new = NewWebhook(name=f"hook-{next(self._names)}", url=url, **said)
        made, _ = await self.service.create(caller, new)
        return made

    async def ends(
        self,
        project_id: str,
        batch_id: str,
        after: BatchStatus = BatchStatus.COMPLETED,
        before: BatchStatus = BatchStatus.FINALIZING,
    ) -> None:
        async with self.store.start_work("batches", "sweep") as work:
            work.record(project_id, ended(batch_id, after, before))

    async def round(self) -> None:
        """One turn of the loop, and all that is sent is settled."""
        while await self.delivering.act() == 0.0:
            pass
        await self.sending.finish(60)

    async def deliveries(self, webhook: Webhook) -> list[Delivery]:
        found = await self.store.reads.webhooks.deliveries([webhook.id], 100)
        return list(found.get(webhook.id, ()))

    async def crash(self) -> None:
        """Whatever is under way is lost."""
        with suppress(asyncio.CancelledError):
            await self.sending.finish(0)


def ended(
    batch_id: str,
    after: BatchStatus = BatchStatus.COMPLETED,
    before: BatchStatus = BatchStatus.FINALIZING,
) -> BatchJobStatusChanged:
    return BatchJobStatusChanged(
        batch_job_id=batch_id, job_status_before=before, job_status_after=after
    )


@dataclass(frozen=True)
class Held:
    """A StartWork that waits for its event."""

    start_work: StartWork
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def __call__(self, actor: str, cause: str) -> AsyncIterator[Work]:
        await self.opened.wait()
        async with self.start_work(actor, cause) as work:
            yield work


@dataclass
class FlakyLog:
    """Tells nothing while it is away. `before` is the head of another log, which is told as long as that
    one is not put back."""

    log: EventLog
    is_away: bool = False
    before: Cursor | None = None

    async def head(self) -> Cursor:
        self._require()
        return self.before or await self.log.head()

    async def read(self, after: Cursor | None, limit: int, scope: Scope) -> Sequence[Event]:
        self._require()
        return [] if self.before else await self.log.read(after, limit, scope)

    def follow(self, after: Cursor | None, scope: Scope) -> AsyncGenerator[Event, None]:
        return self.log.follow(after, scope)

    def _require(self) -> None:
        if self.is_away:
            raise StorageUnavailable(where="memory", problem="it is away")


class BreakableSealer(PlainSealer):
    """Opens nothing once it is broken."""

    broken = False

    def open(self, sealed: bytes, context: str) -> str:
        if self.broken:
            raise SealBroken(problem="it was sealed with another key")
        return super().open(sealed, context)
