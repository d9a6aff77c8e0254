"""Deployments that are made for batches, on the fake and on each database."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from domain.batches.dedicated import Dedicated
from domain.deployments.deployment import Deployment
from domain.deployments.ports import GatewayReport
from domain.listing import And, Compare, Listing, Not, Op
from domain.templates.template import BatchUse
from tests.conftest import AnyStore
from tests.support.batches import a_completed_batch, a_dedicated, a_running_batch
from tests.support.builders import NOON, a_deployment, a_project, a_template
from tests.support.memory_rules import BrokenRule

SECOND = timedelta(seconds=1)
PROJECT = a_project()


async def some(store: AnyStore, *dedicated: Dedicated) -> None:
    async with store.start_work("ada", "request:1") as w:
        for one in dedicated:
            await w.deployments.add(made_for_batches(id=one.id))
            await w.dedicated.add(one)


def made_for_batches(**said: str) -> Deployment:
    return a_deployment(PROJECT, is_dedicated=True, max_in_flight=32, **said)


def warm(**said: object) -> Dedicated:
    return a_dedicated(made_for_batches(), **said)


@pytest.fixture(autouse=True)
async def project(store: AnyStore) -> None:
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(PROJECT)


async def test_warm_ones_are_found_the_oldest_first(store: AnyStore) -> None:
    young, old = warm(), warm(created_at=NOON - SECOND)
    cold, used = warm(keep_until=NOON), warm(batch_id="b")
    other, forever = warm(digest="e" * 64), warm(keep_until=None)
    await some(store, young, old, cold, used, other, forever)
    assert await store.reads.dedicated.by_ids([old.id]) == {old.id: old}
    assert await store.reads.dedicated.warm(PROJECT.id, "d" * 64, NOON) == [old, young]
    assert list(await store.reads.dedicated.warm("other", "d" * 64, NOON)) == []


async def test_what_no_living_batch_has_is_abandoned_when_its_time_is_up(store: AnyStore) -> None:
    living, ended = a_running_batch(PROJECT), a_completed_batch(PROJECT)
    used, left = (warm(batch_id=batch.id, keep_until=None) for batch in (living, ended))
    lost = warm(batch_id="nobody", keep_until=None, created_at=NOON - SECOND)
    kept, cold = warm(keep_until=NOON + SECOND), warm(keep_until=NOON, created_at=NOON + SECOND)
    promised = warm(batch_id="other", keep_until=NOON + SECOND)
    async with store.start_work("ada", "request:1") as w:
        await w.batches.add(living)
        await w.batches.add(ended)
    await some(store, used, left, lost, kept, cold, promised)
    assert await store.reads.dedicated.abandoned(NOON) == [lost, left, cold]
    async with store.start_work("ada", "request:2") as w:
        await w.dedicated.remove(left.id)
        await w.dedicated.put(replace(lost, batch_id=None, keep_until=NOON + SECOND))
    assert await store.reads.dedicated.abandoned(NOON) == [cold]


async def test_it_is_known_when_the_next_one_has_to_go(store: AnyStore) -> None:
    assert await store.reads.dedicated.next_end(NOON) is None
    cold, forever = warm(keep_until=NOON), warm(keep_until=None)
    used = warm(batch_id="b", keep_until=NOON + SECOND)
    await some(store, cold, forever, used)
    assert await store.reads.dedicated.next_end(NOON) is None
    await some(store, warm(keep_until=NOON + 9 * SECOND), warm(keep_until=NOON + 5 * SECOND))
    assert await store.reads.dedicated.next_end(NOON) == NOON + 5 * SECOND


async def test_a_batch_has_one_deployment_of_its_own_at_most(store: AnyStore) -> None:
    await some(store, warm(batch_id="b"), warm(), warm())
    with pytest.raises((IntegrityError, BrokenRule)):
        await some(store, warm(batch_id="b"))


async def test_lists_show_deployments_made_for_batches_where_they_are_asked_for(
    store: AnyStore,
) -> None:
    usual, dedicated = a_deployment(PROJECT), made_for_batches()
    async with store.start_work("ada", "request:1") as w:
        await w.deployments.add(usual)
        await w.deployments.add(dedicated)
    reads = store.reads.deployments
    assert set(await reads.by_ids([usual.id, dedicated.id])) == {usual.id, dedicated.id}
    within = {"project_id": PROJECT.id}
    plain = Listing(first=9, within=within, where=Compare("name", Op.NE, "x"))
    assert (await reads.page(plain)).items == (usual,)
    assert (await reads.page(replace(plain, with_deleted=True))).items == (usual,)
    assert await reads.count(plain) == 1
    assert await reads.count(replace(plain, with_dedicated=True)) == 2
    asked = Compare("is_dedicated", Op.EQ, True)
    only = replace(plain, where=And((Not(Not(asked)),)))
    assert (await reads.page(only)).items == (dedicated,)
    assert await reads.count(replace(plain, where=Not(asked))) == 1


async def test_what_batches_need_of_older_nouns_is_kept(store: AnyStore) -> None:
    use = BatchUse(endpoints=("/v1/embeddings",), replicas=3, ready_timeout=60.0)
    template, dedicated = a_template(PROJECT, batch=use), made_for_batches()
    async with store.start_work("ada", "request:1") as w:
        await w.templates.add(template)
        await w.deployments.add(dedicated)
    kept = (await store.reads.templates.by_ids([template.id]))[template.id]
    assert (kept, kept.batch) == (template, use)
    found = (await store.reads.deployments.by_ids([dedicated.id]))[dedicated.id]
    assert (found.max_in_flight, found.is_dedicated) == (32, True)
    counts = {"in_flight": {"r": 3}, "batch": {"r": 2}, "held": {}, "arrived": {}}
    report = GatewayReport(gateway="g", position=1, seen_at=NOON, **counts)
    await store.gateways.report(report)
    assert await store.gateways.living(NOON) == [report]
