"""What makes tending look sooner. Losing a hint is harmless: what is due is taken, each second."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from domain.batches.facts import BatchJobProgressed
from domain.batches.tending.changing import ACTOR
from domain.clock import Clock, Timer
from domain.errors import CursorExpired, CursorUnknown
from domain.events import Event, Fact, Scope, SubjectKind
from domain.logger import Logger
from domain.rounds import AFTER_TROUBLE
from domain.work import EventLog, StartWork

OF_BATCHES = frozenset(
    {
        "BatchJobCreated",
        "BatchJobStatusChanged",
        "BatchJobPaused",
        "BatchJobResumed",
        "BatchJobProgressed",
    }
)
OF_DEPLOYMENTS = frozenset(
    {
        "DeploymentStatusChanged",
        "DeploymentDeleted",
        "RolloutSucceeded",
        "RolloutFailed",
        "ReplicaBecameHealthy",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """`provisioning` are the batches that wait for a deployment, by its id."""

    log: EventLog
    start_work: StartWork
    provisioning: Mapping[str, str]
    nudged: asyncio.Event
    clock: Clock
    timer: Timer
    logger: Logger
    _never: asyncio.Event = field(default_factory=asyncio.Event)

    async def hear(self) -> None:
        """Until the server stops."""
        while True:
            try:
                scope = Scope(types=OF_BATCHES | OF_DEPLOYMENTS)
                async with aclosing(self.log.follow(None, scope)) as events:
                    async for event in events:
                        await self._heed(event)
                return
            except (CursorExpired, CursorUnknown):
                continue
            except Exception:  # the loop's edge
                self.logger.exception("the event log can't be heard")
                await self.timer.wait(self._never, AFTER_TROUBLE)

    async def _heed(self, event: Event) -> None:
        if event.subject_kind is SubjectKind.BATCH_JOB:
            if _is_for_tending(event.fact):
                self.nudged.set()
        elif (batch_id := self.provisioning.get(event.subject_id)) is not None:
            async with self.start_work(ACTOR, f"event:{event.position}") as work:
                await work.look_at_batch(batch_id, self.clock())
            self.nudged.set()


def _is_for_tending(fact: Fact) -> bool:
    """Progress is its worker's, until the last line is done."""
    if isinstance(fact, BatchJobProgressed):
        return fact.completed + fact.failed >= fact.total
    return True
