"""Who comes in when several batches are asked for at once, on the fake and on each database."""

import asyncio
import json

from domain.access.access import Caller, Project
from domain.batches.admission.options import NewBatch
from domain.batches.batch import Batch
from domain.batches.profiles import NewProfile, Profiles
from domain.batches.service import Batches
from domain.clock import utc_now
from domain.errors import FileInUse, InUse, NotFound, QuotaExceeded
from domain.files.file import File
from domain.files.service import Files
from domain.ids import new_id
from domain.listing import Listing
from tests.conftest import AnyStore
from tests.support.batches import a_file
from tests.support.build import a_caller
from tests.support.builders import a_project
from tests.support.memory_objects import MemoryObjects


class Desk:
    def __init__(self, store: AnyStore, project: Project, file: File) -> None:
        self.store, self.file, self.objects = store, file, MemoryObjects()
        self.caller: Caller = a_caller(project.id)
        self.files = Files(
            start_work=store.start_work,
            reads=store.reads,
            objects=self.objects,
            clock=utc_now,
            new_id=new_id,
        )
        self.batches = Batches(
            start_work=store.start_work,
            reads=store.reads,
            objects=self.objects,
            files=self.files,
            loads=json.loads,
            clock=utc_now,
            new_id=new_id,
        )
        self.profiles = Profiles(
            start_work=store.start_work, reads=store.reads, clock=utc_now, new_id=new_id
        )

    async def create(self, key: str | None = None) -> Batch:
        new = NewBatch(input_file_id=self.file.id, endpoint="/v1/embeddings")
        return await self.batches.create(self.caller, new, key)


async def a_desk(store: AnyStore) -> Desk:
    project = a_project()
    file = a_file(project)
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(project)
        await w.files.add(file)
    return Desk(store, project, file)


async def test_five_at_once_with_one_key_are_one_batch(store: AnyStore) -> None:
    desk = await a_desk(store)
    made = await asyncio.gather(*(desk.create("k") for _ in range(5)))
    assert len({batch.id for batch in made}) == 1
    within = {"project_id": desk.caller.project_id}
    assert await store.reads.batches.count(Listing(first=1, within=within)) == 1


async def test_a_quota_holds_however_many_ask_at_once(store: AnyStore) -> None:
    desk = await a_desk(store)
    new = NewProfile(name="day", is_default=True, max_active=2)
    await desk.profiles.create(desk.caller, new)
    made = await asyncio.gather(*(desk.create() for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(each, Batch) for each in made) == 2
    assert sum(isinstance(each, QuotaExceeded) for each in made) == 4


async def test_of_a_batch_and_what_it_needs_being_deleted_one_is_refused(store: AnyStore) -> None:
    desk = await a_desk(store)
    made, deleted = await asyncio.gather(
        desk.create(), desk.files.delete(desk.caller, desk.file.id), return_exceptions=True
    )
    assert isinstance(made, NotFound) != isinstance(deleted, FileInUse)


async def test_a_profile_goes_only_when_no_batch_came_in_under_it(store: AnyStore) -> None:
    desk = await a_desk(store)
    profile = await desk.profiles.create(desk.caller, NewProfile(name="day", is_default=True))
    made, deleted = await asyncio.gather(
        desk.create(), desk.profiles.delete(desk.caller, profile.id), return_exceptions=True
    )
    assert isinstance(made, Batch)
    assert (made.profile_id == profile.id) == isinstance(deleted, InUse)


async def test_of_defaults_made_at_once_one_stays(store: AnyStore) -> None:
    desk = await a_desk(store)
    await asyncio.gather(
        *(
            desk.profiles.create(desk.caller, NewProfile(name=f"p{n}", is_default=True))
            for n in range(5)
        )
    )
    within = {"project_id": desk.caller.project_id}
    kept = (await store.reads.batch_profiles.page(Listing(first=9, within=within))).items
    assert len(kept) == 5
    assert sum(profile.is_default for profile in kept) == 1


async def test_a_cancel_and_a_pause_at_once_end_cancelling(store: AnyStore) -> None:
    desk = await a_desk(store)
    batch = await desk.create()
    await asyncio.gather(
        desk.batches.pause(desk.caller, batch.id),
        desk.batches.cancel(desk.caller, batch.id),
        return_exceptions=True,
    )
    kept = (await store.reads.batches.by_ids([batch.id]))[batch.id]
    assert (kept.status.value, kept.paused_at) == ("cancelling", None)
