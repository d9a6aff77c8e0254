"""Ports reserved for replicas, on the fake and on each database."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.deployments.replica import Replica, ReplicaStatus
from domain.errors import PortsExhausted
from infra.store import open_store
from tests.conftest import AnyStore
from tests.support.builders import NOON
from tests.support.clock import TestClock
from tests.support.memory import MemoryStore
from tests.support.running import Kept, a_replica, keep_deployment, keep_replica

FOUR = range(20_000, 20_004)


@pytest.fixture
async def few(store_url: str | None, tmp_path: Path, clock: TestClock) -> AsyncIterator[AnyStore]:
    """A store with four ports."""
    if store_url is None:
        yield MemoryStore(clock=clock, replica_ports=FOUR)
    else:
        async with open_store(
            store_url, data_dir=tmp_path, clock=clock, replica_ports=FOUR
        ) as opened:
            yield opened


async def replicas(store: AnyStore, count: int) -> list[Replica]:
    kept: Kept = await keep_deployment(store.start_work)
    return [await keep_replica(store.start_work, a_replica(kept.group)) for _ in range(count)]


async def exit_(store: AnyStore, replica: Replica) -> None:
    async with store.start_work("reconciler", "sweep") as w:
        await w.replicas.put(replace(replica, status=ReplicaStatus.EXITED, exited_at=NOON))


async def reserve(
    store: AnyStore, replica: Replica, *models: str, avoid: tuple[int, ...] = (), host: str = "h"
) -> dict[str, int]:
    return dict(await store.place_ports.reserve(host, replica.id, models, avoid))


async def test_each_model_has_a_port_and_keeps_it(few: AnyStore) -> None:
    (replica,) = await replicas(few, 1)
    ports = await reserve(few, replica, "m", "n")
    assert list(ports) == ["m", "n"]
    assert len(set(ports.values())) == 2
    assert set(ports.values()) <= set(FOUR)
    assert await reserve(few, replica, "m", "n") == ports
    assert await reserve(few, replica, "n") == {"n": ports["n"]}
    more = await reserve(few, replica, "n", "o", "m")
    assert (more["m"], more["n"]) == (ports["m"], ports["n"])
    assert more["o"] not in ports.values()
    assert await reserve(few, replica) == {}


async def test_a_port_to_avoid_is_given_up_for_another(few: AnyStore) -> None:
    one, two = await replicas(few, 2)
    ports = await reserve(few, one, "m", "n")
    others = await reserve(few, one, "m", "n", avoid=(ports["m"],))
    assert others["n"] == ports["n"]
    assert others["m"] not in ports.values()
    freed = await reserve(few, two, "m", "n")
    assert ports["m"] in freed.values()
    assert not set(freed.values()) & set(others.values())


async def test_ports_to_avoid_are_not_given_out(few: AnyStore) -> None:
    (replica,) = await replicas(few, 1)
    avoid = (20_000, 20_001, 20_003)
    assert await reserve(few, replica, "m", avoid=avoid) == {"m": 20_002}
    with pytest.raises(PortsExhausted):
        await reserve(few, replica, "m", avoid=tuple(FOUR))
    assert await reserve(few, replica, "m") == {"m": 20_002}


async def test_each_host_has_its_own_ports(few: AnyStore) -> None:
    one, two = await replicas(few, 2)
    models = ("a", "b", "c", "d")
    assert set((await reserve(few, one, *models)).values()) == set(FOUR)
    assert set((await reserve(few, two, *models, host="other")).values()) == set(FOUR)


async def test_where_no_port_is_left_nothing_is_reserved(few: AnyStore) -> None:
    one, two = await replicas(few, 2)
    await reserve(few, one, "a", "b", "c")
    with pytest.raises(PortsExhausted, match="20000–20003"):
        await reserve(few, two, "a", "b")
    assert len(await reserve(few, one, "a", "b", "c", "d")) == 4
    with pytest.raises(PortsExhausted):
        await reserve(few, two, "a")


async def test_the_ports_of_an_exited_replica_are_free_but_used_last(few: AnyStore) -> None:
    old, young, youngest = await replicas(few, 3)
    freed = set((await reserve(few, old, "m", "n")).values())
    await exit_(few, old)
    fresh = set((await reserve(few, young, "m", "n")).values())
    assert fresh == set(FOUR) - freed
    again = set((await reserve(few, youngest, "m", "n")).values())
    assert again == freed


async def test_32_at_once_get_ports_of_their_own(store: AnyStore) -> None:
    many = await replicas(store, 32)
    found = await asyncio.gather(*(reserve(store, replica, "m", "n") for replica in many))
    ports = [port for each in found for port in each.values()]
    assert len(set(ports)) == len(ports) == 64
    again = await asyncio.gather(*(reserve(store, replica, "m", "n") for replica in many))
    assert again == found
