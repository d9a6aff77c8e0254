"""Deployments for batches, with the reconciler that runs them."""

from dataclasses import dataclass
from typing import Any

import pytest

from domain.batches.batch import Batch, BatchStatus, Place, TargetKind, Terms
from domain.batches.dedicating import Dedicating, Hopeless, Provided
from domain.definitions.kubernetes import PLAIN, KubernetesUse
from domain.definitions.variants import Variant
from domain.deployments.deployment import FINAL
from domain.deployments.remembered import Remembered
from domain.templates.template import BatchUse, Template, TemplateStatus
from tests.support.batches import a_running_batch
from tests.support.builders import fresh
from tests.support.fake_driver import FakeDriver
from tests.support.stable import EVERY, SPEC, dedicating, ended_as
from tests.support.yard import Yard


@dataclass
class Farm:
    yard: Yard

    def __post_init__(self) -> None:
        store = self.yard.store
        self.dedicating: Dedicating = dedicating(
            store.start_work, store.reads, self.yard.clock, Remembered()
        )

    async def a_job(self, kubernetes: KubernetesUse = PLAIN, **said: Any) -> Batch:
        store, now = self.yard.store, self.yard.clock()
        template = Template(
            id=fresh(),
            project_id=store.default.id,
            name=f"t-{fresh()[:8]}",
            version=1,
            status=TemplateStatus.ACTIVE,
            variant=Variant.ECHO,
            spec=SPEC,
            allowed_overrides=(),
            description="",
            batch=BatchUse(**{"replicas": 2, "ready_timeout": 60.0, **said}),
            kubernetes=kubernetes,
            created_at=now,
            created_by="ada",
            updated_at=now,
        )
        place = Place(target=TargetKind.DEDICATED, why="", template_id=template.id)
        batch = a_running_batch(store.default, place=place, terms=Terms())
        async with store.start_work("ada", "request:1") as work:
            await work.templates.add(template)
            await work.batches.add(batch)
        return batch

    async def batch(self, batch: Batch) -> Batch:
        return (await self.yard.store.reads.batches.by_ids([batch.id]))[batch.id]

    async def ends(self, batch: Batch) -> None:
        ended = ended_as(await self.batch(batch), BatchStatus.COMPLETED, self.yard.clock())
        async with self.yard.store.start_work("batches", "batch:1") as work:
            await work.batches.put(ended)
        assert await self.dedicating.give_back(ended)

    async def living(self) -> int:
        page = await self.yard.store.reads.deployments.page(EVERY)
        return sum(each.status not in FINAL for each in page.items)


@pytest.fixture
def farm() -> Farm:
    return Farm(Yard())


async def test_replicas_come_for_a_batch_and_nothing_of_them_is_left(farm: Farm) -> None:
    batch = await farm.a_job()
    async with farm.yard.plane():
        await farm.dedicating.provide(batch)
        await farm.yard.timer.pass_(5)
        said = await farm.dedicating.provide(await farm.batch(batch))
        assert isinstance(said, Provided)
        assert len(farm.yard.host.running) == 2
        await farm.ends(batch)
        await farm.yard.timer.pass_(60)
        assert not farm.yard.host.running
        assert await farm.living() == 0


async def test_pods_of_a_batchs_own_deployment_are_scheduled_as_its_template_says(
    farm: Farm,
) -> None:
    use = KubernetesUse(queue="batches")
    batch = await farm.a_job(use)
    async with farm.yard.plane():
        await farm.dedicating.provide(batch)
        await farm.yard.timer.pass_(5)
        reads = farm.yard.store.reads
        replicas = (await reads.replicas.page(EVERY)).items
        revisions = await reads.revisions.by_ids({each.revision_id for each in replicas})
        assert [each.kubernetes for each in revisions.values()] == [use]
        await farm.ends(batch)
        await farm.yard.timer.pass_(60)


async def test_two_jobs_at_once_have_two_deployments_and_leave_none(farm: Farm) -> None:
    jobs = [await farm.a_job() for _ in range(2)]
    async with farm.yard.plane():
        for job in jobs:
            await farm.dedicating.provide(job)
        await farm.yard.timer.pass_(5)
        said = [await farm.dedicating.provide(await farm.batch(job)) for job in jobs]
        assert all(isinstance(each, Provided) for each in said)
        assert (await farm.living(), len(farm.yard.host.running)) == (2, 4)
        for job in jobs:
            await farm.ends(job)
        await farm.yard.timer.pass_(60)
        assert (await farm.living(), len(farm.yard.host.running)) == (0, 0)


async def test_an_engine_that_never_becomes_ready_is_given_up_and_nothing_is_left(
    farm: Farm,
) -> None:
    batch = await farm.a_job()
    async with farm.yard.plane(driver=FakeDriver(farm.yard.host, slow=True)) as plane:
        await farm.dedicating.provide(batch)
        await farm.yard.timer.pass_(70)
        said = await farm.dedicating.provide(await farm.batch(batch))
        assert isinstance(said, Hopeless)
        assert "became healthy for 60 s" in said.message or "within 60 s" in said.message
        await farm.ends(batch)
        plane.driver.slow = False
        farm.yard.host.seen.clear()
        await farm.yard.timer.pass_(60)
        assert not farm.yard.host.running
        assert await farm.living() == 0
