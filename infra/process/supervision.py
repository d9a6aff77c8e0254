"""One replica's life under this control plane: begun or adopted, watched, probed, ended.

All of it happens in one task; `observed` is what it last came to. Cancelling the task leaves the
replica's processes alone.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from domain.definitions.definition import HealthCheck
from domain.deployments import health
from domain.deployments.deployment import Revision
from domain.deployments.health import Health
from domain.deployments.ports import Observed, Sight
from domain.deployments.reason import Reason
from domain.deployments.replica import Replica
from infra.process import ending, exits, limits, probes
from infra.process.listening import Owner, Ports
from infra.process.log_file import LogFile, last_lines
from infra.process.parts import CantStart, Parts
from infra.process.places import Placed, Placement
from infra.process.preparation import prepare, served
from infra.process.processes import Seen
from infra.process.records import Records
from infra.process.spawn import spawn

log = structlog.get_logger()

TAIL = 20  # lines of a log that are kept with what went wrong
LONGEST_LINE = 1000  # characters of each
LOCK_PAUSE = 0.25
END_PAUSE = 1.0
KILLED = -9


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How it ended, as far as that is known before all of it is gone."""

    reason: Reason | None = None
    message: str = ""
    code: int | None = None


class Supervision:
    def __init__(
        self,
        parts: Parts,
        replica: Replica,
        revision: Revision,
        changed: Callable[[str], None],
        placed: Sequence[Placed] = (),
        lost: bool = False,
    ) -> None:
        """`placed` are the processes of one that is adopted; `lost`: not all of them are there."""
        self.replica = replica
        self.observed = Observed(
            sight=Sight.RUNNING, placement=replica.placement, endpoints=replica.endpoints
        )
        self.gone = asyncio.Event()
        self._parts = parts
        self._revision = revision
        self._changed = changed
        self._mark = parts.mark(replica.id)
        self._ports = Ports(self._mark, parts.processes)
        self._records = Records(parts.settings.replicas / replica.id)
        self._lost = lost
        self._stopped = asyncio.Event()
        self._grace = parts.settings.grace.total_seconds()
        self._placed: tuple[Placed, ...] = ()
        self._mains: tuple[Seen, ...] = ()
        self._exits: tuple[asyncio.Task[int | None], ...] = ()
        self._kills = limits.kills()
        served_models = [service for _, service in served(revision.definition)]
        self._checks = [health.check_of(service) for service in served_models]
        was_healthy = replica.first_healthy_at is not None
        self._healths = [Health(was_healthy=was_healthy) for _ in self._checks]
        if placed:
            self._run_as(placed)

    def stop(self, grace: float) -> None:
        """Begin to end it; a second time changes nothing."""
        if not self._stopped.is_set():
            self._grace = grace
            self._stopped.set()

    async def run(self) -> None:
        living = asyncio.create_task(self._live())
        stopped = asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait({living, stopped}, return_when=asyncio.FIRST_COMPLETED)
            await _cancelled(living, stopped)
            ended = self._outcome(living)
            while not self.gone.is_set():
                await self._try_to_end(ended)
        finally:
            await _cancelled(living, stopped, *self._exits)

    def _outcome(self, living: "asyncio.Task[Ended]") -> Ended:
        if living.cancelled() or self._stopped.is_set():
            return Ended()
        try:
            return living.result()
        except Exception:  # the edge of a replica's life: it is ended, and another one tried
            log.exception("a replica could not be looked after", replica=self.replica.id)
            return Ended(reason=Reason.START_FAILED, message="The server failed; see its log.")

    async def _try_to_end(self, ended: Ended) -> None:
        try:
            await self._end(ended)
        except Exception:  # the edge again: whatever failed, nothing may be left of the replica
            log.exception("a replica could not be ended", replica=self.replica.id)
            await asyncio.sleep(END_PAUSE)

    async def _live(self) -> Ended:
        if self._lost:
            return Ended(reason=Reason.EXITED_WHILE_ADOPTED, message=_unseen())
        try:
            if not self._placed:
                await self._begin()
        except CantStart as error:
            return Ended(reason=error.reason, message=error.message)
        except (OSError, ValueError) as error:
            return Ended(reason=Reason.START_FAILED, message=f"It can't be started: {error}.")
        probing = asyncio.create_task(self._probe_all())
        try:
            watched = {*self._exits, probing}
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if probing.done():
                probing.result()
        finally:
            await _cancelled(probing)
        return await self._how_it_ended()

    async def _begin(self) -> None:
        """Prepare and start it, unless another control plane did; one does so at a time."""
        self._records.make()
        lock = await self._locked()
        try:
            parts, records = self._parts, self._records
            found = await asyncio.to_thread(
                records.written, self._mark, parts.boot, parts.processes
            )
            if found.whole:
                self._run_as(found.placed)
                return
            left = [each.seen for each in found.placed]
            await ending.end(self._mark, left, 0, parts.processes)
            prepared = await prepare(parts, self.replica, self._revision)
            records.begin(prepared, parts.boot)
            started = []
            for each in prepared:
                pid = spawn(each.launch)
                seen = self._parts.processes.one(pid)
                at = seen.started if seen else 0
                started.append(Placed(model=each.model.name, port=each.port, pid=pid, started=at))
                self._run_as(started)
        finally:
            os.close(lock)

    async def _locked(self) -> int:
        while True:
            lock = self._records.lock()
            if lock is not None:
                return lock
            await asyncio.sleep(LOCK_PAUSE)

    def _run_as(self, placed: Sequence[Placed]) -> None:
        placement = Placement(
            host=self._parts.settings.host, boot=self._parts.boot, processes=tuple(placed)
        )
        new = [each.seen for each in placed[len(self._mains) :]]
        self._placed = placement.processes
        self._mains = self._ports.mains = (*self._mains, *new)
        watches = [exits.ended(seen, self._parts.processes) for seen in new]
        self._exits = (*self._exits, *(asyncio.create_task(watch) for watch in watches))
        written = self.replica.placement or placement.written()
        self._say(replace(self.observed, placement=written, endpoints=placement.endpoints()))

    async def _probe_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for index in range(len(self._checks)):
                group.create_task(self._probe(index))

    async def _probe(self, index: int) -> None:
        """One model, again and again."""
        check, placed = self._checks[index], self._placed[index]
        while True:
            at = self._parts.processes.age(placed.seen)
            try:
                problem = await self._problem(placed.port, check)
            except OSError as error:
                log.warning(
                    "a replica can't be probed", replica=self.replica.id, problem=str(error)
                )
            else:
                at = self._parts.processes.age(placed.seen)
                self._healths[index] = health.after(self._healths[index], check, at, problem)
                await self._judge()
            await asyncio.sleep(health.pause(self._healths[index], check, at))

    async def _problem(self, port: int, check: HealthCheck) -> str:
        problem = await probes.problem(port, check)
        self._kills = limits.kills()
        return problem or await asyncio.to_thread(self._theft, port)

    def _theft(self, port: int) -> str:
        whose = self._ports.owner(port)
        return "" if whose is Owner.OURS else f"port {port} is answered by a process of others"

    async def _judge(self) -> None:
        sight = health.sight(self._healths, self._checks)
        if sight is self.observed.sight:
            return
        failing = sight is Sight.FAILING
        problem = next((h.problem for h in self._healths if h.problem), "")
        self._say(
            replace(
                self.observed,
                sight=sight,
                reason=Reason.HEALTH_CHECK_FAILED if failing else None,
                message=f"{problem}." if failing else "",
                log_tail=await self._tail() if failing else (),
            )
        )

    async def _how_it_ended(self) -> Ended:
        index = next(place for place, task in enumerate(self._exits) if task.done())
        code, placed = self._exits[index].result(), self._placed[index]
        if await self._is_taken(placed, self._healths[index]):
            self._parts.avoid(placed.port)
            says = f"Port {placed.port} is another process's."
            return Ended(reason=Reason.PORT_TAKEN, message=says, code=code)
        if self._parts.limits.out_of_memory(self.replica.id) or (
            code == KILLED and limits.kills() > self._kills
        ):
            says = f"{placed.model} was ended by the kernel: memory ran out."
            return Ended(reason=Reason.OUT_OF_MEMORY, message=says, code=code)
        if code is None:
            return Ended(reason=Reason.EXITED_WHILE_ADOPTED, message=_unseen(placed.model))
        says = f"{placed.model} ended with {exits.shown(code)}."
        return Ended(reason=Reason.EXITED, message=says, code=code)

    async def _is_taken(self, placed: Placed, known: Health) -> bool:
        """Whether it ended because somebody else has its port."""
        if known.was_healthy:
            return False
        whose = await asyncio.to_thread(self._ports.owner, placed.port)
        return whose is Owner.OTHERS

    async def _end(self, ended: Ended) -> None:
        processes = self._parts.processes
        if ended.reason is not None and await ending.found(
            self._mark, self._mains, frozenset(), processes
        ):
            self._say(
                replace(
                    self.observed, sight=Sight.FAILING, reason=ended.reason, message=ended.message
                )
            )
        await ending.end(self._mark, self._mains, self._grace, processes)
        codes = await asyncio.gather(*self._exits)
        code = next((each for each in codes if each is not None), None)
        await asyncio.to_thread(self._parts.limits.forget, self.replica.id)
        self._say(
            replace(
                self.observed,
                sight=Sight.EXITED,
                reason=ended.reason,
                message=ended.message,
                exit_code=ended.code if ended.reason else code,
                log_tail=await self._tail() if ended.reason else (),
            )
        )
        self.gone.set()

    async def _tail(self) -> tuple[str, ...]:
        return await what_it_said(self._parts.log(self.replica.id))

    def _say(self, observed: Observed) -> None:
        was, self.observed = self.observed, observed
        if was != observed:
            self._changed(self.replica.deployment_id)


async def what_it_said(file: LogFile) -> tuple[str, ...]:
    """The last lines of a log, to be kept with what went wrong."""
    try:
        lines = await asyncio.to_thread(last_lines, file, TAIL)
    except OSError as error:
        lines = [f"The log can't be read: {error}"]
    return tuple(line[:LONGEST_LINE] for line in lines)


async def _cancelled(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _unseen(model: str = "A process of it") -> str:
    return f"{model} ended while no parent of it could see how."
