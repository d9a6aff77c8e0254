"""Who looks after which shard: fair parts, takeovers and fencing, on the fake and on each database."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.deployments.ports import SHARDS, Lease
from tests.conftest import AnyStore
from tests.support.builders import NOON

TERM = timedelta(seconds=10)
ALL = set(range(SHARDS))


async def renew(store: AnyStore, plane: str, now: datetime = NOON) -> Sequence[Lease]:
    return await store.leases.renew(plane, now, now + TERM)


def shards(leases: Sequence[Lease]) -> set[int]:
    assert len({lease.shard for lease in leases}) == len(leases)
    return {lease.shard for lease in leases}


async def holds(store: AnyStore, lease: Lease) -> bool:
    async with store.start_work("reconciler", "sweep") as w:
        return await w.holds(lease)


async def test_the_first_plane_has_all_shards_and_keeps_them(store: AnyStore) -> None:
    leases = await renew(store, "a")
    assert shards(leases) == ALL
    assert await renew(store, "a", NOON + TERM / 2) == leases
    assert await holds(store, leases[7])


async def test_two_planes_have_a_half_each_after_two_renewals(store: AnyStore) -> None:
    first = await renew(store, "a")
    assert await renew(store, "b") == []
    a, b = await renew(store, "a"), await renew(store, "b")
    assert (len(a), len(b)) == (SHARDS // 2, SHARDS // 2)
    assert shards(a) | shards(b) == ALL
    assert set(a) <= set(first)
    tokens = {lease.shard: lease.token for lease in first}
    assert all(lease.token > tokens[lease.shard] for lease in b)
    assert await renew(store, "a") == a
    assert await renew(store, "b") == b


async def test_what_was_given_back_is_held_no_longer(store: AnyStore) -> None:
    first = await renew(store, "a")
    await renew(store, "b")
    kept = await renew(store, "a")
    given = [lease for lease in first if lease not in kept]
    assert len(given) == SHARDS // 2
    assert not any([await holds(store, lease) for lease in given])
    assert all([await holds(store, lease) for lease in kept])


async def test_a_plane_that_is_gone_loses_its_shards_when_they_run_out(store: AnyStore) -> None:
    for plane in ("a", "b", "a"):
        await renew(store, plane)
    dead, living = await renew(store, "b"), await renew(store, "a", NOON + TERM / 2)
    assert len(living) == SHARDS // 2
    almost = NOON + TERM - timedelta(microseconds=1)
    assert await renew(store, "a", almost) == living
    assert await holds(store, dead[0])
    taken = await renew(store, "a", NOON + TERM)
    assert shards(taken) == ALL
    assert not any([await holds(store, lease) for lease in dead])
    assert set(living) <= set(taken)


async def test_a_plane_that_leaves_frees_its_shards_at_once(store: AnyStore) -> None:
    left = await renew(store, "a")
    await store.leases.leave("a")
    await store.leases.leave("a")
    assert not await holds(store, left[0])
    taken = await renew(store, "b")
    assert shards(taken) == ALL
    assert {lease.token for lease in taken}.isdisjoint({lease.token for lease in left})


async def test_a_plane_that_is_back_goes_on_with_its_leases(store: AnyStore) -> None:
    """Started anew under its id, or asleep for longer than its leases last, if nobody took them."""
    leases = await renew(store, "a")
    assert await renew(store, "a", NOON + 5 * TERM) == leases


async def test_a_plane_that_slept_too_long_finds_its_leases_taken(store: AnyStore) -> None:
    slept = await renew(store, "a")
    later = NOON + 2 * TERM
    assert shards(await renew(store, "b", later)) == ALL
    assert await renew(store, "a", later) == []
    assert not await holds(store, slept[0])
    await renew(store, "b", later)
    back = await renew(store, "a", later)
    assert len(back) == SHARDS // 2
    assert not set(back) & set(slept)


async def test_a_lease_that_nobody_was_given_is_not_held(store: AnyStore) -> None:
    assert not await holds(store, Lease(shard=0, token=0))
    (lease, *_) = await renew(store, "a")
    assert not await holds(store, Lease(lease.shard, lease.token + 1))
    assert not await holds(store, Lease(lease.shard, lease.token - 1))


async def test_what_a_unit_of_work_holds_is_not_taken_before_it_ends(store: AnyStore) -> None:
    lease = (await renew(store, "a"))[9]
    async with store.start_work("reconciler", "sweep") as w:
        assert await w.holds(lease)
        taking = asyncio.create_task(renew(store, "b", NOON + TERM))
        await asyncio.wait([taking], timeout=0.2)
        assert not taking.done() or lease.shard not in shards(await taking)
    await taking
    taken = {one.shard: one.token for one in await renew(store, "b", NOON + TERM)}
    assert set(taken) == ALL
    assert taken[lease.shard] > lease.token


async def test_many_planes_at_once_never_hold_the_same_shard(store: AnyStore) -> None:
    planes = [f"plane-{n}" for n in range(8)]
    for turn in range(4):
        now = NOON + turn * TERM / 4
        renewals = await asyncio.gather(*(renew(store, plane, now) for plane in planes))
    held = [lease for leases in renewals for lease in leases]
    assert sorted(lease.shard for lease in held) == sorted(ALL)
    assert {len(leases) for leases in renewals} == {SHARDS // len(planes)}
    assert all([await holds(store, lease) for lease in held])
