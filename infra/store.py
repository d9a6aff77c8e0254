"""The store as one thing: units of work, reads and the event log over one database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from secrets import SystemRandom
from typing import Any

import structlog

from domain.batches.ports import BatchClaims, ShardClaims, Workers
from domain.clock import Clock, utc_now
from domain.deployments.ports import Leases, PlacePorts
from domain.errors import StorageUnavailable
from domain.events import Scope
from domain.ids import NewId, new_id
from domain.work import EventLog, Reads, StartWork
from infra.db import hosts, installation, replicas, version
from infra.db.answers import forget_expired
from infra.db.batches.claims import StoredShardClaims
from infra.db.batches.looks import StoredBatchClaims
from infra.db.batches.workers import StoredWorkers
from infra.db.engine import Engines, connect, open_engines
from infra.db.events import StoredEvents
from infra.db.gateways import StoredGateways
from infra.db.leases import StoredLeases
from infra.db.marks import Marks
from infra.db.place_ports import StoredPlacePorts
from infra.db.reads import StoredReads
from infra.db.webhooks import forget_deliveries
from infra.db.work import StoredWorkStarter
from infra.events.follower import Follower
from infra.events.log import Log

log = structlog.get_logger()

SWEEP_EVERY = 3600.0
LAST_ACT_SECONDS = 5.0
NOTE_EVERY = 1.0
REPLICA_PORTS = range(20_000, 30_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    start_work: StartWork
    reads: Reads
    log: EventLog
    leases: Leases
    gateways: StoredGateways
    place_ports: PlacePorts
    batch_claims: BatchClaims
    shard_claims: ShardClaims
    workers: Workers
    installation: str  # the database's own id, unlike that of every other
    events: StoredEvents
    follower: Follower
    new_id: NewId

    async def ping(self) -> None:
        """Raises StorageUnavailable where the database does not answer."""
        await self.events.engines.ping()

    async def sweep(self, before: datetime) -> int:
        """Forget the oldest events, up to the first that is not older; how many went."""
        return await self.events.sweep(before)

    async def forget_deliveries(self, before: datetime) -> None:
        """Those to webhooks that were over by then."""
        await forget_deliveries(self.events.engines, before)

    async def prune_replicas(self) -> int:
        """Forget all but the newest of each deployment's exited replicas; how many went."""
        return await replicas.prune(self.events.engines)

    async def claim_host(self, host: str, plane: str, now: datetime, until: datetime) -> None:
        """Register a control plane, good until then, that runs replicas as processes of the host.

        Raises HostRefused where replicas, or living planes, of this database are on another one.
        """
        await hosts.claim(self.events.engines, host, plane, now, until)

    async def renew_epoch(self) -> None:
        """What an operator calls after putting back a backup: every cursor is unknown from now on."""
        extent, _ = await self.follower.look(0, 0, Scope())
        await self.events.renew_epoch(extent.epoch, self.new_id())
        await self.follower.look(0, 0, Scope())


