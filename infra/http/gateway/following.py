"""The table kept fresh: whatever the event log says of a deployment has it loaded again."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import structlog

from domain.deployments.deployment import Deployment
from domain.deployments.facts import (
    ReplicaBecameHealthy,
    ReplicaBecameUnhealthy,
    ReplicaDraining,
    ReplicaExited,
    ReplicaStopping,
)
from domain.errors import CursorExpired, CursorUnknown, StorageUnavailable
from domain.events import Event, Scope, SubjectKind
from domain.gateway.ports import Wake
from domain.gateway.route import Route, route
from domain.listing import Listing
from domain.work import EventLog, Reads
from infra.http.gateway.table import Table

log = structlog.get_logger()

PAGE = 500  # deployments loaded in one go
MOST = 1000  # events taken up before what they concern is loaded
SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 5.0
PRESSING = (  # the reconciler waits until gateways know it
    ReplicaBecameHealthy,
    ReplicaBecameUnhealthy,
    ReplicaDraining,
    ReplicaStopping,
    ReplicaExited,
)


@dataclass(slots=True)
class _Heard:
    """Events that are not yet applied."""

    concerned: set[str] = field(default_factory=set)
    position: int = 0
    count: int = 0
    is_pressing: bool = False

    def take(self, event: Event) -> None:
        self.position = event.position
        self.count += 1
        if event.subject_kind is SubjectKind.DEPLOYMENT:
            self.concerned.add(event.subject_id)
            self.is_pressing |= isinstance(event.fact, PRESSING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """`applied` is called after each change of the table, with whether somebody waits to hear of it."""

    reads: Reads
    log: EventLog
    sleepers: Wake
    table: Table
    applied: Callable[[bool], None]

    async def run(self) -> None:
        """Until the log's followers are sent home."""
        loop, pause = asyncio.get_running_loop(), SHORTEST_PAUSE
        while True:
            began = loop.time()
            try:
                await self._follow()
                return
            except (CursorExpired, CursorUnknown) as error:
                log.warning("the gateway begins anew with the event log", problem=error.code)
            except StorageUnavailable as error:
                log.warning("the gateway waits for the database", problem=error.problem)
            except Exception:  # the loop's edge: one bad load must not leave the table stale
                log.exception("the gateway could not follow the event log")
            if loop.time() > began + LONGEST_PAUSE:  # it went well for a while
                pause = SHORTEST_PAUSE
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _follow(self) -> None:
        """The head is read before what is loaded: a change in between is heard of, and loaded again."""
        head = await self.log.head()
        self.table.replace(await self._all(), head.position)
        self.applied(True)
        async with aclosing(self.log.follow(head, Scope())) as events:
            following = asyncio.ensure_future(anext(events, None))
            try:
                while await following is not None:
                    heard = _Heard()
                    while following.done() and heard.count < MOST:
                        event = following.result()
                        if event is None:
                            break
                        heard.take(event)
                        following = asyncio.ensure_future(anext(events, None))
                        await asyncio.sleep(0)  # what is there already comes within one turn
                    await self._apply(heard)
            finally:
                following.cancel()
                await asyncio.wait({following})

    async def _apply(self, heard: _Heard) -> None:
        routes = await self._some(heard.concerned) if heard.concerned else {}
        self.table.apply(heard.concerned, routes, heard.position)
        self.applied(heard.is_pressing)

    async def _all(self) -> Mapping[str, Route]:
        routes: dict[str, Route] = {}
        listing = Listing(first=PAGE, with_dedicated=True)
        while True:
            page = await self.reads.deployments.page(listing)
            routes |= await self._routes({each.id: each for each in page.items})
            if not page.has_next:
                return routes
            last = page.items[-1]
            listing = replace(listing, after=(last.created_at, last.id))

    async def _some(self, ids: set[str]) -> Mapping[str, Route]:
        return await self._routes(await self.reads.deployments.by_ids(ids))

    async def _routes(self, deployments: Mapping[str, Deployment]) -> dict[str, Route]:
        ids = list(deployments)
        rollouts = await self.reads.rollouts.live(ids)
        groups = await self.reads.groups.of(ids)
        replicas = await self.reads.replicas.present(ids)
        sleepers = await self.sleepers.wakes(ids)
        found = [
            route(
                each,
                rollouts.get(each.id),
                groups.get(each.id, ()),
                replicas.get(each.id, ()),
                wakes=each.id in sleepers,
            )
            for each in deployments.values()
        ]
        return {made.deployment_id: made for made in found if made is not None}
