"""Replicas as processes of this machine, which live on when the server ends.

async with open_driver(parts) as driver: ...      # a domain.deployments.ports.Driver
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog

from domain.deployments.changes import Changes
from domain.deployments.deployment import Revision
from domain.deployments.ports import Observed, Sight
from domain.deployments.reason import Reason
from domain.deployments.replica import Replica, ReplicaStatus
from infra.process import ending, exits, places
from infra.process import processes as system
from infra.process.folders import forget_old
from infra.process.parts import Parts
from infra.process.places import Placed
from infra.process.processes import Seen
from infra.process.records import Records
from infra.process.supervision import Supervision, what_it_said

log = structlog.get_logger()

LOST = "The machine started anew since."
FLOOD_FACTOR = 10
ABSENT = Observed(sight=Sight.ABSENT)


@asynccontextmanager
async def open_driver(parts: Parts) -> AsyncIterator["ProcessDriver"]:
    """Closed at the block's end: its replicas live on."""
    driver = ProcessDriver(parts)
    rotating = asyncio.create_task(driver.rotate_logs(), name="replicas' logs")
    try:
        yield driver
    finally:
        rotating.cancel()
        await asyncio.gather(rotating, return_exceptions=True)
        await driver.close()


class ProcessDriver:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._changes = Changes()
        self._supervised: dict[str, Supervision] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._sweeping: set[asyncio.Task[None]] = set()
        self._adopting = asyncio.Lock()
        self._zombies: frozenset[int] = frozenset()

    @property
    def running(self) -> int:
        """How many replicas have processes that would outlive this server."""
        return sum(s.observed.placement is not None for s in self._living())

    def supervision(self, replica_id: str) -> Supervision | None:
        return self._supervised.get(replica_id)

    async def observe(self, replicas: Sequence[Replica]) -> Mapping[str, Observed]:
        await self._adopt(replicas)
        return {
            replica.id: observed
            for replica in replicas
            if (observed := await self._observed(replica)) is not None
        }

    async def start(self, replica: Replica, revision: Revision) -> None:
        if replica.id not in self._supervised:
            self._supervise(Supervision(self._parts, replica, revision, self._changes.tell))

    async def stop(self, replica: Replica, grace: timedelta) -> None:
        await self._adopt([replica])
        if replica.id in self._supervised:
            self._supervised[replica.id].stop(grace.total_seconds())

    async def release(self, replicas: Sequence[Replica]) -> None:
        await self._release([replica.id for replica in replicas])

    async def sweep(self) -> int:
        """The processes are looked at before the rows: a row is written before it is spawned."""
        found = await asyncio.to_thread(self._here)
        living = await self._rows({*found, *self._supervised})
        orphans = set(found) - living - set(self._supervised)
        for replica_id in orphans:
            self._end_orphan(replica_id, found[replica_id])
        await asyncio.to_thread(self._reap)
        over = {s.replica.id for s in self._supervised.values() if s.gone.is_set()}
        await self._release(over - living)
        await asyncio.to_thread(
            forget_old, self._parts.settings, {*living, *self._supervised}, self._parts.clock()
        )
        return len(orphans)

    async def swept(self) -> None:
        """When the orphans that were found are gone."""
        await asyncio.gather(*self._sweeping)

    def changes(self) -> AsyncGenerator[str, None]:
        return self._changes.follow()

    async def close(self) -> int:
        """Look after nothing any more; how many replicas run on."""
        running = self.running
        self._changes.close()
        for task in self._sweeping:
            task.cancel()
        await asyncio.gather(*self._sweeping, return_exceptions=True)
        await self._release(list(self._supervised))
        return running

    async def rotate_logs(self) -> None:
        """For as long as it is not cancelled."""
        pause = self._parts.settings.log_check.total_seconds()
        while True:
            rotated = [await self._rotate_log(each.replica.id) for each in self._living()]
            # What is written fast is full again soon.
            await asyncio.sleep(pause / FLOOD_FACTOR if any(rotated) else pause)

    async def _rotate_log(self, replica_id: str) -> bool:
        file = self._parts.log(replica_id)
        try:
            return file.is_full and await asyncio.to_thread(file.rotate)
        except OSError as error:
            log.warning("a log can't be rotated", log=str(file.path), problem=str(error))
            return False

    def _reap(self) -> None:
        """Whoever waits for a child does so at once: a zombie of the sweep before is nobody's."""
        found = exits.zombies()
        for pid in found & self._zombies:
            exits.reaped(pid)
        self._zombies = found - self._zombies

    def _here(self) -> Mapping[str, Sequence[Seen]]:
        """The processes of our replicas on this machine, by their marks; where an engine wrote over
        its own, by what was written down when it was started."""
        parts = self._parts
        marked = system.marked(parts.processes.all(), parts.settings.installation)
        found: dict[str, Sequence[Seen]] = dict(marked)
        folders = parts.settings.replicas
        for folder in folders.iterdir() if folders.is_dir() else ():
            if folder.name not in found and folder.name not in self._supervised:
                mark = parts.mark(folder.name)
                written = Records(folder).written(mark, parts.boot, parts.processes)
                if written.placed:
                    found[folder.name] = [each.seen for each in written.placed]
        return found

    def _living(self) -> Sequence[Supervision]:
        return [s for s in self._supervised.values() if not s.gone.is_set()]

    async def _adopt(self, replicas: Sequence[Replica]) -> None:
        """Take up those that run here and are nobody's yet."""
        if all(self._is_known(replica) for replica in replicas):
            return
        async with self._adopting:
            seen = await asyncio.to_thread(self._parts.processes.all)
            found = system.marked(seen, self._parts.settings.installation)
            here = {
                replica.id: taken
                for replica in replicas
                if not self._is_known(replica)
                and (taken := self._taken(replica, found.get(replica.id, ()))) is not None
            }
            wanted = [replica for replica in replicas if replica.id in here]
            ids = {replica.revision_id for replica in wanted}
            revisions = await self._parts.reads.revisions.by_ids(ids) if ids else {}
            for replica in wanted:
                revision = revisions.get(replica.revision_id)
                if revision is not None and replica.id not in self._supervised:
                    placed, lost = here[replica.id]
                    tell = self._changes.tell
                    self._supervise(
                        Supervision(self._parts, replica, revision, tell, placed, lost=lost)
                    )

    def _is_known(self, replica: Replica) -> bool:
        """Whether there is nothing to adopt: it is looked after, or not on this machine (any more)."""
        if replica.id in self._supervised:
            return True
        if replica.placement is None:
            return False
        placement = places.read(replica.placement)
        return (placement.host, placement.boot) != (self._parts.settings.host, self._parts.boot)

    def _taken(
        self, replica: Replica, marked: Sequence[Seen]
    ) -> tuple[Sequence[Placed], bool] | None:
        """Its processes, and whether some of them are missing; None where nothing of it is here."""
        parts = self._parts
        mark = parts.mark(replica.id)
        records = Records(parts.settings.replicas / replica.id)
        written = records.written(mark, parts.boot, parts.processes)
        if written.whole:
            return written.placed, False
        if replica.placement is not None:
            placed = places.read(replica.placement).processes
            alive = places.alive(placed, mark, parts.processes)
            owned = places.owned(placed, mark, parts.processes)
            return list({*owned, *written.placed}), len(alive) < len(placed)
        # What a start left half done is cleared away by the next one, or now if there will be none.
        if replica.status is ReplicaStatus.STARTING or not (marked or written.placed):
            return None
        return written.placed, True

    async def _observed(self, replica: Replica) -> Observed | None:
        supervision = self._supervised.get(replica.id)
        if supervision is not None:
            return supervision.observed
        if replica.placement is None:
            return ABSENT
        placement = places.read(replica.placement)
        if placement.host != self._parts.settings.host or placement.boot == self._parts.boot:
            return None
        return Observed(
            sight=Sight.EXITED,
            placement=replica.placement,
            endpoints=replica.endpoints,
            reason=Reason.PLACE_LOST,
            message=LOST,
            log_tail=await what_it_said(self._parts.log(replica.id)),
        )

    def _supervise(self, supervision: Supervision) -> None:
        replica_id = supervision.replica.id
        self._supervised[replica_id] = supervision
        self._tasks[replica_id] = asyncio.create_task(
            supervision.run(), name=f"replica {replica_id}"
        )

    async def _release(self, ids: Collection[str]) -> None:
        tasks = [self._tasks.pop(each) for each in ids if each in self._tasks]
        for each in ids:
            self._supervised.pop(each, None)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _rows(self, ids: set[str]) -> set[str]:
        """Those of them whose row says that they live."""
        rows = await self._parts.reads.replicas.by_ids(ids) if ids else {}
        return {row.id for row in rows.values() if row.status is not ReplicaStatus.EXITED}

    def _end_orphan(self, replica_id: str, seen: Sequence[Seen]) -> None:
        log.warning(
            "processes of no replica are ended", replica=replica_id, pids=[s.pid for s in seen]
        )
        task = asyncio.create_task(self._ended(replica_id, seen), name=f"orphan {replica_id}")
        self._sweeping.add(task)
        task.add_done_callback(self._sweeping.discard)

    async def _ended(self, replica_id: str, seen: Sequence[Seen]) -> None:
        parts = self._parts
        grace = parts.settings.grace.total_seconds()
        await ending.end(parts.mark(replica_id), seen, grace, parts.processes)
        await asyncio.to_thread(parts.limits.forget, replica_id)