@asynccontextmanager
async def open_store(
    url: str,
    *,
    data_dir: Path,
    clock: Clock = utc_now,
    auto_migrate: bool = False,
    retention: timedelta = timedelta(days=90),
    poll: float = 1.0,
    ring: int = 4096,
    replica_ports: range = REPLICA_PORTS,
    new_id: NewId = new_id,
) -> AsyncIterator[Store]:
    """A running store: schema checked (SQLite: migrated), event follower started; closed at the end.

    `url` is SQLAlchemy's: `sqlite+aiosqlite:///file` or `postgresql+asyncpg://…`. `data_dir` exists;
    it holds the mark by which a restored SQLite database is known. `auto_migrate` migrates PostgreSQL
    under an advisory lock. `poll` is in seconds, `ring` in events. `replica_ports` is what replicas of
    the process driver are given. Raises SchemaOlder, SchemaNewer,
    StorageUnavailable.
    """
    async with AsyncExitStack() as stack:
        engines = await stack.enter_async_context(open_engines(url))
        if engines.is_sqlite:
            await engines.keep_wal()
        if engines.is_sqlite or auto_migrate:
            await _migrate(url, engines)
        await version.require_current(engines)
        marks = Marks(engines, data_dir, new_id)
        if await marks.check_in():
            log.warning("the database was restored: cursors of before are unknown now")
        events = StoredEvents(engines)
        follower = Follower(events, poll=poll, capacity=ring, new_id=new_id)
        committed = await stack.enter_async_context(_announcing(url, follower, marks))
        await stack.enter_async_context(follower.running())
        store = Store(
            start_work=StoredWorkStarter(engines, clock, committed),
            reads=StoredReads(engines),
            log=Log(follower),
            leases=StoredLeases(engines),
            gateways=StoredGateways(engines),
            place_ports=StoredPlacePorts(engines, replica_ports, SystemRandom()),
            batch_claims=StoredBatchClaims(engines),
            shard_claims=StoredShardClaims(engines),
            workers=StoredWorkers(engines),
            installation=await installation.name_of(engines),
            events=events,
            follower=follower,
            new_id=new_id,
        )
        sweeping = partial(_sweep, store, clock, retention)
        await stack.enter_async_context(_repeating(sweeping, SWEEP_EVERY))
        yield store


async def _migrate(url: str, engines: Engines) -> None:
    if await version.current_on(engines) != version.head():
        from infra.db.migrate import migrate

        await migrate(url)


@asynccontextmanager
async def _announcing(
    url: str, follower: Follower, marks: Marks
) -> AsyncIterator[Callable[[], None]]:
    """What to call after a commit: it tells this process's follower, and the other processes'."""
    if marks.engines.is_sqlite:
        async with _noting(marks) as changed:
            yield partial(_both, follower.hint, changed)
    else:
        from infra.events.bell import Bell

        async with Bell(partial(connect, url), follower.hint).running() as bell:
            yield partial(_both, follower.hint, bell.ring)


def _both(first: Callable[[], None], second: Callable[[], None]) -> None:
    first()
    second()


@asynccontextmanager
async def _noting(marks: Marks) -> AsyncIterator[Callable[[], None]]:
    """Notes the head at most once a second, and at the end."""
    changed = asyncio.Event()

    async def note_changes() -> None:
        await changed.wait()
        changed.clear()
        await _unbroken(marks.note())

    async with _repeating(note_changes, NOTE_EVERY):
        yield changed.set
    try:
        await marks.note()
    except StorageUnavailable as error:
        log.warning("the event log's end could not be noted", problem=error.problem)


async def _sweep(store: Store, clock: Clock, retention: timedelta) -> None:
    now = clock()
    await _unbroken(store.sweep(now - retention))
    await _unbroken(forget_expired(store.events.engines, now))
    await _unbroken(store.gateways.sweep(now))
    await _unbroken(store.prune_replicas())
    await _unbroken(store.forget_deliveries(now - retention))


@asynccontextmanager
async def _repeating(act: Callable[[], Awaitable[None]], pause: float) -> AsyncIterator[None]:
    """Does it again and again until the block ends."""
    task = asyncio.create_task(_repeat(act, pause))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _repeat(act: Callable[[], Awaitable[None]], pause: float) -> None:
    while True:
        try:
            await act()
        except StorageUnavailable as error:
            log.warning("the store's upkeep waits for the database", problem=error.problem)
        except Exception:  # the loop's edge
            log.exception("the store's upkeep failed")
        await asyncio.sleep(pause)


async def _unbroken(act: Coroutine[Any, Any, object]) -> None:
    """To its end, also when the upkeep is to end: cut off in the middle of connecting, the driver
    would never close the connection."""
    task = asyncio.create_task(act)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=LAST_ACT_SECONDS)
        raise
