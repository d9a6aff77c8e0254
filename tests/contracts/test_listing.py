"""Pages of rows: every adapter answers as the domain's own words for conditions and orders say."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cmp_to_key
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.deployments.deployment import Deployment, DeploymentStatus
from domain.errors import InvalidValue
from domain.listing import And, Compare, Condition, Listing, Not, Op, Or, Order, matches, place
from tests.conftest import AnyStore
from tests.support.builders import (
    NOON,
    a_deployment,
    a_folder,
    a_project,
    a_revision,
    a_stopped_deployment,
    a_template,
)

TAGS = ("a", "B", "é")
TIMES = tuple(NOON + timedelta(microseconds=n) for n in (-1, 0, 1))
NAMES = ("Alpha", "alpha-2", "beta", "Über", "z%_\\", "ZÜ", "")

times = st.sampled_from(TIMES)
maybe_time: st.SearchStrategy[datetime | None] = st.none() | times
maybe_text: st.SearchStrategy[str | None] = st.none() | st.sampled_from(NAMES)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(NAMES),
            "tags": st.lists(st.sampled_from(TAGS), unique=True).map(tuple),
            "desired_replicas": st.integers(0, 2),
            "created_at": times,
            "deleted_at": maybe_time,
            "active_revision_id": maybe_text,
        }
    ),
    max_size=7,
    unique_by=lambda row: row["name"],
)
orderings = ("name", "desired_replicas", "status", "created_at", "deleted_at", "active_revision_id")
orders = st.builds(Order, st.sampled_from((*orderings, "id")), st.booleans())

ORDERED = (Op.LT, Op.LTE, Op.GT, Op.GTE)


def compare(
    name: str, ops: tuple[Op, ...], values: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    return st.builds(Compare, st.just(name), st.sampled_from(ops), values)


def any_of(name: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(Compare, st.just(name), st.just(Op.IN), st.lists(values, max_size=3))


SAME = (Op.EQ, Op.NE)
compares = st.one_of(
    compare(
        "name", (*SAME, *ORDERED, Op.CONTAINS, Op.STARTS_WITH), st.sampled_from((*NAMES, "ü", "A"))
    ),
    compare("active_revision_id", (Op.CONTAINS, Op.STARTS_WITH), st.sampled_from((*NAMES, "LPH"))),
    compare("active_revision_id", (*SAME, *ORDERED), maybe_text),
    compare("desired_replicas", (*SAME, *ORDERED), st.integers(-1, 3)),
    compare("created_at", (*SAME, *ORDERED), times),
    compare("deleted_at", (*SAME, *ORDERED), maybe_time),
    compare("status", SAME, st.sampled_from(DeploymentStatus)),
    compare("tags", (Op.CONTAINS,), st.sampled_from((*TAGS, "b"))),
    any_of("name", st.sampled_from(NAMES)),
    any_of("active_revision_id", maybe_text),
    any_of("deleted_at", maybe_time),
    any_of("status", st.sampled_from(DeploymentStatus)),
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    compares,
    lambda parts: st.one_of(
        st.builds(Not, parts),
        st.builds(And, st.lists(parts, max_size=3).map(tuple)),
        st.builds(Or, st.lists(parts, max_size=3).map(tuple)),
    ),
    max_leaves=4,
)


def deployment_of(row: dict[str, Any], project: Any) -> Deployment:
    """What a row may be depends on whether it is being deleted, and on whether anything is active."""
    status = DeploymentStatus.STOPPING if row["deleted_at"] else DeploymentStatus.READY
    if not row["deleted_at"] and row["active_revision_id"] is None:
        status = DeploymentStatus.PENDING
    return a_deployment(project, status=status, **row)


def expected(values: list[Deployment], listing: Listing) -> list[Deployment]:
    sign = -1 if listing.order.descending else 1

    def before(left: Deployment, right: Deployment) -> int:
        (a, a_id), (b, b_id) = place(left, listing.order), place(right, listing.order)
        keys = ((a is not None, a or 0, a_id), (b is not None, b or 0, b_id))
        if a is not None and b is not None:
            keys = ((True, a, a_id), (True, b, b_id))
        return sign * ((keys[0] > keys[1]) - (keys[0] < keys[1]))

    found = [v for v in values if listing.where is None or matches(v, listing.where)]
    return sorted(found, key=cmp_to_key(before))


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=rows, where=st.none() | conditions, order=orders, first=st.integers(1, 3))
async def test_paging_gives_every_row_once_in_order(
    store: AnyStore,
    rows: list[dict[str, Any]],
    where: Condition | None,
    order: Order,
    first: int,
) -> None:
    project = a_project()
    values = [deployment_of(row, project) for row in rows]
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(project)
        for value in values:
            await w.deployments.add(value)
    listing = Listing(first=first, within={"project_id": project.id}, where=where, order=order)
    wanted = expected(values, listing)
    assert await all_pages(store, listing) == wanted
    assert await store.reads.deployments.count(listing) == len(wanted)


async def all_pages(store: AnyStore, listing: Listing) -> list[Deployment]:
    found: list[Deployment] = []
    while True:
        page = await store.reads.deployments.page(listing)
        assert len(page.items) <= listing.first
        found += page.items
        if not page.has_next:
            return found
        listing = replace(listing, after=place(page.items[-1], listing.order))


async def test_ties_are_told_apart_by_id(store: AnyStore) -> None:
    project = a_project()
    folders = [a_folder(project) for _ in range(5)]
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(project)
        for folder in folders:
            await w.folders.add(folder)
    ids = sorted(folder.id for folder in folders)
    listing = Listing(first=2, within={"project_id": project.id})
    first = await store.reads.folders.page(listing)
    second = await store.reads.folders.page(replace(listing, after=(NOON, ids[1])))
    assert [folder.id for folder in (*first.items, *second.items)] == ids[:4]
    assert first.has_next
    assert second.has_next


@pytest.mark.parametrize(
    "listing",
    [
        Listing(first=1, order=Order("nothing")),
        Listing(first=1, where=Compare("nothing", Op.EQ, "x")),
        Listing(first=1, within={"nothing": "x"}),
    ],
)
async def test_a_field_that_does_not_exist_is_refused(store: AnyStore, listing: Listing) -> None:
    project = a_project()
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(project)
        await w.templates.add(a_template(project))
    with pytest.raises(InvalidValue):
        await store.reads.templates.page(listing)


async def test_many_ids_are_read_at_once(store: AnyStore) -> None:
    project = a_project()
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(project)
    ids = [f"{number:032x}" for number in range(25_000)]
    assert await store.reads.projects.by_ids([*ids, project.id]) == {project.id: project}
    assert await store.reads.projects.by_ids([]) == {}


async def test_a_page_of_revisions_for_each_deployment(store: AnyStore) -> None:
    project = a_project()
    full, short, empty = (a_deployment(project) for _ in range(3))
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(project)
        for deployment in (full, short, empty):
            await w.deployments.add(deployment)
        for number in range(1, 6):
            await w.revisions.add(a_revision(full, number=number, note=f"n{number}"))
        await w.revisions.add(a_revision(short, number=1))
    ids = [full.id, short.id, empty.id]
    listing = Listing(first=2, order=Order("number", descending=True))
    pages = await store.reads.revisions.pages(ids, listing)
    assert [[r.number for r in pages[id_].items] for id_ in ids] == [[5, 4], [1], []]
    assert [pages[id_].has_next for id_ in ids] == [True, False, False]
    later = replace(listing, after=place(pages[full.id].items[-1], listing.order))
    pages = await store.reads.revisions.pages(ids, later)
    assert [[r.number for r in pages[id_].items] for id_ in ids] == [[3, 2], [1], []]
    some = replace(listing, where=Compare("number", Op.LT, 3))
    assert await store.reads.revisions.counts(ids, some) == {full.id: 2, short.id: 1, empty.id: 0}
    other = replace(listing, within={"project_id": "another"})
    assert all(not p.items for p in (await store.reads.revisions.pages(ids, other)).values())


async def test_deleted_deployments_are_listed_when_asked_for(store: AnyStore) -> None:
    project = a_project()
    live, stopped = a_deployment(project), a_stopped_deployment(project)
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(project)
        await w.deployments.add(live)
        await w.deployments.add(stopped)
    listing = Listing(first=5, within={"project_id": project.id})
    assert (await store.reads.deployments.page(listing)).items == (live,)
    everything = await store.reads.deployments.page(replace(listing, with_deleted=True))
    assert set(everything.items) == {live, stopped}
