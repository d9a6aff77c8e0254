"""Deployments that come and go for batches; each is made, and deleted, as any other is."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

from domain.access.access import Caller
from domain.batches.batch import Batch, TargetKind, runs_in_pods
from domain.batches.dedicated import Dedicated
from domain.batches.dedicating.obtaining import SYSTEM, Obtaining, a_request, acting, is_healthy
from domain.batches.dedicating.readiness import (
    Failed,
    Hopeless,
    Provided,
    Providing,
    Seen,
    Waiting,
    judge,
    unmade,
)
from domain.clock import Clock
from domain.definitions.service import Definitions
from domain.deployments.deployment import Deployment, Revision
from domain.deployments.ports import ReplicaLogs
from domain.deployments.replica import Replica
from domain.deployments.rollout import Rollout
from domain.deployments.rollouts import LONGEST, SHORTEST, Activation, Rollouts
from domain.deployments.service import Deployments
from domain.errors import DefinitionError, EtagMismatch, NotFound, Refused, UserError
from domain.gateway.route import GONE
from domain.ids import NewId
from domain.listing import Compare, Listing, Op, Order
from domain.templates.template import Template
from domain.work import Reads, StartWork

__all__ = ["Dedicating", "Hopeless", "Provided", "Providing", "Waiting"]

SWEEP_EVERY = 30.0  # seconds
TAIL = 20  # lines of a log


@dataclass(frozen=True, slots=True, kw_only=True)
class Dedicating:
    """`logs` are those of running replicas, where this process has any. `kept` is set when a deployment
    is left warm: a sweep then knows when it has to come."""

    start_work: StartWork
    reads: Reads
    definitions: Definitions
    deployments: Deployments
    rollouts: Rollouts
    logs: ReplicaLogs
    clock: Clock
    new_id: NewId
    kept: asyncio.Event = field(default_factory=asyncio.Event)

    async def provide(self, batch: Batch) -> Providing:
        """One more step towards a deployment of the batch's own; whatever was done before is found again.

        The batch has a place with target DEDICATED. `place.deployment_id` is put into its row in the
        same unit of work as the deployment is made or taken: read the batch again after this.
        """
        assert batch.place is not None
        assert batch.place.target is TargetKind.DEDICATED
        try:
            deployment_id = batch.place.deployment_id or await self._obtained(batch)
            if deployment_id is None:
                return unmade(self.clock())
            return await self._readied(batch, deployment_id)
        except EtagMismatch:  # somebody else was at the same
            return unmade(self.clock())
        except (UserError, Refused) as error:
            if _passes(error):
                return replace(unmade(self.clock()), message=error.message)
            return Hopeless(f"The deployment for the batch can't be made. {error.message}")

    async def hidden(self, batch: Batch) -> tuple[Deployment, Revision] | Waiting | Hopeless:
        """A deployment without replicas, and its only revision, as a Kubernetes Job runs it. As `provide`
        otherwise."""
        assert batch.place is not None
        try:
            deployment_id = batch.place.deployment_id
            if deployment_id is None:
                template = await self._template(batch)
                deployment_id = await self._obtaining().hidden(batch, template)
            if deployment_id is None:
                return unmade(self.clock())
            deployment = await self._deployment(deployment_id)
            if deployment is None or deployment.status in GONE:
                return Hopeless("The deployment that was made for the batch was deleted.")
            if deployment.last_revision == 0:
                deployment = await self._with_revision(batch, deployment)
            return deployment, await self._first_revision(deployment_id)
        except EtagMismatch:  # somebody else was at the same
            return unmade(self.clock())
        except (UserError, Refused) as error:
            if _passes(error):
                return replace(unmade(self.clock()), message=error.message)
            return Hopeless(f"The Kubernetes Job for the batch can't be made. {error.message}")

    async def give_back(self, batch: Batch) -> bool:
        """The batch is final: its deployment is kept warm, or deleted. False: look again soon."""
        deployment_id = batch.place.deployment_id if batch.place is not None else None
        if deployment_id is None:
            return True
        row = (await self.reads.dedicated.by_ids([deployment_id])).get(deployment_id)
        if row is None or not (row.batch_id == batch.id or _is_condemned(row)):
            return True
        return await self._is_kept(batch, row) or await self._is_deleted(acting(batch), row)

    async def sweep(self) -> float:
        """Delete what no living batch has and nobody waits for; seconds until the next sweep."""
        for row in await self.reads.dedicated.abandoned(self.clock()):
            owner = row.batch_id or ""
            batch = (await self.reads.batches.by_ids([owner])).get(owner)
            if batch is None:
                caller = Caller(principal=SYSTEM, project_id=row.project_id, request_id="sweep")
                await self._is_deleted(caller, row)
            elif not runs_in_pods(batch):  # of which the row goes last
                await self.give_back(batch)
        now = self.clock()
        end = await self.reads.dedicated.next_end(now)
        return SWEEP_EVERY if end is None else min(SWEEP_EVERY, (end - now).total_seconds())

    async def _obtained(self, batch: Batch) -> str | None:
        return await self._obtaining().of(batch, await self._template(batch))

    def _obtaining(self) -> Obtaining:
        return Obtaining(
            start_work=self.start_work,
            reads=self.reads,
            definitions=self.definitions,
            clock=self.clock,
            new_id=self.new_id,
        )

    async def _readied(self, batch: Batch, deployment_id: str) -> Providing:
        deployment = await self._deployment(deployment_id)
        if deployment is None or deployment.status in GONE:
            return Hopeless("The deployment that was made for the batch was deleted.")
        if deployment.last_revision == 0:
            deployment = await self._with_revision(batch, deployment)
        rollout = await self._newest_rollout(deployment_id)
        if rollout is None:
            deployment, rollout = await self._activated(batch, deployment)
        replicas = (await self.reads.replicas.present([deployment_id])).get(deployment_id, ())
        seen = await self._seen(deployment, rollout, replicas)
        judged = judge(seen, self.clock())
        if isinstance(judged, Failed):
            return judged.told(await self._tail(replicas))
        return judged

    async def _seen(
        self, deployment: Deployment, rollout: Rollout | None, replicas: Sequence[Replica]
    ) -> Seen:
        row = (await self.reads.dedicated.by_ids([deployment.id])).get(deployment.id)
        groups = (await self.reads.groups.of([deployment.id])).get(deployment.id, ())
        return Seen(
            deployment=deployment,
            rollout=rollout,
            groups=tuple(groups),
            replicas=tuple(replicas),
            made_at=row.created_at if row is not None else deployment.created_at,
        )

    async def _with_revision(self, batch: Batch, deployment: Deployment) -> Deployment:
        """At most once: the first revision changes the etag."""
        request = a_request(batch, await self._template(batch), deployment.id)
        request = replace(request, expected_etag=deployment.etag)
        await self.deployments.add_revision(acting(batch), request)
        return await self._deployment(deployment.id) or deployment

    async def _activated(
        self, batch: Batch, deployment: Deployment
    ) -> tuple[Deployment, Rollout | None]:
        """At most once: an activation changes the etag."""
        template = await self._template(batch)
        revision = await self._first_revision(deployment.id)
        outcome = await self.rollouts.activate(
            acting(batch),
            Activation(
                revision_id=revision.id,
                progress_deadline=min(max(template.batch.ready_timeout, SHORTEST), LONGEST),
                note=revision.note,
                expected_etag=deployment.etag,
            ),
        )
        return outcome.deployment, outcome.rollout

    async def _first_revision(self, deployment_id: str) -> Revision:
        first = Compare("number", Op.EQ, 1)
        listing = Listing(first=1, within={"deployment_id": deployment_id}, where=first)
        (revision,) = (await self.reads.revisions.page(listing)).items
        return revision

    async def _template(self, batch: Batch) -> Template:
        wanted = (batch.place.template_id if batch.place is not None else None) or ""
        template = (await self.reads.templates.by_ids([wanted])).get(wanted)
        if template is None:
            raise NotFound(kind="template", id=wanted)
        return template

    async def _deployment(self, id: str) -> Deployment | None:
        return (await self.reads.deployments.by_ids([id])).get(id)

    async def _newest_rollout(self, deployment_id: str) -> Rollout | None:
        newest = Order("created_at", descending=True)
        listing = Listing(first=1, within={"deployment_id": deployment_id}, order=newest)
        return next(iter((await self.reads.rollouts.page(listing)).items), None)

    async def _tail(self, replicas: Sequence[Replica]) -> tuple[str, ...]:
        """Of the replica that came last."""
        last = max(replicas, key=lambda replica: replica.created_at, default=None)
        return () if last is None else tuple(await self.logs.tail(last, TAIL))

    async def _is_kept(self, batch: Batch, row: Dedicated) -> bool:
        """Whether it is not to be deleted: it is kept warm, or no longer the batch's."""
        if row.batch_id != batch.id:
            return False
        until = batch.status_since + timedelta(seconds=batch.terms.keep_alive)
        present = (await self.reads.replicas.present([row.id])).get(row.id, ())
        if until <= self.clock() or not any(map(is_healthy, present)):
            return False
        async with self.start_work(SYSTEM.actor, acting(batch).cause) as work:
            deployment = await work.deployments.lock(row.id)
            held = await work.dedicated.lock(row.id)
            if held is None or held.batch_id != batch.id:
                return True
            if deployment is None or deployment.status in GONE:
                return False
            active = await work.revisions.get(deployment.active_revision_id or "")
            if active is None:
                return False
            free = replace(held, batch_id=None, keep_until=until, digest=active.digest)
            await work.dedicated.put(free)
        self.kept.set()
        return True

    async def _is_deleted(self, caller: Caller, row: Dedicated) -> bool:
        """False where somebody else decided about it meanwhile. What is left of it in the end is the
        reconciler's."""
        if not await self._condemn(row):
            return False
        with suppress(NotFound):  # it is STOPPED
            await self.deployments.delete(caller, row.id)
        async with self.start_work(caller.actor, caller.cause) as work:
            await work.deployments.lock(row.id)
            await work.dedicated.remove(row.id)
        return True

    async def _condemn(self, row: Dedicated) -> bool:
        """From now on nobody takes it, so that whoever is late to delete it takes it from nobody."""
        if _is_condemned(row):
            return True
        async with self.start_work(SYSTEM.actor, "sweep") as work:
            await work.deployments.lock(row.id)
            if await work.dedicated.lock(row.id) != row:
                return False
            await work.dedicated.put(replace(row, batch_id=None, keep_until=None))
        return True


def _is_condemned(row: Dedicated) -> bool:
    return row.batch_id is None and row.keep_until is None


def _passes(error: UserError | Refused) -> bool:
    """Whether the same may go well a little later."""
    found = error.errors if isinstance(error, Refused) else (error,)
    return any(isinstance(each, DefinitionError) and each.retryable for each in found)
