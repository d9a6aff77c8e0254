"""The event log: both or neither, cursors that never skip, and following without a gap."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from domain.access.facts import KeyCreated, ProjectCreated
from domain.deployments.deployment import DeploymentStatus
from domain.deployments.facts import DeploymentStatusChanged, DeploymentUpdated
from domain.errors import CursorExpired, CursorUnknown, InvalidValue, NameTaken
from domain.events import FACTS, Cursor, Event, Fact, Scope, SubjectKind
from domain.folders.facts import FolderCreated
from tests.conftest import AnyStore
from tests.support.builders import a_folder, a_project
from tests.support.clock import TestClock

ANY = Scope()


def a_fact(number: int = 0) -> FolderCreated:
    return FolderCreated(folder_id=f"f{number}", name=f"n{number}", uri="file:///m")


async def commit(store: AnyStore, *facts: Fact, project_id: str | None = "p") -> None:
    async with store.start_work("ada", "request:7") as w:
        for fact in facts:
            w.record(project_id, fact)


async def take(events: AsyncIterator[Event], count: int) -> list[Event]:
    async with asyncio.timeout(20):
        return [await anext(events) for _ in range(count)]


def positions(events: Sequence[Event]) -> list[int]:
    return [event.position for event in events]


async def test_an_empty_log_has_a_head(store: AnyStore) -> None:
    head = await store.log.head()
    assert head.position == 0
    assert await store.log.read(None, 10, ANY) == []
    assert await store.log.read(head, 10, ANY) == []


async def test_facts_come_back_as_events(store: AnyStore, clock: TestClock) -> None:
    before = clock.now
    updated = DeploymentUpdated(
        deployment_id="d", name="n", tags=("a", "ü"), desired_replicas=2, changed=("tags",)
    )
    changed = DeploymentStatusChanged(
        deployment_id="d",
        status_before=DeploymentStatus.PENDING,
        status_after=DeploymentStatus.DEPLOYING,
    )
    await commit(store, updated, changed)
    await commit(store, KeyCreated(key_id="k", name="ci"), project_id=None)
    one, two, three = await store.log.read(None, 10, ANY)
    assert positions([one, two, three]) == [1, 2, 3]
    assert (one.fact, two.fact) == (updated, changed)
    assert (one.project_id, one.subject_kind, one.subject_id) == ("p", SubjectKind.DEPLOYMENT, "d")
    assert (one.actor, one.cause) == ("ada", "request:7")
    assert before < one.at <= two.at < three.at <= clock.now
    assert (three.project_id, three.subject_kind) == (None, SubjectKind.KEY)
    assert (await store.log.head()).position == 3


@pytest.mark.parametrize("name", FACTS)
async def test_every_kind_of_fact_comes_back_as_it_was(store: AnyStore, name: str) -> None:
    """Enums as members, tuples as tuples; with all that may be None, and without."""
    kinds = get_type_hints(FACTS[name])
    full = FACTS[name](**{field: a_value(kind) for field, kind in kinds.items()})
    bare = FACTS[name](**{field: least(kind) for field, kind in kinds.items()})
    await commit(store, full, bare)
    kept = [event.fact for event in await store.log.read(None, 9, ANY)]
    assert kept == [full, bare]
    assert list(map(repr, kept)) == [repr(full), repr(bare)]


def a_value(kind: Any) -> Any:
    """One of the kind, not None."""
    parts = [part for part in get_args(kind) if part is not NoneType]
    if isinstance(kind, UnionType):
        return a_value(parts[0])
    if get_origin(kind) is tuple:
        return (a_value(parts[0]), a_value(parts[0]))
    if issubclass(kind, StrEnum):
        return list(kind)[-1]
    return {str: "ü", int: 3, float: 0.1, bool: True}[kind]


def least(kind: Any) -> Any:
    """None where that is allowed, or nothing of the kind."""
    if isinstance(kind, UnionType):
        return None
    if get_origin(kind) is tuple:
        return ()
    if issubclass(kind, StrEnum):
        return next(iter(kind))
    return kind()


async def test_rows_and_events_commit_together_or_not_at_all(store: AnyStore) -> None:
    project = a_project()

    async def fail(error: type[Exception]) -> None:
        async with store.start_work("ada", "request:1") as w:
            await w.projects.add(project)
            name = "a\0" if error is InvalidValue else project.name
            w.record(project.id, ProjectCreated(project_id=project.id, name=name))
            if error is InvalidValue:
                return
            if error is NameTaken:
                await w.projects.add(a_project(name="default"))
            raise error

    for error in (ZeroDivisionError, NameTaken, InvalidValue):
        with pytest.raises(error):
            await fail(error)
    assert await store.reads.projects.by_ids([project.id]) == {}
    assert (await store.log.head()).position == 0
    async with store.start_work("ada", "request:1") as w:
        await w.projects.add(project)
        w.record(project.id, ProjectCreated(project_id=project.id, name=project.name))
    assert await store.reads.projects.by_ids([project.id]) == {project.id: project}
    assert positions(await store.log.read(None, 9, ANY)) == [1]


async def test_reading_goes_on_behind_any_cursor(store: AnyStore) -> None:
    await commit(store, *(a_fact(n) for n in range(5)))
    epoch = (await store.log.head()).epoch
    for position in range(6):
        after = Cursor(epoch, position)
        assert positions(await store.log.read(after, 2, ANY)) == [1, 2, 3, 4, 5][position:][:2]
    event = (await store.log.read(None, 1, ANY))[0]
    assert event.cursor == Cursor(epoch, 1)


async def test_a_scope_is_all_that_is_read(store: AnyStore) -> None:
    await commit(store, a_fact(1), a_fact(2))
    await commit(store, a_fact(1), project_id="q")
    await commit(store, KeyCreated(key_id="f1", name="n"), project_id=None)
    scopes = {
        Scope(project_id="p"): [1, 2],
        Scope(project_id="q"): [3],
        Scope(subject=(SubjectKind.FOLDER, "f1")): [1, 3],
        Scope(project_id="p", subject=(SubjectKind.FOLDER, "f1")): [1],
        Scope(types=frozenset({"KeyCreated", "KeyRevoked"})): [4],
        Scope(types=frozenset()): [],
        ANY: [1, 2, 3, 4],
    }
    start = Cursor((await store.log.head()).epoch, 0)
    for scope, wanted in scopes.items():
        assert positions(await store.log.read(None, 9, scope)) == wanted
        async with aclosing(store.log.follow(start, scope)) as events:
            assert positions(await take(events, len(wanted))) == wanted


@pytest.mark.parametrize("place", ["other epoch", "beyond the head", "negative", "huge"])
async def test_a_cursor_of_no_place_in_the_log_is_unknown(store: AnyStore, place: str) -> None:
    await commit(store, a_fact())
    head = await store.log.head()
    cursor = {
        "other epoch": Cursor("feed", 1),
        "beyond the head": Cursor(head.epoch, 2),
        "negative": Cursor(head.epoch, -1),
        "huge": Cursor(head.epoch, 2**70),
    }[place]
    with pytest.raises(CursorUnknown):
        await store.log.read(cursor, 1, ANY)
    with pytest.raises(CursorUnknown):
        await anext(store.log.follow(cursor, ANY))


async def test_a_cursor_whose_events_were_swept_is_expired(
    store: AnyStore, clock: TestClock
) -> None:
    await commit(store, a_fact(1), a_fact(2))
    clock.advance(timedelta(days=91))
    young = clock.now
    await commit(store, a_fact(3))
    head = await store.log.head()
    assert await store.sweep(young) == 2
    assert await store.sweep(young) == 0
    for position in (0, 1):
        cursor = Cursor(head.epoch, position)
        with pytest.raises(CursorExpired) as expired:
            await store.log.read(cursor, 9, ANY)
        oldest = Cursor.decode(expired.value.oldest)
        with pytest.raises(CursorExpired):
            await anext(store.log.follow(cursor, ANY))
    assert oldest == Cursor(head.epoch, 2)
    assert positions(await store.log.read(oldest, 9, ANY)) == [3]
    assert positions(await store.log.read(None, 9, ANY)) == [3]


async def test_sweeping_everything_keeps_the_head(store: AnyStore, clock: TestClock) -> None:
    await commit(store, a_fact(1), a_fact(2))
    assert await store.sweep(clock.now + timedelta(days=1)) == 2
    assert (await store.log.head()).position == 2
    assert await store.log.read(None, 9, ANY) == []
    await commit(store, a_fact(3))
    assert positions(await store.log.read(None, 9, ANY)) == [3]


async def test_a_new_epoch_makes_every_cursor_unknown(store: AnyStore) -> None:
    await commit(store, a_fact(1))
    old = await store.log.head()
    async with aclosing(store.log.follow(Cursor(old.epoch, 0), ANY)) as events:
        await take(events, 1)
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.wait([waiting], timeout=0.05)
        await store.renew_epoch()
        with pytest.raises(CursorUnknown):
            await asyncio.wait_for(waiting, 20)
    with pytest.raises(CursorUnknown):
        await store.log.read(old, 1, ANY)
    new = await store.log.head()
    assert new.position == old.position
    [event] = await store.log.read(None, 1, ANY)
    assert event.cursor == Cursor(new.epoch, 1)


async def test_following_sees_what_was_and_what_comes(store: AnyStore) -> None:
    await commit(store, a_fact(1))
    start = Cursor((await store.log.head()).epoch, 0)
    async with aclosing(store.log.follow(start, ANY)) as events:
        assert positions(await take(events, 1)) == [1]
        waiting = asyncio.ensure_future(anext(events))
        await commit(store, a_fact(2), a_fact(3))
        assert (await asyncio.wait_for(waiting, 20)).position == 2
        assert positions(await take(events, 1)) == [3]


async def test_following_without_a_cursor_begins_now(store: AnyStore) -> None:
    await commit(store, a_fact(1))
    async with aclosing(store.log.follow(None, ANY)) as events:
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.wait([waiting], timeout=0.2)
        await commit(store, a_fact(2))
        assert (await asyncio.wait_for(waiting, 20)).position == 2


@dataclass
class Writers:
    """Writers that commit at once, each its own facts in order."""

    store: AnyStore
    count: int = 16
    units: int = 6

    async def run(self) -> None:
        await asyncio.gather(*(self._write(number) for number in range(self.count)))

    async def _write(self, number: int) -> None:
        for unit in range(self.units):
            async with self.store.start_work(f"w{number}", f"request:{unit}") as w:
                await w.folders.add(a_folder(self.default))
                for fact in range(1 + unit % 3):
                    w.record("p", a_fact(fact))

    def __post_init__(self) -> None:
        self.default = a_project(id="?")

    @property
    def total(self) -> int:
        return self.count * sum(1 + unit % 3 for unit in range(self.units))


async def test_sixteen_writers_leave_no_gap(store: AnyStore) -> None:
    writers = Writers(store)
    project = await store.reads.projects.named("default")
    assert project is not None
    writers.default = project
    start = await store.log.head()
    followers = [follow_all(store, start, writers.total) for _ in range(3)]
    writing = asyncio.create_task(writers.run())
    seen = await asyncio.gather(*followers)
    await writing
    for events in seen:
        assert positions(events) == list(range(1, writers.total + 1))
    for name in {event.actor for event in seen[0]}:
        causes = [int(e.cause.removeprefix("request:")) for e in seen[0] if e.actor == name]
        assert causes == sorted(causes)
    for event in seen[0][::37]:
        again = await follow_all(
            store, Cursor(start.epoch, event.position), writers.total - event.position
        )
        assert again == seen[0][event.position :]


async def follow_all(store: AnyStore, after: Cursor, count: int) -> list[Event]:
    async with aclosing(store.log.follow(after, ANY)) as events:
        return await take(events, count)
