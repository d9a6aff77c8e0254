"""Control planes at once on one database: no deadlock, and never two in one shard."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from domain.clock import utc_now
from domain.deployments.ports import SHARDS, Lease
from domain.folders.facts import FolderCreated
from infra.store import Store, open_store

TERM = timedelta(seconds=30)
TURNS = 12


@pytest.fixture
async def stores(database_url: str, tmp_path: Path) -> AsyncIterator[list[Store]]:
    """Three servers on one database."""
    async with AsyncExitStack() as stack:
        opening = (open_store(database_url, data_dir=tmp_path) for _ in range(3))
        yield [await stack.enter_async_context(store) for store in opening]


@dataclass
class Watch:
    """Who is in which shard, by the token of its lease."""

    inside: dict[int, int] = field(default_factory=dict)
    newest: dict[int, int] = field(default_factory=dict)
    entered: int = 0

    def enter(self, lease: Lease) -> None:
        assert lease.shard not in self.inside
        assert lease.token >= self.newest.get(lease.shard, 0)
        self.inside[lease.shard] = self.newest[lease.shard] = lease.token
        self.entered += 1

    def leave(self, lease: Lease) -> None:
        del self.inside[lease.shard]


async def live(store: Store, plane: str, watch: Watch, chance: Random) -> None:
    """Renews and works, now and then leaves, and tries what it held before, too."""
    held: list[Lease] = []
    for _ in range(TURNS):
        now = utc_now()
        held = [*await store.leases.renew(plane, now, now + TERM), *held[:8]]
        for lease in chance.sample(held, min(3, len(held))):
            await work(store, lease, watch)
        if chance.random() < 0.2:
            await store.leases.leave(plane)


async def work(store: Store, lease: Lease, watch: Watch) -> None:
    async with store.start_work("reconciler", "sweep") as w:
        if await w.holds(lease):
            watch.enter(lease)
            await asyncio.sleep(0)
            w.record("p", FolderCreated(folder_id="f", name="n", uri="file:///m"))
            watch.leave(lease)


async def test_two_planes_are_never_in_one_shard(stores: list[Store]) -> None:
    watch = Watch()
    async with asyncio.timeout(60):
        await asyncio.gather(
            *(
                live(stores[n % len(stores)], f"plane-{n}", watch, Random(n))
                for n in range(2 * len(stores))
            )
        )
    assert watch.entered > TURNS


async def test_planes_that_start_at_once_share_fairly(stores: list[Store]) -> None:
    for _ in range(3):
        now = utc_now()
        renewals = await asyncio.gather(
            *(s.leases.renew(f"plane-{n}", now, now + TERM) for n, s in enumerate(stores))
        )
    assert sorted(map(len, renewals)) == [21, 21, 22]
    assert len({lease.shard for leases in renewals for lease in leases}) == SHARDS


async def test_a_unit_of_work_that_hangs_keeps_nobody_from_renewing(
    postgres_url: str, tmp_path: Path
) -> None:
    """On PostgreSQL: with SQLite all writers wait for one that hangs."""
    now = utc_now()
    async with (
        open_store(postgres_url, data_dir=tmp_path) as one,
        open_store(postgres_url, data_dir=tmp_path) as other,
    ):
        lease = (await one.leases.renew("a", now, now + TERM))[5]
        async with one.start_work("reconciler", "sweep") as w, asyncio.timeout(20):
            assert await w.holds(lease)
            taken = await other.leases.renew("b", now + TERM, now + 2 * TERM)
            assert len(taken) == SHARDS - 1
            assert lease.shard not in {one.shard for one in taken}
            kept = await other.leases.renew("b", now + TERM, now + 2 * TERM)
            assert kept == taken
        assert len(await other.leases.renew("b", now + TERM, now + 2 * TERM)) == SHARDS
