"""Deployments made for batches, in every store."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from domain.access.access import Project
from domain.batches.batch import Batch, BatchStatus, Place, TargetKind, Terms
from domain.batches.dedicating import Provided, Waiting
from domain.definitions.variants import Variant
from domain.deployments.deployment import Deployment, DeploymentStatus
from domain.deployments.remembered import Remembered
from domain.listing import Listing
from domain.templates.template import Template, TemplateStatus
from tests.conftest import AnyStore
from tests.support.batches import a_running_batch
from tests.support.builders import fresh
from tests.support.clock import TestClock
from tests.support.playing import promoted
from tests.support.serving import a_group, a_replica
from tests.support.stable import EVERY, SPEC, dedicating

HOUR = 3_600.0


@dataclass
class Barn:
    store: AnyStore
    clock: TestClock
    project: Project
    template: Template

    def __post_init__(self) -> None:
        store = self.store
        self.dedicating = dedicating(store.start_work, store.reads, self.clock, Remembered())

    async def a_job(self, **terms: Any) -> Batch:
        place = Place(target=TargetKind.DEDICATED, why="", template_id=self.template.id)
        now = self.clock()
        said = {"place": place, "terms": Terms(**terms), "created_at": now, "in_progress_at": now}
        batch = a_running_batch(self.project, status_since=now, **said)
        async with self.store.start_work("ada", "request:1") as work:
            await work.batches.add(batch)
        return batch

    async def batch(self, batch: Batch) -> Batch:
        return (await self.store.reads.batches.by_ids([batch.id]))[batch.id]

    async def deployments(self) -> list[Deployment]:
        return list((await self.store.reads.deployments.page(EVERY)).items)

    async def serve(self, deployment: Deployment) -> None:
        live = (await self.store.reads.rollouts.live([deployment.id]))[deployment.id]
        ids: dict[str, Any] = {"revision_id": live.revision_id}
        group = a_group(deployment, **ids)
        async with self.store.start_work("reconciler", "sweep") as work:
            await work.groups.add(group)
            await work.replicas.add(a_replica(group))
        await promoted(self.store.start_work, self.store.reads, deployment.id, self.clock())

    async def ended(self, batch: Batch) -> Batch:
        now, completed = self.clock(), BatchStatus.COMPLETED
        own = {"finalizing_at": now, "completed_at": now, "ending": completed, "completed": 10}
        ended = replace(await self.batch(batch), status=completed, status_since=now, **own)  # type: ignore[arg-type]  # fields of several types
        async with self.store.start_work("batches", "batch:1") as work:
            await work.batches.put(ended)
        return ended


@pytest.fixture
async def barn(store: AnyStore, clock: TestClock) -> Barn:
    project = await store.reads.projects.named("default")
    assert project is not None
    template = Template(
        id=fresh(),
        project_id=project.id,
        name="llama",
        version=1,
        status=TemplateStatus.ACTIVE,
        variant=Variant.ECHO,
        spec=SPEC,
        allowed_overrides=(),
        description="",
        created_at=clock(),
        created_by="ada",
        updated_at=clock(),
    )
    async with store.start_work("ada", "request:1") as work:
        await work.templates.add(template)
    return Barn(store, clock, project, template)


async def test_all_who_provide_for_one_batch_at_once_make_one_deployment(barn: Barn) -> None:
    batch = await barn.a_job()
    said = await asyncio.gather(*(barn.dedicating.provide(batch) for _ in range(4)))
    assert all(isinstance(each, Waiting) for each in said)
    (made,) = await barn.deployments()
    await barn.dedicating.provide(await barn.batch(batch))
    assert not (await barn.store.reads.deployments.page(Listing(first=10))).items
    await barn.serve(made)
    assert await barn.dedicating.provide(await barn.batch(batch)) == Provided(made.id)
    assert (await barn.deployments())[0].last_revision == 1


async def test_of_two_jobs_at_once_one_takes_what_is_warm_and_in_the_end_nothing_is_left(
    barn: Barn,
) -> None:
    first = await barn.a_job(keep_alive=HOUR)
    await barn.dedicating.provide(first)
    (kept,) = await barn.deployments()
    await barn.serve(kept)
    assert await barn.dedicating.give_back(await barn.ended(first))
    jobs = [await barn.a_job(replicas=3) for _ in range(2)]
    said = await asyncio.gather(*map(barn.dedicating.provide, jobs))
    assert said.count(Provided(kept.id)) == 1
    made = {each.id: each for each in await barn.deployments()}
    assert len(made) == 2
    assert {each.desired_replicas for each in made.values()} == {3}
    for job in jobs:
        assert await barn.dedicating.give_back(await barn.ended(job))
    assert not await barn.store.reads.dedicated.by_ids(list(made))
    found = await barn.store.reads.deployments.by_ids(list(made))
    assert all(each.deleted_at is not None for each in found.values())


async def test_what_outlived_its_time_is_swept(barn: Barn) -> None:
    batch = await barn.a_job(keep_alive=HOUR)
    await barn.dedicating.provide(batch)
    (kept,) = await barn.deployments()
    await barn.serve(kept)
    await barn.dedicating.give_back(await barn.ended(batch))
    await barn.dedicating.sweep()
    (still,) = await barn.deployments()
    assert still.deleted_at is None
    barn.clock.advance(timedelta(hours=2))
    await barn.dedicating.sweep()
    (gone,) = await barn.deployments()
    assert gone.status is DeploymentStatus.STOPPING
    assert not await barn.store.reads.dedicated.by_ids([kept.id])
