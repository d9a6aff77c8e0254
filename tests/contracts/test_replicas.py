"""Rollouts, groups and replicas, on the fake and on each database."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from domain.deployments.deployment import DeploymentStatus
from domain.deployments.reason import Reason
from domain.deployments.replica import Replica, ReplicaGroup, ReplicaStatus
from domain.deployments.rollout import Rollout, RolloutKind, RolloutStatus
from domain.deployments.strategy import BlueGreen, Canary, CanaryStep
from domain.errors import NameTaken
from domain.listing import Compare, Listing, Op, Order, place
from infra.store import open_store
from tests.conftest import AnyStore
from tests.support.builders import NOON, a_revision, fresh
from tests.support.running import (
    Kept,
    a_group,
    a_replica,
    a_rollout,
    an_ended_rollout,
    an_endpoint,
    an_exited_replica,
    keep_deployment,
)

LATER = NOON + timedelta(seconds=1)


@pytest.fixture
async def kept(store: AnyStore) -> Kept:
    return await keep_deployment(store.start_work)


async def add(store: AnyStore, *values: Rollout | ReplicaGroup | Replica) -> None:
    async with store.start_work("ada", "request:1") as w:
        for value in values:
            match value:
                case Rollout():
                    await w.rollouts.add(value)
                case ReplicaGroup():
                    await w.groups.add(value)
                case Replica():
                    await w.replicas.add(value)


async def test_what_runs_comes_back_as_it_was(store: AnyStore, kept: Kept) -> None:
    other = a_revision(kept.deployment, number=2)
    bare, group = a_rollout(kept.revision), a_group(other)
    full = an_ended_rollout(
        other,
        kind=RolloutKind.ROLLBACK,
        from_revision_id=kept.revision.id,
        strategy=Canary(steps=(CanaryStep(weight=10, pause=2.5), CanaryStep(weight=50))),
        status=RolloutStatus.FAILED,
        reason=Reason.TOO_MANY_EXITS,
        message="ended 5 times",
        step=1,
        ready_at=LATER,
        promoted=True,
        progress_deadline=600.25,
        note="größer",
    )
    failing = a_group(
        other,
        weight=10,
        exits=3,
        early_exits=2,
        retry_at=LATER,
        reason=Reason.EXITED,
        message="code 1",
        log_tail=("one", "zwei ü"),
    )
    gone = an_exited_replica(
        failing,
        reason=Reason.OUT_OF_MEMORY,
        message="killed",
        endpoints=(an_endpoint(20_001), an_endpoint(20_002, model="n")),
        placement={"host": "h", "processes": [{"model": "m", "pid": 7, "started": 1.5}]},
        first_healthy_at=NOON,
        exited_at=LATER,
        exit_code=-9,
        log_tail=("a", ""),
    )
    starting = a_replica(kept.group)
    async with store.start_work("ada", "request:1") as w:
        await w.revisions.add(other)
    await add(store, bare, full, failing, gone, starting)
    reads = store.reads
    assert await reads.rollouts.by_ids([bare.id, full.id]) == {bare.id: bare, full.id: full}
    assert await reads.groups.by_ids([failing.id, group.id]) == {failing.id: failing}
    found = await reads.replicas.by_ids([gone.id, starting.id])
    assert found == {gone.id: gone, starting.id: starting}
    assert found[starting.id].placement is None
    async with store.start_work("ada", "request:2") as w:
        assert await w.rollouts.lock(full.id) == full
        assert await w.groups.get(failing.id) == failing
        assert await w.replicas.get(gone.id) == gone


async def test_what_runs_is_replaced(store: AnyStore, kept: Kept) -> None:
    rollout, replica = a_rollout(kept.revision), a_replica(kept.group)
    await add(store, rollout, replica)
    paused = replace(rollout, status=RolloutStatus.PAUSED, reason=Reason.PAUSED_BY_USER)
    healthy = replace(
        replica,
        status=ReplicaStatus.HEALTHY,
        first_healthy_at=LATER,
        endpoints=(an_endpoint(),),
        placement={"host": "h"},
    )
    weighed = replace(kept.group, weight=0, log_tail=("x",))
    async with store.start_work("ada", "request:2") as w:
        await w.rollouts.put(paused)
        await w.groups.put(weighed)
        assert await w.replicas.lock(replica.id) == replica
        await w.replicas.put(healthy)
    assert await store.reads.rollouts.by_ids([rollout.id]) == {rollout.id: paused}
    assert await store.reads.groups.of([kept.deployment.id]) == {kept.deployment.id: [weighed]}
    assert await store.reads.replicas.by_ids([replica.id]) == {replica.id: healthy}


async def test_a_deployments_reason_is_kept(store: AnyStore) -> None:
    said = {
        "status": DeploymentStatus.DEGRADED,
        "reason": Reason.NO_HEALTHY_REVISION,
        "message": "nothing serves",
        "next_retry_at": LATER,
    }
    deployment = (await keep_deployment(store.start_work, **said)).deployment
    assert await store.reads.deployments.by_ids([deployment.id]) == {deployment.id: deployment}
    better = replace(
        deployment, status=DeploymentStatus.READY, reason=None, message="", next_retry_at=None
    )
    async with store.start_work("ada", "request:2") as w:
        await w.deployments.lock(deployment.id)
        await w.deployments.put(better)
    assert await store.reads.deployments.by_ids([deployment.id]) == {deployment.id: better}


async def test_a_deployment_has_one_live_rollout(store: AnyStore, kept: Kept) -> None:
    first, ended = a_rollout(kept.revision), an_ended_rollout(kept.revision)
    await add(store, ended)
    async with store.start_work("ada", "request:1") as w:
        assert await w.live_rollout(kept.deployment.id) is None
        await w.rollouts.add(first)
        assert await w.live_rollout(kept.deployment.id) == first
    with pytest.raises(NameTaken):
        await add(store, a_rollout(kept.revision, status=RolloutStatus.PAUSED))
    next_one = a_rollout(kept.revision)
    async with store.start_work("ada", "request:1") as w:
        replaced = replace(first, status=RolloutStatus.REPLACED, finished_at=LATER)
        await w.rollouts.put(replaced)
        await w.rollouts.add(next_one)
    other = await keep_deployment(store.start_work)
    ids = [kept.deployment.id, other.deployment.id]
    assert await store.reads.rollouts.live(ids) == {kept.deployment.id: next_one}
    assert await store.reads.rollouts.live([]) == {}


async def test_a_revision_has_one_group(store: AnyStore, kept: Kept) -> None:
    with pytest.raises(NameTaken):
        await add(store, a_group(kept.revision))


async def test_the_revision_promoted_last_is_found(store: AnyStore, kept: Kept) -> None:
    one, two, three = (a_revision(kept.deployment, number=n) for n in (2, 3, 4))
    async with store.start_work("ada", "request:1") as w:
        for revision in (one, two, three):
            await w.revisions.add(revision)
        assert await w.last_promoted(kept.deployment.id, but="nothing") is None
    times = [NOON + timedelta(minutes=n) for n in range(4)]
    await add(
        store,
        an_ended_rollout(two, finished_at=times[1]),
        an_ended_rollout(one, finished_at=times[0]),
        an_ended_rollout(three, finished_at=times[2]),
        an_ended_rollout(one, finished_at=times[3], status=RolloutStatus.FAILED),
        a_rollout(kept.revision),
    )
    async with store.start_work("ada", "request:1") as w:
        found = [await w.last_promoted(kept.deployment.id, but=r.id) for r in (three, two, one)]
        assert await w.last_promoted("another", but=one.id) is None
    assert found == [two.id, three.id, three.id]


async def test_groups_come_oldest_first_by_deployment(store: AnyStore, kept: Kept) -> None:
    other, empty = await keep_deployment(store.start_work), fresh()
    revisions = [a_revision(kept.deployment, number=n) for n in (2, 3)]
    async with store.start_work("ada", "request:1") as w:
        for revision in revisions:
            await w.revisions.add(revision)
    newest = a_group(revisions[0], created_at=LATER)
    oldest = a_group(revisions[1], created_at=NOON - timedelta(1))
    await add(store, newest, oldest)
    assert await store.reads.groups.of([kept.deployment.id, empty, other.deployment.id]) == {
        kept.deployment.id: [oldest, kept.group, newest],
        empty: [],
        other.deployment.id: [other.group],
    }


async def test_replicas_that_have_not_exited_are_present(store: AnyStore, kept: Kept) -> None:
    other = await keep_deployment(store.start_work)
    staying = [s for s in ReplicaStatus if s is not ReplicaStatus.EXITED]
    present = [
        a_replica(kept.group, status=status, created_at=NOON - timedelta(n))
        for n, status in enumerate(staying)
    ]
    await add(store, *present, an_exited_replica(kept.group), an_exited_replica(other.group))
    found = await store.reads.replicas.present([kept.deployment.id, other.deployment.id])
    assert found == {kept.deployment.id: present[::-1], other.deployment.id: []}


async def test_exited_replicas_are_listed_when_asked_for(store: AnyStore, kept: Kept) -> None:
    present, exited = a_replica(kept.group), an_exited_replica(kept.group, created_at=LATER)
    await add(store, present, exited)
    ids, mine = [kept.deployment.id], {"deployment_id": kept.deployment.id}
    listing = Listing(first=9, within=mine)
    everything = replace(listing, with_deleted=True)
    replicas = store.reads.replicas
    assert (await replicas.page(listing)).items == (present,)
    assert (await replicas.page(everything)).items == (present, exited)
    assert (await replicas.count(listing), await replicas.count(everything)) == (1, 2)
    assert (await replicas.pages(ids, listing))[ids[0]].items == (present,)
    assert (await replicas.pages(ids, everything))[ids[0]].items == (present, exited)
    assert await replicas.counts(ids, listing) == {ids[0]: 1}
    assert await replicas.counts(ids, everything) == {ids[0]: 2}
    some = replace(everything, where=Compare("status", Op.EQ, ReplicaStatus.EXITED))
    assert (await replicas.page(some)).items == (exited,)


async def test_a_page_of_replicas_for_each_revision(store: AnyStore, kept: Kept) -> None:
    other = await keep_deployment(store.start_work)
    mine = [a_replica(kept.group, created_at=NOON + timedelta(n)) for n in range(3)]
    theirs = a_replica(other.group)
    await add(store, *mine, theirs, an_exited_replica(other.group))
    replicas, none = store.reads.replicas, fresh()
    ids = [kept.revision.id, other.revision.id, none]
    listing = Listing(first=2)
    pages = await replicas.pages(ids, listing, of="revision_id")
    assert [pages[id_].items for id_ in ids] == [(mine[0], mine[1]), (theirs,), ()]
    assert [pages[id_].has_next for id_ in ids] == [True, False, False]
    behind = replace(listing, after=place(mine[1], listing.order))
    pages = await replicas.pages(ids, behind, of="revision_id")
    assert pages[ids[0]].items == (mine[2],)
    counts = await replicas.counts(ids, listing, of="revision_id")
    assert counts == {ids[0]: 3, ids[1]: 1, none: 0}


async def test_a_page_of_rollouts_for_each_deployment(store: AnyStore, kept: Kept) -> None:
    other = await keep_deployment(store.start_work)
    rollouts = [
        an_ended_rollout(kept.revision, created_at=NOON + timedelta(n), strategy=BlueGreen())
        for n in range(3)
    ]
    await add(store, *rollouts)
    ids = [kept.deployment.id, other.deployment.id]
    newest_first = Listing(first=2, order=Order(descending=True))
    pages = await store.reads.rollouts.pages(ids, newest_first)
    assert [pages[id_].items for id_ in ids] == [(rollouts[2], rollouts[1]), ()]
    assert [pages[id_].has_next for id_ in ids] == [True, False]
    behind = replace(newest_first, after=place(rollouts[1], newest_first.order))
    assert (await store.reads.rollouts.pages(ids, behind))[ids[0]].items == (rollouts[0],)
    assert await store.reads.rollouts.counts(ids, newest_first) == {ids[0]: 3, ids[1]: 0}


async def test_only_the_newest_exited_replicas_are_kept(store: AnyStore, kept: Kept) -> None:
    other = await keep_deployment(store.start_work)
    times = [NOON + timedelta(seconds=n) for n in range(53)]
    exited = [an_exited_replica(kept.group, exited_at=at) for at in times]
    few = [an_exited_replica(other.group, exited_at=at) for at in times[:50]]
    staying = a_replica(kept.group, created_at=NOON - timedelta(1))
    await add(store, *exited, *few, staying)
    await store.place_ports.reserve("h", exited[0].id, ["m"], ())
    assert await store.prune_replicas() == 3
    assert await store.prune_replicas() == 0
    left = await store.reads.replicas.by_ids([r.id for r in (*exited, *few, staying)])
    assert set(left) == {replica.id for replica in (*exited[3:], *few, staying)}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda kept: a_rollout(kept.revision, finished_at=NOON),
        lambda kept: an_ended_rollout(kept.revision, finished_at=None),
        lambda kept: a_replica(kept.group, exited_at=NOON),
        lambda kept: an_exited_replica(kept.group, exited_at=None),
        lambda kept: a_replica(kept.group, group_id="nothing"),
    ],
)
async def test_a_database_refuses_what_can_not_be(
    database_url: str, tmp_path: Path, wrong: Any
) -> None:
    async with open_store(database_url, data_dir=tmp_path) as store:
        kept = await keep_deployment(store.start_work)
        with pytest.raises(IntegrityError):
            await add(store, wrong(kept))


async def test_a_deployment_has_replicas_until_the_last_has_exited(
    store: AnyStore, kept: Kept
) -> None:
    async def has_replicas() -> bool:
        async with store.start_work("ada", "request:1") as w:
            return await w.has_replicas(kept.deployment.id)

    assert not await has_replicas()
    replica = a_replica(kept.group)
    await add(store, replica, an_exited_replica(kept.group))
    assert await has_replicas()
    async with store.start_work("ada", "request:1") as w:
        await w.replicas.put(replace(replica, status=ReplicaStatus.EXITED, exited_at=NOON))
    assert not await has_replicas()
