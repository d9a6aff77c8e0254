"""Kubernetes Jobs that come and go for batches.

    a hidden deployment, its revision ─▶ the Job, without pods ─▶ as many pods as asked for ─▶ removed
                                            ▲ none while it is paused; a fresh token in time

The deployment's row is there before anything is in the cluster, and goes after all of it went.
"""

from dataclasses import dataclass
from datetime import timedelta

from domain.batches.batch import DRAIN, Batch, BatchReason, runs_in_pods
from domain.batches.dedicating import Dedicating, Hopeless, Provided, Providing, Waiting
from domain.batches.jobs.ports import ClusterAway, ClusterJobs, JobRefused, JobSeen, NewJob
from domain.batches.jobs.tokens import Tokens
from domain.clock import Clock
from domain.deployments.deployment import Deployment, Revision
from domain.templates.template import Template
from domain.work import Reads

__all__ = ["PodJobs", "Providers"]

LOOK = timedelta(seconds=5)
SOON = timedelta(seconds=1)
SWEEP_EVERY = 30.0  # seconds
TAIL = 20  # lines of a log
MARGIN = timedelta(seconds=120)  # behind the window's end and the draining
NOWHERE = "This worker has no cluster: start it with MODELYARD_DRIVER=kubernetes, as the server is started."


@dataclass(frozen=True, slots=True, kw_only=True)
class PodJobs:
    """Implements `Provider` for KUBERNETES_JOB. `cluster` None: this process has none."""

    dedicating: Dedicating
    cluster: ClusterJobs | None
    tokens: Tokens
    reads: Reads
    clock: Clock

    async def provide(self, batch: Batch) -> Providing:
        """One more step towards pods that work on the batch; whatever was done before is found again."""
        if self.cluster is None:
            return self._waiting(NOWHERE, LOOK)
        found = await self.dedicating.hidden(batch)
        if not isinstance(found, tuple):
            return found
        try:
            return await self._provided(self.cluster, batch, *found)
        except ClusterAway as error:
            return self._waiting(error.message, LOOK)
        except JobRefused as error:  # what it is like was taken before: it is about the moment
            return self._waiting(error.message, LOOK)

    async def give_back(self, batch: Batch) -> bool:
        deployment_id = batch.place.deployment_id if batch.place is not None else None
        if deployment_id is not None:
            try:
                if self.cluster is None or not await self.cluster.remove(deployment_id):
                    return False
            except (ClusterAway, JobRefused):
                return False
        return await self.dedicating.give_back(batch)

    async def sweep(self) -> float:
        """Remove what no living batch has; seconds until the next sweep. The Jobs are looked at before
        the rows: a row is written before anything is made for it."""
        if self.cluster is None:
            return SWEEP_EVERY
        try:
            for deployment_id in await self.cluster.all():
                if not await self._is_needed(deployment_id):
                    await self.cluster.remove(deployment_id)
        except (ClusterAway, JobRefused):
            return SWEEP_EVERY
        return SWEEP_EVERY

    async def _is_needed(self, deployment_id: str) -> bool:
        row = (await self.reads.dedicated.by_ids([deployment_id])).get(deployment_id)
        if row is None or row.batch_id is None:
            return False
        batch = (await self.reads.batches.by_ids([row.batch_id])).get(row.batch_id)
        return batch is not None and not batch.is_final

    async def _provided(
        self, cluster: ClusterJobs, batch: Batch, deployment: Deployment, revision: Revision
    ) -> Providing:
        seen = await cluster.look(deployment.id)
        if seen is None:
            return await self._made(cluster, batch, self._new(batch, deployment, revision))
        if seen.failure is not None:  # a new one goes on where it ended
            await cluster.remove(deployment.id)
            return self._waiting(f"The Kubernetes Job failed: {seen.failure}", LOOK)
        if not self.tokens.is_fresh(seen.token_since):
            await cluster.renew(deployment.id, self.tokens.new(batch.id))
        template = await self._template(batch)
        wanted = pods_of(batch, template)
        if seen.pods != wanted:
            await cluster.size(deployment.id, wanted)
        if seen.is_ready or batch.paused_at is not None:
            return Provided(deployment.id)
        problem = self._given_up(batch, seen, template)
        if problem is None:
            return self._waiting(seen.message, LOOK)
        lines = await cluster.log_tail(deployment.id, TAIL)
        log = "\n".join(["", "The last lines of its log:", *lines]) if lines else ""
        return Hopeless(f"The Kubernetes Job for the batch never became ready. {problem}{log}")

    async def _made(self, cluster: ClusterJobs, batch: Batch, new: NewJob) -> Providing:
        try:
            await cluster.make(new)
        except JobRefused as error:
            if _was_ready(batch):
                raise
            return Hopeless(error.message)
        return self._waiting("The Kubernetes Job for the batch is being made.", SOON)

    def _given_up(self, batch: Batch, seen: JobSeen, template: Template) -> str | None:
        """What once was ready is waited for as long as the batch's window lasts."""
        if _was_ready(batch) or seen.since is None:
            return None
        if seen.is_hopeless:
            return seen.message
        patience = template.batch.ready_timeout
        if self.clock() < seen.since + timedelta(seconds=patience):
            return None
        return f"No pod was ready within {patience:g} s. {seen.message}"

    def _new(self, batch: Batch, deployment: Deployment, revision: Revision) -> NewJob:
        return NewJob(
            batch_id=batch.id,
            deployment=deployment,
            revision=revision,
            token=self.tokens.new(batch.id),
            ends_at=batch.expires_at + DRAIN + MARGIN,
        )

    def _waiting(self, message: str, look: timedelta) -> Waiting:
        return Waiting(BatchReason.PROVISIONING, message, self.clock() + look)

    async def _template(self, batch: Batch) -> Template:
        assert batch.place is not None
        wanted = batch.place.template_id or ""
        return (await self.reads.templates.by_ids([wanted]))[wanted]


@dataclass(frozen=True, slots=True)
class Providers:
    """Of whatever a batch's place asks for."""

    deployments: Dedicating
    jobs: PodJobs

    async def provide(self, batch: Batch) -> Providing:
        return await self._of(batch).provide(batch)

    async def give_back(self, batch: Batch) -> bool:
        return await self._of(batch).give_back(batch)

    def _of(self, batch: Batch) -> Dedicating | PodJobs:
        return self.jobs if runs_in_pods(batch) else self.deployments


def _was_ready(batch: Batch) -> bool:
    return batch.left < batch.total or batch.reason is not BatchReason.PROVISIONING


def pods_of(batch: Batch, template: Template) -> int:
    """None while it is paused; no more than may send at a time."""
    if batch.paused_at is not None:
        return 0
    asked = batch.terms.replicas or template.batch.replicas
    return min(asked, batch.terms.max_concurrency or asked)
