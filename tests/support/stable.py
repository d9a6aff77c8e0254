"""Deployments for batches, over the store in memory.

stable = Stable()
template = await stable.a_template()
batch = await stable.a_job(template)             # IN_PROGRESS, its place is that template
await stable.provided(batch)                     # the reconciler played until a replica is healthy
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from domain.batches.batch import Batch, BatchStatus, Place, TargetKind, Terms
from domain.batches.dedicated import Dedicated
from domain.batches.dedicating import Dedicating, Provided
from domain.clock import Clock
from domain.definitions.folder_file import DefinitionFiles
from domain.definitions.service import Definitions
from domain.definitions.variants import Variant
from domain.deployments.deployment import FINAL, Deployment
from domain.deployments.ports import ReplicaLogs
from domain.deployments.rollouts import Rollouts
from domain.deployments.service import Deployments
from domain.ids import new_id
from domain.listing import Listing
from domain.templates.service import NewTemplate
from domain.templates.template import BatchUse, Template, TemplateStatus
from domain.work import Reads, StartWork
from infra.files.definition_file import DefinitionFileParser
from tests.support.batches import a_running_batch
from tests.support.build import FolderFilesInMemory
from tests.support.dying import Dying
from tests.support.house import House
from tests.support.playing import Player

SPEC = {"models": [{"name": "llama", "model_path": "/models"}]}
EVERY = Listing(first=100, with_dedicated=True)


@dataclass
class Stable:
    house: House = field(default_factory=House)

    def __post_init__(self) -> None:
        self.store = self.house.store
        self.clock = self.house.clock
        self.player = Player(self.house)
        self.dedicating = self.over(Dying(self.store))

    def over(self, dying: Dying) -> Dedicating:
        """As of a process that works on that store."""
        return dedicating(dying.start_work, dying.reads, self.clock, self.house.written)

    async def a_template(self, name: str = "llama", **said: Any) -> Template:
        use = BatchUse(**{"replicas": 2, "ready_timeout": 900.0, **said})
        new = NewTemplate(name=name, variant=Variant.ECHO, spec=SPEC, status=TemplateStatus.ACTIVE)
        template = await self.house.templates.create(self.house.caller, new)
        template = replace(template, batch=use)
        async with self.store.start_work("ada", "request:1") as work:
            await work.templates.put(template)
        return template

    async def a_job(self, template: Template, **terms: Any) -> Batch:
        place = Place(target=TargetKind.DEDICATED, why="", template_id=template.id)
        batch = a_running_batch(self.store.default, place=place, terms=Terms(**terms))
        async with self.store.start_work("ada", "request:1") as work:
            await work.batches.add(batch)
        return batch

    async def batch(self, batch: Batch) -> Batch:
        return (await self.store.reads.batches.by_ids([batch.id]))[batch.id]

    async def deployments(self) -> list[Deployment]:
        """Those that live."""
        page = await self.store.reads.deployments.page(EVERY)
        return [each for each in page.items if each.status not in FINAL]

    async def deployment(self, batch: Batch) -> Deployment:
        place = (await self.batch(batch)).place
        assert place is not None
        assert place.deployment_id is not None
        return await self.player.deployment(place.deployment_id)

    async def row(self, id: str) -> Dedicated | None:
        return (await self.store.reads.dedicated.by_ids([id])).get(id)

    async def provided(self, batch: Batch) -> str:
        """Provided, with a healthy replica; its deployment's id."""
        await self.dedicating.provide(await self.batch(batch))
        await self.serve((await self.deployment(batch)).id)
        provided = await self.dedicating.provide(await self.batch(batch))
        assert isinstance(provided, Provided)
        return provided.deployment_id

    async def serve(self, deployment_id: str) -> None:
        """As the reconciler does: a replica comes and is healthy, the rollout succeeds."""
        live = await self.player.live(deployment_id)
        if live is None:
            return
        revision = (await self.store.reads.revisions.by_ids([live.revision_id]))[live.revision_id]
        await self.player.heal(await self.player.start(revision))
        await self.player.promote(deployment_id)

    async def over_with(self, batch: Batch, status: BatchStatus = BatchStatus.COMPLETED) -> Batch:
        now = self.clock()
        ended = replace(await self.batch(batch), status=status, status_since=now, ending=status)
        async with self.store.start_work("batches", "batch:1") as work:
            await work.batches.put(ended)
        return ended

    async def stop_what_is_deleted(self) -> None:
        """As the reconciler does."""
        for each in await self.deployments():
            if each.deleted_at is None:
                continue
            for replica in (await self.store.reads.replicas.present([each.id])).get(each.id, ()):
                await self.player.exit(replica)
            await self.player.stopped(each.id)

    def passes(self, **by: float) -> None:
        self.clock.now += timedelta(**by)


def dedicating(start_work: StartWork, reads: Reads, clock: Clock, logs: ReplicaLogs) -> Dedicating:
    definitions = Definitions(
        reads=reads,
        files=DefinitionFiles(files=FolderFilesInMemory(), parser=DefinitionFileParser()),
        driver="process",
        enable_override=False,
    )
    own: Any = {"start_work": start_work, "reads": reads, "clock": clock, "new_id": new_id}
    return Dedicating(
        definitions=definitions,
        deployments=Deployments(definitions=definitions, **own),
        rollouts=Rollouts(driver="process", **own),
        logs=logs,
        **own,
    )
