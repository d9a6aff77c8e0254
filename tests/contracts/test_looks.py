"""Which deployments are due for a look, on the fake and on each database."""

from datetime import datetime, timedelta

import pytest

from domain.deployments.ports import SHARDS
from domain.deployments.shards import shard_of
from domain.errors import NotFound
from domain.work import Due
from tests.conftest import AnyStore
from tests.support.builders import NOON, a_deployment, a_project

ALL = range(SHARDS)
SECOND = timedelta(seconds=1)


async def some_deployments(store: AnyStore, count: int) -> list[str]:
    project = a_project()
    deployments = [a_deployment(project) for _ in range(count)]
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(project)
        for deployment in deployments:
            await w.deployments.add(deployment)
    return [deployment.id for deployment in deployments]


async def ask(store: AnyStore, id: str, at: datetime | None) -> None:
    async with store.start_work("ada", "request:1") as w:
        await w.look(id, at)


async def due(store: AnyStore, now: datetime = NOON, limit: int = 99) -> list[str]:
    return [one.deployment_id for one in await store.reads.due.due(ALL, now, limit)]


async def test_a_new_deployment_waits_to_be_asked(store: AnyStore) -> None:
    (id_,) = await some_deployments(store, 1)
    assert await due(store, NOON + timedelta(days=9_000)) == []
    looks = await store.reads.due.of([id_, "nothing"])
    assert looks == {id_: Due(deployment_id=id_, shard=shard_of(id_), asked=0)}


async def test_a_deployment_is_due_when_its_time_has_come(store: AnyStore) -> None:
    (id_,) = await some_deployments(store, 1)
    await ask(store, id_, NOON)
    assert await due(store, NOON - SECOND) == []
    assert await due(store, NOON) == [id_]
    await ask(store, id_, NOON + SECOND)
    assert await due(store, NOON) == []
    await ask(store, id_, None)
    assert await due(store, NOON + SECOND) == []


async def test_the_longest_waiting_come_first(store: AnyStore) -> None:
    ids = await some_deployments(store, 4)
    for minutes, id_ in zip((2, 4, 1, 3), ids, strict=True):
        await ask(store, id_, NOON - timedelta(minutes=minutes))
    wanted = [ids[1], ids[3], ids[0], ids[2]]
    assert await due(store) == wanted
    assert await due(store, limit=2) == wanted[:2]


async def test_only_the_shards_asked_for_are_searched(store: AnyStore) -> None:
    ids = await some_deployments(store, 5)
    for id_ in ids:
        await ask(store, id_, NOON)
    mine = {shard_of(ids[0]), shard_of(ids[1])}
    found = await store.reads.due.due(mine, NOON, 99)
    assert {one.deployment_id for one in found} == {id_ for id_ in ids if shard_of(id_) in mine}
    assert {one.shard for one in found} == mine
    assert await store.reads.due.due([], NOON, 99) == []


async def test_a_look_is_postponed(store: AnyStore) -> None:
    one, two, three = await some_deployments(store, 3)
    for id_ in (one, two, three):
        await ask(store, id_, NOON)
    looks = await store.reads.due.of([one, two])
    await store.reads.due.postpone([(looks[one], None), (looks[two], NOON + SECOND)])
    await store.reads.due.postpone([])
    assert await due(store) == [three]
    assert await due(store, NOON + SECOND) == [three, two]
    assert await store.reads.due.of([one, two]) == looks


async def test_who_asked_meanwhile_is_not_postponed(store: AnyStore) -> None:
    (id_,) = await some_deployments(store, 1)
    await ask(store, id_, NOON)
    (seen,) = await store.reads.due.due(ALL, NOON, 9)
    await ask(store, id_, NOON)
    await store.reads.due.postpone([(seen, NOON + SECOND)])
    assert await due(store) == [id_]
    (again,) = await store.reads.due.due(ALL, NOON, 9)
    assert again.asked == seen.asked + 1
    await store.reads.due.postpone([(again, None)])
    assert await due(store) == []


async def test_asking_is_undone_with_its_unit_of_work(store: AnyStore) -> None:
    (id_,) = await some_deployments(store, 1)

    async def fail() -> None:
        async with store.start_work("ada", "request:1") as w:
            await w.look(id_, NOON)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await due(store) == []


async def test_nobody_looks_at_what_is_not_there(store: AnyStore) -> None:
    with pytest.raises(NotFound):
        await ask(store, "nothing", NOON)
