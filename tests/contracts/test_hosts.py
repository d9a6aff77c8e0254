"""The process driver is for one host, on the fake and on each database."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.deployments.replica import ReplicaStatus
from domain.errors import HostRefused
from tests.conftest import AnyStore
from tests.support.builders import NOON
from tests.support.running import a_replica, keep_deployment, keep_replica

TERM = timedelta(seconds=10)


async def claim(store: AnyStore, host: str, plane: str, seconds: int = 0) -> None:
    now = NOON + timedelta(seconds=seconds)
    await store.claim_host(host, plane, now, now + TERM)


async def test_planes_of_one_host_share_a_database(store: AnyStore) -> None:
    await claim(store, "h", "a")
    await claim(store, "h", "b")
    await claim(store, "h", "a")
    assert len(await store.leases.renew("a", NOON, NOON + TERM)) == 32


async def test_another_hosts_plane_is_refused_while_one_lives(store: AnyStore) -> None:
    await claim(store, "h", "a")
    await store.leases.renew("a", NOON + TERM / 2, NOON + 2 * TERM)
    with pytest.raises(HostRefused, match="run on host h;"):
        await claim(store, "i", "b", seconds=19)
    await claim(store, "i", "b", seconds=20)
    with pytest.raises(HostRefused):
        await claim(store, "h", "a", seconds=21)


async def test_a_plane_that_left_makes_room(store: AnyStore) -> None:
    await claim(store, "h", "a")
    await store.leases.leave("a")
    await claim(store, "i", "b")


async def test_a_plane_without_processes_refuses_nobody(store: AnyStore) -> None:
    await store.leases.renew("somewhere", NOON, NOON + TERM)
    await claim(store, "h", "a")


@pytest.mark.parametrize("status", [s for s in ReplicaStatus if s is not ReplicaStatus.EXITED])
async def test_a_host_is_refused_while_replicas_are_left_on_another(
    store: AnyStore, status: ReplicaStatus
) -> None:
    kept = await keep_deployment(store.start_work)
    placed = a_replica(kept.group, status=status, placement={"host": "h", "processes": []})
    await keep_replica(store.start_work, placed)
    with pytest.raises(HostRefused) as refused:
        await claim(store, "i", "b")
    assert (refused.value.other, refused.value.host) == ("h", "i")
    await claim(store, "h", "a")
    await store.leases.leave("a")
    async with store.start_work("reconciler", "sweep") as w:
        await w.replicas.put(replace(placed, status=ReplicaStatus.EXITED, exited_at=NOON))
    await claim(store, "i", "b")


async def test_a_replica_that_may_be_starting_on_another_host_counts(store: AnyStore) -> None:
    """Its ports are reserved; where it runs is not yet told."""
    kept = await keep_deployment(store.start_work)
    starting = await keep_replica(store.start_work, a_replica(kept.group))
    await claim(store, "i", "b")
    await store.leases.leave("b")
    await store.place_ports.reserve("h", starting.id, ["m"], ())
    with pytest.raises(HostRefused):
        await claim(store, "i", "b")
