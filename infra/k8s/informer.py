"""What of one kind is in a cluster, kept up to date: list, watch, and list anew when the watch lost its
thread.

informer = Informer(cluster, Scope(Kind.POD, labels="modelyard.io/installation=…"))
task = asyncio.create_task(informer.run()); await informer.synced()
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Collection, Iterable
from dataclasses import dataclass, field

import structlog

from domain.clock import MonotonicTimer, Timer
from domain.errors import ModelyardError
from domain.signal import Signal
from infra.k8s.cluster import Cluster
from infra.k8s.errors import ClusterUnavailable, Expired
from infra.k8s.kinds import Object
from infra.k8s.mirror import Change, Mirror
from infra.k8s.watch import Scope

log = structlog.get_logger()

UNREAD = 10_000
"""Changes that a subscriber may leave unread, beside one for each object that is there."""
FIRST_PAUSE = 0.25
MOST_DOUBLED = 16
SHORT = 1.0  # a watch that ends sooner, without a word, is no good


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """In seconds."""

    watch: int = 20  # the most that we know nothing of a connection that is dead
    resync: float = 600.0
    broken: float = 10.0  # so long without a watch, and we no longer know what is there
    longest_pause: float = 30.0


@dataclass(eq=False, slots=True)
class Inbox:
    """What one subscriber has not read yet: each object once, as it is now."""

    changes: dict[str, Change] = field(default_factory=dict)
    due: asyncio.Event = field(default_factory=asyncio.Event)
    overrun: bool = False


class Informer:
    def __init__(
        self,
        cluster: Cluster,
        scope: Scope,
        *,
        index: str | None = None,
        pace: Pace | None = None,
        timer: Timer | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.scope = scope
        self._cluster = cluster
        self._pace = pace or Pace()
        self._timer = timer or MonotonicTimer()
        self._chance = chance
        self._mirror = Mirror(index=index)
        self._inboxes: set[Inbox] = set()
        self._synced = Signal()
        self._lists = True
        self._listed_at = self._watched_at = 0.0
        self._watches = False
        self._troubles = 0
        self._fresh_at: float | None = None

    @property
    def fresh_at(self) -> float | None:
        """When the cluster last said something, by the timer; None: not yet."""
        return self._fresh_at

    @property
    def in_sync(self) -> bool:
        """Whether what is told here is what is there, but for some seconds."""
        if self._fresh_at is None:
            return False
        return self._watches or self._timer.now() - self._watched_at <= self._pace.broken

    def all(self) -> Collection[Object]:
        """In no order; don't keep it over an await: it changes."""
        return self._mirror.objects.values()

    def get(self, namespace: str | None, name: str) -> Object | None:
        return self._mirror.objects.get((namespace or "", name))

    def labelled(self, value: str) -> Collection[Object]:
        """Those with this value of the label that is the index; as `all` in the rest."""
        return self._mirror.labelled(value)

    async def synced(self) -> None:
        """Until all that is there was listed once."""
        await self._synced.after(0)

    async def changes(self) -> AsyncGenerator[Change, None]:
        """What changes from the moment when the iteration begins; of an object that changes while nobody
        reads, its last state alone. Who lets more than UNREAD of them lie gets all that is there instead,
        and must do without those that are gone. Close it when done."""
        inbox = Inbox()
        self._inboxes.add(inbox)
        try:
            while True:
                await inbox.due.wait()
                inbox.due.clear()
                self._refill(inbox)
                while inbox.changes:
                    yield inbox.changes.pop(next(iter(inbox.changes)))
                    self._refill(inbox)
        finally:
            self._inboxes.discard(inbox)

    async def run(self) -> None:
        """For as long as it is not cancelled."""
        while True:
            try:
                await self._follow()
            except Expired:
                self._lists = True
                await self._pause("versions run out before they are watched", first=0.0)
            except ClusterUnavailable as error:
                await self._pause(error.message, error.retry_after)
            except ModelyardError as error:
                await self._pause(error.message)
            except Exception:  # the loop's edge: what nobody foresaw in an event must not end it
                log.exception("what a cluster said was not understood", kind=self.scope.kind.kind)
                self._lists = True
                await self._pause("what it said was not understood")

    async def _follow(self) -> None:
        """Until the watch's ordinary end."""
        if self._lists or self._timer.now() >= self._listed_at + self._pace.resync:
            await self._list()
        async with self._cluster.watch(
            self.scope, self._mirror.version or "", self._pace.watch
        ) as events:
            began, heard = self._timer.now(), False
            self._watches = True
            try:
                self._prove()
                async for event in events:
                    heard = True
                    self._tell(self._mirror.take(event))
                    self._prove()
            finally:
                self._watches = False
                self._watched_at = self._timer.now()
                was_good = heard or self._watched_at >= began + SHORT
                if was_good:
                    self._troubles = 0
        if not was_good:
            await self._pause("watches end before they have begun")

    async def _list(self) -> None:
        scope = self.scope
        listing = await self._cluster.list(
            scope.kind, scope.namespace, selector=scope.labels, fields=scope.fields
        )
        self._tell(self._mirror.replace(listing.objects, listing.version))
        self._lists = False
        self._listed_at = self._watched_at = self._timer.now()
        self._prove()
        self._synced.give()

    def _prove(self) -> None:
        self._fresh_at = self._timer.now()

    async def _pause(
        self, problem: str, least: float | None = None, first: float = FIRST_PAUSE
    ) -> None:
        """Ever longer, and not at once with all others, until a watch tells something again."""
        longest = self._pace.longest_pause
        step = (
            first
            if not self._troubles
            else min(FIRST_PAUSE * 2.0 ** min(self._troubles, MOST_DOUBLED), longest)
        )
        pause = max(step * (1 + self._chance()) / 2, least or 0.0)
        self._troubles += 1
        if step:
            where = {"kind": self.scope.kind.kind, "namespace": self.scope.namespace}
            log.warning("a cluster can't be watched", problem=problem, pause=pause, **where)
        await self._timer.wait(asyncio.Event(), pause)

    def _tell(self, changes: Iterable[Change]) -> None:
        told = list(changes)
        room = len(self._mirror.objects) + UNREAD
        for inbox in self._inboxes if told else ():
            for change in told:
                inbox.changes[change.object["metadata"]["uid"]] = change
            if len(inbox.changes) > room:
                inbox.overrun = True
                inbox.changes.clear()
            inbox.due.set()

    def _refill(self, inbox: Inbox) -> None:
        if inbox.overrun:
            inbox.overrun = False
            there = [Change(each, gone=False) for each in self._mirror.objects.values()]
            inbox.changes = {each.object["metadata"]["uid"]: each for each in there}
