"""What is asked of batches before something that they may need goes."""

from domain.batches.batch import Place, TargetKind, Wish
from tests.conftest import AnyStore
from tests.support.batches import (
    a_batch,
    a_completed_batch,
    a_profile,
    a_running_batch,
    an_external_endpoint,
)
from tests.support.builders import a_project, fresh


async def test_a_projects_default_profile_is_found_within_its_unit_of_work(store: AnyStore) -> None:
    project, other = a_project(), a_project()
    default = a_profile(project, is_default=True)
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(project)
        await w.projects.add(other)
        await w.batch_profiles.add(a_profile(project))
        await w.batch_profiles.add(a_profile(other, is_default=True))
        assert await w.default_profile(project.id) is None
        await w.batch_profiles.add(default)
        assert await w.default_profile(project.id) == default
    async with store.start_work("ada", "request:2") as w:
        assert await w.default_profile(project.id) == default
        assert await w.default_profile(fresh()) is None


async def test_an_endpoint_is_needed_by_who_asks_for_it_or_runs_there(store: AnyStore) -> None:
    project, other = a_project(), a_project()
    endpoint = an_external_endpoint(project)
    here = Place(target=TargetKind.EXTERNAL, why="", external_endpoint_id=endpoint.id)
    elsewhere = Place(target=TargetKind.EXTERNAL, why="", external_endpoint_id=fresh())
    asking = Wish(endpoint=endpoint.name)
    needing = [a_batch(project, wish=asking), a_running_batch(project, place=here)]
    others = [
        a_batch(project),
        a_batch(project, wish=Wish(endpoint="other")),
        a_batch(other, wish=asking),
        a_running_batch(project),
        a_running_batch(project, place=elsewhere, wish=asking),
        a_completed_batch(project, place=here, wish=asking),
    ]
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(project)
        await w.projects.add(other)
        await w.external_endpoints.add(endpoint)
        for batch in others:
            await w.batches.add(batch)
    for batch in needing:
        async with store.start_work("ada", "request:2") as w:
            await w.external_endpoints.lock(endpoint.id)
            assert not await w.needs_endpoint(endpoint)
            await w.batches.add(batch)
            assert await w.needs_endpoint(endpoint)
            await w.batches.remove(batch.id)
