"""One batch under one claim: what has to be done about it is done, until there is nothing to do now."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from domain.batches.batch import Batch, BatchReason, BatchStatus
from domain.batches.dedicating import Hopeless, Provided, Providing, Waiting
from domain.batches.ports import Claim
from domain.batches.tending import course
from domain.batches.tending.areas import Areas
from domain.batches.tending.changing import Changes, Overtaken
from domain.batches.tending.course import Situation
from domain.batches.tending.finalising import Finalising
from domain.batches.tending.validating import Validating
from domain.clock import Clock
from domain.work import Reads

STEPS = 20  # for one claim, before it is taken for a fault
GIVEN_BACK_LOOK = timedelta(seconds=2)
UNPROVEN_LOOK = timedelta(seconds=5)  # at a deployment that is ready, but has not answered a line
SOONEST = timedelta(seconds=0.2)  # between two looks at a deployment that comes
READERS = 8  # batches that are validated or finalized at once, each
HELD_UP = frozenset({BatchStatus.VALIDATING, BatchStatus.FINALIZING, BatchStatus.CANCELLING})
BEFORE_READY = frozenset({None, BatchReason.QUEUED, BatchReason.PROVISIONING})


class Provider(Protocol):
    """domain.batches.jobs.Providers."""

    async def provide(self, batch: Batch) -> Providing: ...

    async def give_back(self, batch: Batch) -> bool: ...


@dataclass(frozen=True, slots=True)
class Rest:
    """Until then, or until somebody asks for a look."""

    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """`provisioning` are the batches that wait for a deployment, by its id."""

    reads: Reads
    changes: Changes
    validating: Validating
    finalising: Finalising
    areas: Areas
    provider: Provider
    clock: Clock
    provisioning: dict[str, str] = field(default_factory=dict)
    _validated: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(READERS))
    _finalised: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(READERS))

    async def act(self, claim: Claim) -> Rest:
        """Raises ClaimLost, and what stores and the provider raise."""
        for _ in range(STEPS):
            batch = (await self.reads.batches.by_ids([claim.batch_id])).get(claim.batch_id)
            if batch is None:
                return Rest(None)
            try:
                rest = await self._do(claim, batch)
            except Overtaken:
                continue
            if rest is not None:
                return rest
        raise RuntimeError(f"batch {claim.batch_id} does not come to rest")

    async def _do(self, claim: Claim, batch: Batch) -> Rest | None:
        """None: look at once what is next."""
        now = self.clock()
        working = await self.reads.batches.working(batch.id, now) if batch.ending else 0
        match course.step(batch, Situation(working), now):
            case course.Validate():
                async with self._validated:
                    await self.validating.validate(claim, batch)
            case course.Provide():
                return await self._provide(claim, batch)
            case course.End() as end:
                await self._end(claim, batch, end)
            case course.Close():
                await self._close(claim, batch)
            case course.Finalise():
                async with self._finalised:
                    await self.finalising.finalise(claim, batch)
            case course.TearDown():
                return await self._tear_down(batch)
            case course.Wait(until):
                return Rest(until)
        return None

    async def _end(self, claim: Claim, batch: Batch, end: course.End) -> None:
        async with self.changes.of(claim, batch) as change:
            await change.put(course.ended(change.batch, end, self.clock()))

    async def _close(self, claim: Claim, batch: Batch) -> None:
        async with self.changes.of(claim, batch) as change:
            await change.work.batch_shards.close(batch.id)
            await change.put(course.closed(change.batch, self.clock()))

    async def _provide(self, claim: Claim, batch: Batch) -> Rest | None:
        match await self.provider.provide(batch):
            case Provided(deployment_id):
                self.provisioning.pop(deployment_id, None)
                if batch.reason is BatchReason.PROVISIONING:
                    await self._say(claim, batch, BatchReason.QUEUED, "")
                return Rest(min(batch.expires_at, self.clock() + UNPROVEN_LOOK))
            case Waiting(reason, message, look_at):
                await self._say(claim, batch, reason, message)
                await self._await_deployment(batch)
                return Rest(max(min(look_at, batch.expires_at), self.clock() + SOONEST))
            case Hopeless(message):
                await self._end(claim, batch, course.never_ready(message))
        return None

    async def _say(self, claim: Claim, batch: Batch, reason: BatchReason, message: str) -> None:
        """What workers found out stands; a pause that came meanwhile is not talked over."""
        async with self.changes.of(claim, batch) as change:
            if change.batch.reason in BEFORE_READY:
                await change.put(replace(change.batch, reason=reason, message=message))

    async def _await_deployment(self, batch: Batch) -> None:
        now = (await self.reads.batches.by_ids([batch.id])).get(batch.id)
        if now is not None and now.place is not None and now.place.deployment_id is not None:
            self.provisioning[now.place.deployment_id] = batch.id

    async def _tear_down(self, batch: Batch) -> Rest:
        """What was made for it is given back, whatever it became."""
        given_back = True
        if batch.place is not None and batch.place.target in course.MADE:
            if batch.place.deployment_id is not None:
                self.provisioning.pop(batch.place.deployment_id, None)
            given_back = await self.provider.give_back(batch)
        await self.areas.clear(batch)
        return Rest(None if given_back else self.clock() + GIVEN_BACK_LOOK)

    async def held_up(self, claim: Claim, reason: BatchReason, message: str) -> None:
        """Shown where it is this that keeps it from going on."""
        async with self.changes.of(claim) as change:
            if change.batch.status in HELD_UP:
                await change.put(replace(change.batch, reason=reason, message=message))
