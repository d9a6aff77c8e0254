"""The table follows the event log, whatever happens to it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from domain.deployments.replica import Replica, ReplicaStatus
from domain.errors import StorageUnavailable
from domain.folders.facts import FolderDeleted
from domain.gateway.ports import NothingSleeps
from domain.work import Reads, ReplicaLists
from infra.http.gateway.following import Following
from infra.http.gateway.table import Table
from tests.support.memory import MemoryStore
from tests.support.serving import a_served
from tests.support.watching import WAIT


@dataclass
class Loads:
    """The replicas' reads, which note what is loaded, fail when told to, and let a test act before."""

    kept: ReplicaLists
    asked: list[set[str]] = field(default_factory=list)
    problems: list[Exception] = field(default_factory=list)
    before: list[Callable[[], Any]] = field(default_factory=list)

    async def present(self, deployment_ids: Any) -> Mapping[str, Sequence[Replica]]:
        self.asked.append(set(deployment_ids))
        if self.problems:
            raise self.problems.pop(0)
        found = await self.kept.present(deployment_ids)
        if self.before:
            await self.before.pop(0)()
        return found


@dataclass
class Watched:
    store: MemoryStore
    loads: Loads
    table: Table
    applied: list[tuple[int, bool]] = field(default_factory=list)

    async def reaches_head(self) -> None:
        head = await self.store.log.head()
        async with asyncio.timeout(WAIT):
            while not self.table.is_loaded or self.table.position < head.position:
                await self.table.moved.wait()

    def targets(self, name: str) -> list[str]:
        route = self.table.named(self.store.default.id, name)
        return [] if route is None else [target.replica_id for target in route.targets]


@pytest.fixture
def watched() -> Watched:
    store, table = MemoryStore(), Table()
    loads = Loads(store.reads.replicas)
    return Watched(store, loads, table)


async def follow(watched: Watched) -> "asyncio.Task[None]":
    reads: Any = Spied(watched.store.reads, watched.loads)
    following = Following(
        reads=reads,
        log=watched.store.log,
        sleepers=NothingSleeps(),
        table=watched.table,
        applied=lambda pressing: watched.applied.append((watched.table.position, pressing)),
    )
    return asyncio.create_task(following.run())


class Spied:
    def __init__(self, reads: Reads, replicas: Loads) -> None:
        self.deployments, self.rollouts, self.groups = (
            reads.deployments,
            reads.rollouts,
            reads.groups,
        )
        self.replicas = replicas


async def ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait({task})


async def test_what_is_there_is_loaded_and_what_changes_is_loaded_again(watched: Watched) -> None:
    chat = await a_served(watched.store, "chat", [1, 2])
    await a_served(watched.store, "other", [3])
    task = await follow(watched)
    await watched.reaches_head()
    assert sorted(watched.targets("chat")) == sorted(chat.ids)
    watched.loads.asked.clear()
    await chat.becomes(chat.replicas[0], ReplicaStatus.DRAINING)
    await watched.reaches_head()
    assert watched.targets("chat") == chat.ids[1:]
    assert watched.loads.asked == [{chat.deployment.id}]
    assert watched.applied[-1][1]
    await ended(task)


async def test_a_change_while_it_is_loaded_is_not_missed(watched: Watched) -> None:
    chat = await a_served(watched.store, "chat", [1, 2])

    async def drain() -> None:
        await chat.becomes(chat.replicas[0], ReplicaStatus.DRAINING)

    watched.loads.before = [drain]
    task = await follow(watched)
    await watched.reaches_head()  # that of before the change, or it
    await watched.reaches_head()
    assert watched.targets("chat") == chat.ids[1:]
    await ended(task)


async def test_many_events_of_a_deployment_are_one_load(watched: Watched) -> None:
    chat = await a_served(watched.store, "chat", [1])
    task = await follow(watched)
    await watched.reaches_head()
    loads = len(watched.loads.asked)

    async def more() -> None:
        for port in range(20):
            await chat.revision(port + 2, [port])

    watched.loads.before = [more]
    await chat.becomes(chat.replicas[0], ReplicaStatus.UNHEALTHY)
    await watched.reaches_head()
    await asyncio.sleep(0)
    await watched.reaches_head()
    assert len(watched.targets("chat")) == 20
    assert len(watched.loads.asked) == loads + 2
    await ended(task)


async def test_events_of_other_things_load_nothing_and_still_count(watched: Watched) -> None:
    task = await follow(watched)
    await watched.reaches_head()
    loads = len(watched.loads.asked)
    async with watched.store.start_work("ada", "test") as work:
        work.record(watched.store.default.id, FolderDeleted(folder_id="f", name="f"))
    await watched.reaches_head()
    assert len(watched.loads.asked) == loads
    assert not watched.applied[-1][1]
    await ended(task)


async def test_a_position_is_not_claimed_before_its_load_succeeds(watched: Watched) -> None:
    chat = await a_served(watched.store, "chat", [1])
    task = await follow(watched)
    await watched.reaches_head()
    before = watched.table.position
    watched.loads.problems = [StorageUnavailable(where="db", problem="gone"), RuntimeError("odd")]
    await chat.becomes(chat.replicas[0], ReplicaStatus.DRAINING)
    await watched.reaches_head()
    assert watched.targets("chat") == []
    assert not watched.loads.problems
    positions = [position for position, _ in watched.applied]
    assert positions == sorted(positions)
    assert positions[-1] > before
    await ended(task)


async def test_another_log_is_followed_from_its_head(watched: Watched) -> None:
    chat = await a_served(watched.store, "chat", [1])
    task = await follow(watched)
    await watched.reaches_head()
    await watched.store.renew_epoch()
    await chat.becomes(chat.replicas[0], ReplicaStatus.DRAINING)
    await watched.reaches_head()
    assert watched.targets("chat") == []
    await ended(task)
