"""What makes the reconciler look sooner. Losing a hint is harmless: what is due is swept."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field

from domain.clock import Timer
from domain.deployments.ports import Driver
from domain.deployments.reconciler.agenda import Agenda
from domain.deployments.reconciler.applying import ACTOR
from domain.errors import CursorExpired, CursorUnknown
from domain.events import Scope
from domain.logger import Logger
from domain.rounds import AFTER_TROUBLE
from domain.setbacks import Setbacks
from domain.work import EventLog

DECISIONS = frozenset(
    {
        "DeploymentUpdated",
        "DeploymentDeleted",
        "DeploymentScaled",
        "DeploymentStatusChanged",
        "RevisionActivated",
        "RolloutStarted",
        "RolloutPaused",
        "RolloutResumed",
        "RolloutPromoted",
        "RolloutAborted",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    log: EventLog
    driver: Driver
    agenda: Agenda
    setbacks: Setbacks
    timer: Timer
    logger: Logger
    _never: asyncio.Event = field(default_factory=asyncio.Event)

    async def hear(self) -> None:
        """Users' decisions, from the event log, until the server stops."""
        while True:
            try:
                async with aclosing(self.log.follow(None, Scope(types=DECISIONS))) as events:
                    async for event in events:
                        if event.actor != ACTOR:
                            self.agenda.hint(event.subject_id, f"event:{event.position}")
                return
            except (CursorExpired, CursorUnknown):
                continue
            except Exception:  # the loop's edge
                self.logger.exception("the event log can't be heard")
                await self.timer.wait(self._never, AFTER_TROUBLE)

    async def watch(self) -> None:
        """What the driver sees, until it ends."""
        while True:
            try:
                async with aclosing(self.driver.changes()) as changes:
                    async for deployment_id in changes:
                        if not self.setbacks.left(deployment_id, self.timer.now()):
                            self.agenda.hint(deployment_id, "driver")
                return
            except Exception:  # the loop's edge
                self.logger.exception("the driver's changes can't be heard")
                await self.timer.wait(self._never, AFTER_TROUBLE)
