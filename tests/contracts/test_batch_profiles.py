"""Profiles and external endpoints, on the fake and on each database."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from domain.batches.batch import Retry
from domain.batches.profile import BatchProfile, Quotas, Scheduling
from domain.errors import NameTaken
from domain.listing import Listing
from tests.conftest import AnyStore
from tests.support.batches import a_profile, an_external_endpoint
from tests.support.builders import a_project
from tests.support.memory_rules import BrokenRule

PROJECT, OTHER = a_project(), a_project()


async def projects(store: AnyStore) -> None:
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(PROJECT)
        await w.projects.add(OTHER)


async def add(store: AnyStore, *profiles: BatchProfile) -> None:
    async with store.start_work("ada", "request:1") as w:
        for profile in profiles:
            await w.batch_profiles.add(profile)


async def test_a_profile_comes_back_as_it_was(store: AnyStore) -> None:
    await projects(store)
    scheduling = Scheduling(
        max_window=timedelta(days=2).total_seconds(), priority=3, retry=Retry(attempts=1)
    )
    quotas = Quotas(max_requests=10, max_bytes=2**40, max_active=0)
    full = a_profile(PROJECT, name="night", scheduling=scheduling, quotas=quotas)
    await add(store, full, a_profile(OTHER, name="night"))
    assert await store.reads.batch_profiles.by_ids([full.id]) == {full.id: full}
    assert await store.reads.batch_profiles.named(PROJECT.id, "night") == full
    assert await store.reads.batch_profiles.named(PROJECT.id, "day") is None
    assert await store.reads.batch_profiles.count(Listing(first=9)) == 2
    with pytest.raises(NameTaken):
        await add(store, a_profile(PROJECT, name="night"))


async def test_a_project_has_one_default_profile_at_most(store: AnyStore) -> None:
    await projects(store)
    first, second = a_profile(PROJECT, is_default=True), a_profile(PROJECT)
    await add(store, first, second, a_profile(OTHER, is_default=True))
    assert await store.reads.batch_profiles.default(PROJECT.id) == first
    with pytest.raises((IntegrityError, BrokenRule)):
        await add(store, a_profile(PROJECT, is_default=True))
    async with store.start_work("ada", "request:2") as w:
        await w.batch_profiles.put(replace(first, is_default=False))
        await w.batch_profiles.put(replace(second, is_default=True))
    now = await store.reads.batch_profiles.default(PROJECT.id)
    assert now == replace(second, is_default=True)
    async with store.start_work("ada", "request:3") as w:
        await w.batch_profiles.remove(second.id)
    assert await store.reads.batch_profiles.default(PROJECT.id) is None


async def test_an_external_endpoint_is_found_by_its_name_and_its_models(store: AnyStore) -> None:
    await projects(store)
    b = an_external_endpoint(PROJECT, name="b", models=("llama", "qwen"), api_key_secret="key")
    a = an_external_endpoint(PROJECT, name="a", models=("llama-2", "llama"))
    none = an_external_endpoint(PROJECT, name="c", models=())
    async with store.start_work("ada", "request:1") as w:
        for endpoint in (b, a, none, an_external_endpoint(OTHER, name="b")):
            await w.external_endpoints.add(endpoint)
    reads = store.reads.external_endpoints
    assert await reads.by_ids([b.id]) == {b.id: b}
    assert await reads.named(PROJECT.id, "b") == b
    assert await reads.named(PROJECT.id, "d") is None
    assert await reads.serving(PROJECT.id, "llama") == [a, b]
    assert await reads.serving(PROJECT.id, "qwen") == [b]
    assert list(await reads.serving(PROJECT.id, "lla")) == []
    with pytest.raises(NameTaken):
        async with store.start_work("ada", "request:2") as w:
            await w.external_endpoints.add(an_external_endpoint(PROJECT, name="b"))
