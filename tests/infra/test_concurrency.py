"""Many at once, from one process and from two, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from domain.clock import utc_now
from domain.definitions.request import RevisionRequest
from domain.definitions.variants import Variant
from domain.deployments.deployment import Deployment
from domain.deployments.facts import RevisionAdded
from domain.deployments.service import Deployments
from domain.events import Cursor, Scope
from domain.listing import Listing
from infra.store import Store, open_store
from tests.support.build import a_caller
from tests.support.builders import a_deployment
from tests.support.house import House
from tests.support.writer import add_events, add_revisions, another_process

ADDERS = 32


@pytest.fixture
async def real_store(database_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(database_url, data_dir=tmp_path, poll=0.1) as store:
        yield store


@pytest.fixture
async def deployment(real_store: Store) -> Deployment:
    project = await real_store.reads.projects.named("default")
    assert project is not None
    deployment = a_deployment(project)
    async with real_store.start_work("ada", "request:1") as w:
        await w.deployments.add(deployment)
    return deployment


async def numbers(store: Store, deployment: Deployment) -> list[int]:
    listing = Listing(first=100, within={"deployment_id": deployment.id})
    return sorted(r.number for r in (await store.reads.revisions.page(listing)).items)


async def test_32_concurrent_adders_number_without_a_gap(
    real_store: Store, deployment: Deployment
) -> None:
    await add_revisions(real_store, deployment.id, ADDERS)
    assert await numbers(real_store, deployment) == list(range(1, ADDERS + 1))
    events = await real_store.log.read(None, 100, Scope())
    told = [e.fact.number for e in events if isinstance(e.fact, RevisionAdded)]
    assert told == list(range(1, ADDERS + 1))


async def test_32_adders_through_the_service_number_without_a_gap(
    real_store: Store, deployment: Deployment
) -> None:
    """Half of them also ask for activation: every decision is one generation of the deployment."""
    house = House()
    deployments = Deployments(
        start_work=real_store.start_work,
        reads=real_store.reads,
        definitions=replace(house.definitions, reads=real_store.reads),
        clock=utc_now,
        new_id=real_store.new_id,
    )
    caller = a_caller(deployment.project_id)
    added = await asyncio.gather(
        *(
            deployments.add_revision(
                caller,
                RevisionRequest(
                    deployment_id=deployment.id, runtime_variant=Variant.ECHO, activate=n % 2 == 0
                ),
            )
            for n in range(ADDERS)
        )
    )
    assert sorted(revision.number for revision in added) == list(range(1, ADDERS + 1))
    assert len({revision.digest for revision in added}) == 1
    assert await numbers(real_store, deployment) == list(range(1, ADDERS + 1))
    now = (await real_store.reads.deployments.by_ids([deployment.id]))[deployment.id]
    assert (now.last_revision, now.generation) == (ADDERS, deployment.generation + ADDERS)


async def test_32_adders_in_two_processes_number_without_a_gap(
    real_store: Store, deployment: Deployment, database_url: str, tmp_path: Path
) -> None:
    half = ADDERS // 2
    arguments = ("revisions", database_url, str(tmp_path), str(half), deployment.id)
    await asyncio.gather(
        another_process(*arguments), add_revisions(real_store, deployment.id, half)
    )
    assert await numbers(real_store, deployment) == list(range(1, ADDERS + 1))


async def test_16_writers_in_two_processes_are_followed_without_a_gap(
    real_store: Store, database_url: str, tmp_path: Path
) -> None:
    """What a plain sequence fails: a reader that sees 7 before 6 is committed never sees 6."""
    start, count = await real_store.log.head(), 100
    writing = asyncio.gather(
        another_process("events", database_url, str(tmp_path), str(count)),
        *(add_events(real_store, 1) for _ in range(count)),
    )
    seen = []
    async with asyncio.timeout(60), aclosing(real_store.log.follow(start, Scope())) as events:
        async for event in events:
            seen.append(event)
            if len(seen) == 2 * count:
                break
    await writing
    assert [event.position for event in seen] == list(range(1, 2 * count + 1))
    for event in seen[::23]:
        after = Cursor(start.epoch, event.position)
        assert await real_store.log.read(after, 999, Scope()) == seen[event.position :]


async def test_a_write_waits_for_its_turn_rather_than_fail(
    real_store: Store, deployment: Deployment
) -> None:
    """Read, then write: with a plain BEGIN SQLite would refuse all but the first."""
    held, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with real_store.start_work("ada", "request:1") as w:
            await w.deployments.lock(deployment.id)
            held.set()
            await go_on.wait()

    first = asyncio.create_task(slow())
    await held.wait()
    second = asyncio.create_task(add_revisions(real_store, deployment.id, 1))
    done, _ = await asyncio.wait([second], timeout=0.1)
    assert not done
    assert await real_store.reads.deployments.by_ids([deployment.id])
    go_on.set()
    await asyncio.gather(first, second)
    assert await numbers(real_store, deployment) == [1]
