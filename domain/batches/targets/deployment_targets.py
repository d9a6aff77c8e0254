"""Implements `Targets` for places that are deployments, also those made for a batch."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from domain.batches.batch import Batch, BatchReason, Place
from domain.batches.ports import Standstill
from domain.batches.targets.elsewhere import Elsewhere
from domain.batches.targets.routing import DeploymentTarget, Share, Traffic
from domain.deployments.replica import Endpoint
from domain.gateway.naming import Wanted
from domain.gateway.route import GONE
from domain.work import Reads

KNOWN_SECONDS = 5.0  # how long is waited for this process's gateway, which has just begun

Key = tuple[str, Wanted]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentTargets:
    """`running` has to be entered while targets are used."""

    reads: Reads
    traffic: Traffic
    elsewhere: Elsewhere
    share: Share
    address: Callable[[Endpoint], str]
    _made: "WeakValueDictionary[Key, DeploymentTarget]" = field(default_factory=WeakValueDictionary)

    def running(self) -> AbstractAsyncContextManager[None]:
        return self.elsewhere.running()

    async def of(self, batch: Batch) -> DeploymentTarget | Standstill:
        place = batch.place
        if place is None or place.deployment_id is None:
            message = "The deployment for the batch is being made."
            return Standstill(BatchReason.PROVISIONING, message)
        with suppress(TimeoutError):
            async with asyncio.timeout(KNOWN_SECONDS):
                await self._known()
        if self.traffic.route(place.deployment_id) is None and await self._is_gone(place):
            message = f"The deployment {place.deployment_name!r} was deleted."
            return Standstill(BatchReason.DEPLOYMENT_GONE, message)
        await self.elsewhere.fresh()
        return self._target(place.deployment_id, place)

    async def _known(self) -> None:
        while not self.traffic.is_current:
            await self.traffic.signal.after(self.traffic.signal.count)

    async def _is_gone(self, place: Place) -> bool:
        wanted = place.deployment_id or ""
        found = (await self.reads.deployments.by_ids([wanted])).get(wanted)
        return found is None or found.status in GONE

    def _target(self, deployment_id: str, place: Place) -> DeploymentTarget:
        wanted = Wanted(place.deployment_name or "", place.revision_number, place.model)
        target = self._made.get((deployment_id, wanted))
        if target is None:
            target = self._made[deployment_id, wanted] = DeploymentTarget(
                deployment_id=deployment_id,
                wanted=wanted,
                traffic=self.traffic,
                elsewhere=self.elsewhere,
                share=self.share,
                address=self.address,
            )
        return target
