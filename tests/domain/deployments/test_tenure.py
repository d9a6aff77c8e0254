"""Leases: who looks after what, and who must not any more."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field

from domain.deployments.deployment import Deployment, DeploymentStatus
from domain.deployments.ports import SHARDS, Observed, Sight
from domain.deployments.reconciler.tenure import LEASE
from domain.deployments.replica import Replica
from domain.errors import StorageUnavailable
from tests.support.fake_driver import FakeDriver
from tests.support.memory_lists import MemoryDueLists
from tests.support.yard import Interrupted, Line, Yard

D = DeploymentStatus


async def some(yard: Yard, count: int = 30) -> Sequence[Deployment]:
    return [await yard.deployment() for _ in range(count)]


async def ready(yard: Yard, deployments: Sequence[Deployment]) -> int:
    statuses = [await yard.status(deployment) for deployment in deployments]
    return sum(status is D.READY for status in statuses)


async def test_a_stale_lease_applies_nothing() -> None:
    yard = Yard()
    work = Interrupted(yard.store)

    async def stopped_past_the_lease() -> None:
        yard.timer.stop(LEASE.total_seconds() + 1)
        now = yard.clock()
        await yard.store.leases.renew("two", now, now + LEASE)

    async with yard.plane("one", start_work=work) as plane:
        work.meanwhile.append(stopped_past_the_lease)
        deployment = await yard.deployment()
        await yard.timer.pass_(0)
        assert work.meanwhile == []
        assert await yard.replicas(deployment) == []
        assert plane.driver.started == []
        assert {event.actor for event in await yard.events()} == {"ada"}


async def test_a_plane_that_was_stopped_after_its_commit_does_not_act() -> None:
    yard = Yard()
    work = Interrupted(yard.store)

    async def stopped_past_the_lease() -> None:
        yard.timer.stop(LEASE.total_seconds() + 1)

    async with yard.plane("one", start_work=work, leases=Line(yard.store.leases)) as plane:
        work.meanwhile.append(stopped_past_the_lease)
        deployment = await yard.deployment()
        await yard.timer.turn(30)
        assert len(await yard.replicas(deployment)) == 1
        assert plane.driver.started == []
        await yard.timer.pass_(6)
        assert len(plane.driver.started) == 1
        assert await yard.status(deployment) is D.READY


async def test_a_plane_that_cannot_renew_stops_by_itself_and_goes_on_when_it_can() -> None:
    yard = Yard()
    line = Line(yard.store.leases)
    async with yard.plane("one", leases=line) as plane:
        line.is_cut = True
        await yard.timer.pass_(14)
        deployment = await yard.deployment()
        await yard.timer.pass_(5)
        assert await yard.replicas(deployment) == []
        assert plane.driver.started == []
        line.is_cut = False
        await yard.timer.pass_(3)
        assert await yard.status(deployment) is D.READY


async def test_what_happened_while_a_plane_could_not_act_is_found_when_it_can() -> None:
    yard = Yard()
    line = Line(yard.store.leases)
    async with yard.plane("one", leases=line) as plane:
        deployment = await yard.deployment()
        await yard.timer.pass_(1)
        [before] = await yard.replicas(deployment)
        line.is_cut = True
        await yard.timer.pass_(20)
        plane.driver.lose(before)
        await yard.timer.pass_(0)
        line.is_cut = False
        await yard.timer.pass_(10)
        [after] = await yard.replicas(deployment)
        assert after.id != before.id
        assert await yard.status(deployment) is D.READY


async def test_two_planes_share_the_deployments() -> None:
    yard = Yard()
    async with yard.plane("one") as one, yard.plane("two") as two:
        await yard.timer.pass_(10)
        deployments = await some(yard)
        await yard.timer.pass_(1)
        assert await ready(yard, deployments) == 30
        assert len(one.driver.started) + len(two.driver.started) == 30
        assert min(len(one.driver.started), len(two.driver.started)) > 5


async def test_a_plane_gives_up_the_replicas_of_what_another_takes_over() -> None:
    yard = Yard()
    async with yard.plane("one") as one:
        deployments = await some(yard)
        await yard.timer.pass_(1)
        async with yard.plane("two") as two:
            await yard.timer.pass_(11)
            assert one.driver.released
            assert set(two.driver.observed) == set(one.driver.released)
            assert two.driver.started == one.driver.stopped == []
            assert await ready(yard, deployments) == 30


async def test_a_killed_planes_share_moves_within_the_lease_and_nothing_restarts() -> None:
    yard = Yard()
    dying = Line(yard.store.leases, dies=True)
    async with yard.plane("two") as two:
        async with yard.plane("one", leases=dying) as one:
            await yard.timer.pass_(10)
            deployments = await some(yard)
            await yard.timer.pass_(1)
            mine = set(one.driver.started)
        await yard.timer.pass_(LEASE.total_seconds() + 5)
        assert mine <= set(two.driver.observed)
        for deployment in deployments:
            await yard.change(deployment.id, desired_replicas=2)
        await yard.timer.pass_(2)
        assert len(yard.host.running) == 60
        assert len(two.driver.started) + len(one.driver.started) == 60


async def test_a_plane_that_stops_leaves_its_leases_at_once() -> None:
    yard = Yard()
    async with yard.plane("one"):
        await some(yard, 3)
        await yard.timer.pass_(1)
    now = yard.clock()
    assert len(await yard.store.leases.renew("two", now, now + LEASE)) == SHARDS


async def test_a_plane_that_stops_ends_its_passes_first() -> None:
    yard = Yard()
    driver = FakeDriver(yard.host)
    made = yard.made("one", driver=driver)
    async with made.reconciler.running():
        await yard.timer.pass_(0)
        deployment = await yard.deployment()
        while not await yard.replicas(deployment):
            await yard.timer.turn()
    [replica] = await yard.replicas(deployment)
    assert driver.started == [replica.id]


@dataclass(frozen=True)
class Hiccup(MemoryDueLists):
    """Of a database that goes away right after a renewal, once."""

    near: list[str] = field(default_factory=list)

    async def running(self, shards: Collection[int]) -> Sequence[str]:
        if self.near:
            raise StorageUnavailable(where="the database", problem=self.near.pop())
        return await MemoryDueLists.running(self, shards)


async def test_what_came_while_the_database_went_away_is_adopted_when_it_is_back() -> None:
    yard = Yard()
    due = yard.store.reads.due
    assert isinstance(due, MemoryDueLists)
    hiccup = Hiccup(due.kept)
    reads = copy(yard.store.reads)
    reads.due = hiccup
    dying = Line(yard.store.leases, dies=True)
    async with yard.plane("two", reads=reads) as two:
        async with yard.plane("one", leases=dying) as one:
            await yard.timer.pass_(10)
            await some(yard)
            await yard.timer.pass_(1)
            mine = set(one.driver.started)
        hiccup.near.append("it is away")
        await yard.timer.pass_(LEASE.total_seconds() + 7)
        assert not hiccup.near
        assert mine
        assert mine <= set(two.driver.observed)


async def test_a_plane_gives_up_what_it_started_and_never_looked_at_since() -> None:
    yard = Yard()
    line = Line(yard.store.leases)
    async with yard.plane("one", leases=line, driver=FakeDriver(yard.host, slow=True)) as one:
        await some(yard, 1)
        while not one.driver.started:
            await yard.timer.turn()
        yard.timer.stop(LEASE.total_seconds() + 1)
        now = yard.clock()
        await yard.store.leases.renew("two", now, now + LEASE)
        await yard.timer.pass_(6)
        assert one.driver.released == one.driver.started


@dataclass(slots=True)
class Slow(FakeDriver):
    """It looks for replicas for as long as it is `held`."""

    held: asyncio.Event = field(default_factory=asyncio.Event)

    async def observe(self, replicas: Sequence[Replica]) -> Mapping[str, Observed]:
        await self.held.wait()
        return await FakeDriver.observe(self, replicas)


async def test_what_was_anothers_by_the_time_it_was_adopted_is_given_up() -> None:
    yard = Yard()
    driver = Slow(yard.host)
    driver.held.set()
    async with yard.plane("one", driver=driver):
        deployment = await yard.deployment()
        await yard.timer.pass_(1)
        [replica] = await yard.replicas(deployment)
        driver.held.clear()
        driver.see(replica, Sight.FAILING)
        await yard.timer.pass_(0)
        yard.timer.stop(LEASE.total_seconds() + 1)
        now = yard.clock()
        await yard.store.leases.renew("two", now, now + LEASE)
        await yard.timer.pass_(6)
        assert driver.released == [replica.id]
        driver.held.set()
        await yard.timer.pass_(0)
        assert driver.released == [replica.id, replica.id]
