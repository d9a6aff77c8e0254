"""A deployment becomes a batch's own: a warm one is taken, or a new one is made.

Either is one unit of work, with the row that says whose it is and the batch's place: whoever goes on after
a crash finds it there. Locked in this order: the batch, the deployment, the row.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from domain.access.access import Caller, Principal
from domain.batches.batch import Batch, BatchStatus
from domain.batches.dedicated import Dedicated
from domain.batches.facts import BatchJobPlaced
from domain.clock import Clock
from domain.definitions.request import RevisionRequest, TemplateChoice
from domain.definitions.resolution import Resolution
from domain.definitions.service import Definitions
from domain.deployments import decisions
from domain.deployments.decisions import Decided, decided_again
from domain.deployments.deployment import Deployment
from domain.deployments.replica import Replica, ReplicaStatus
from domain.deployments.sizing import keep_size
from domain.deployments.strategy import Rolling
from domain.errors import NameTaken
from domain.gateway.route import GONE
from domain.ids import NewId
from domain.templates.template import Template
from domain.work import Reads, StartWork, Work

SYSTEM = Principal(actor="batches", server_admin=True, is_system=True)
MADE = "A deployment was made for the batch."
TAKEN = "A warm deployment of the same template was free, and is used again."
NAMES_TRIED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Obtaining:
    start_work: StartWork
    reads: Reads
    definitions: Definitions
    clock: Clock
    new_id: NewId

    async def of(self, batch: Batch, template: Template) -> str | None:
        """The deployment's id; None where the batch ended meanwhile. Raises Refused and UserErrors
        where the template makes no revision that can run here."""
        resolution = await self.definitions.resolve(
            batch.project_id, a_request(batch, template, ""), preview=False
        )
        replicas = batch.terms.replicas or template.batch.replicas
        for row in await self._warm(batch.project_id, resolution.digest):
            async with self.start_work(SYSTEM.actor, acting(batch).cause) as work:
                locked = await _open(work, batch.id)
                if locked is None or _has(locked):
                    return _has(locked)
                if await self._is_taken(work, locked, row, replicas):
                    return row.id
        return await self._made(batch, resolution, replicas)

    async def hidden(self, batch: Batch, template: Template) -> str | None:
        """As `of`, but a new one, which never has replicas: its revision is what is run elsewhere."""
        resolution = await self.definitions.resolve(
            batch.project_id, a_request(batch, template, ""), preview=False
        )
        return await self._made(batch, resolution, 0)

    async def _warm(self, project_id: str, digest: str) -> Sequence[Dedicated]:
        """Free ones that serve."""
        rows = await self.reads.dedicated.warm(project_id, digest, self.clock())
        present = await self.reads.replicas.present([row.id for row in rows])
        return [row for row in rows if any(map(is_healthy, present.get(row.id, ())))]

    async def _is_taken(self, work: Work, batch: Batch, row: Dedicated, replicas: int) -> bool:
        """False where another batch was first, or its time is up."""
        deployment, now = await work.deployments.lock(row.id), self.clock()
        held = await work.dedicated.lock(row.id)
        if deployment is None or held is None or deployment.status in GONE:
            return False
        if held.batch_id is not None or held.keep_until is None or held.keep_until <= now:
            return False
        await work.dedicated.put(replace(held, batch_id=batch.id, keep_until=None))
        if deployment.desired_replicas != replicas:
            sized = decided_again(replace(deployment, desired_replicas=replicas), now)
            await keep_size(work, self.definitions.driver, deployment, sized)
        await _place(work, batch, deployment, TAKEN)
        return True

    async def _made(self, batch: Batch, resolution: Resolution, replicas: int) -> str | None:
        names = [batch.id[:12], *(self.new_id()[:12] for _ in range(NAMES_TRIED))]
        for place, name in enumerate(names, start=1):
            made = self._decided(batch, f"batch-{name}", replicas)
            try:
                return await self._added(batch, made, resolution.digest)
            except NameTaken:  # a user's deployment is called so
                if place == len(names):
                    raise
        return None

    def _decided(self, batch: Batch, name: str, replicas: int) -> Decided:
        return decisions.create(
            self.new_id(),
            batch.project_id,
            SYSTEM.actor,
            self.clock(),
            name=name,
            tags=(),
            desired_replicas=replicas,
            strategy=Rolling(),
            is_dedicated=True,
        )

    async def _added(self, batch: Batch, made: Decided, digest: str) -> str | None:
        deployment = made.deployment
        row = Dedicated(
            id=deployment.id,
            project_id=batch.project_id,
            digest=digest,
            batch_id=batch.id,
            keep_until=None,
            created_at=deployment.created_at,
        )
        async with self.start_work(SYSTEM.actor, acting(batch).cause) as work:
            locked = await _open(work, batch.id)
            if locked is None or _has(locked):
                return _has(locked)
            await work.deployments.add(deployment)
            await work.dedicated.add(row)
            for fact in made.facts:
                work.record(batch.project_id, fact)
            await _place(work, locked, deployment, MADE)
        return deployment.id


def acting(batch: Batch) -> Caller:
    """Modelyard itself, for the batch."""
    return Caller(principal=SYSTEM, project_id=batch.project_id, request_id=f"batch_{batch.id}")


def a_request(batch: Batch, template: Template, deployment_id: str) -> RevisionRequest:
    said = batch.wish.template
    choice = TemplateChoice(
        name=template.name,
        version=template.version,
        overrides=said.overrides if said is not None else {},
    )
    note = f"For batch_{batch.id}."
    return RevisionRequest(deployment_id=deployment_id, template=choice, note=note)


def is_healthy(replica: Replica) -> bool:
    return replica.status is ReplicaStatus.HEALTHY


async def _open(work: Work, batch_id: str) -> Batch | None:
    """The batch, locked, if it is still to run."""
    batch = await work.batches.lock(batch_id)
    if batch is None or batch.status is not BatchStatus.IN_PROGRESS or batch.ending is not None:
        return None
    return batch


def _has(batch: Batch | None) -> str | None:
    """The deployment that it has: somebody was at the same at the same time."""
    return batch.place.deployment_id if batch is not None and batch.place is not None else None


async def _place(work: Work, batch: Batch, deployment: Deployment, why: str) -> None:
    assert batch.place is not None
    place = replace(batch.place, deployment_id=deployment.id, deployment_name=deployment.name)
    await work.batches.put(replace(batch, place=place))
    fact = BatchJobPlaced(
        batch_job_id=batch.id, target=place.target, why=why, placed_deployment_id=deployment.id
    )
    work.record(batch.project_id, fact)
