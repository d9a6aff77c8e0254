"""What only PostgreSQL has: notifications between processes, and sessions that a server ends."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
from sqlalchemy import text

from domain.errors import StorageUnavailable
from domain.events import Scope
from domain.folders.facts import FolderCreated
from infra.db.engine import open_engines
from infra.db.work import StoredWorkStarter
from infra.store import Store, open_store
from tests.support.clock import TestClock
from tests.support.postgres import Cluster, execute, free_port, stop
from tests.support.writer import add_events, another_process

ANY = Scope()
NEVER = 3600.0
END_ALL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
async def listening(postgres_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    """Hears of other processes by notifications alone."""
    async with open_store(postgres_url, data_dir=tmp_path, poll=NEVER) as store:
        yield store


async def test_an_event_of_another_process_arrives_by_notification(
    listening: Store, postgres_url: str, tmp_path: Path
) -> None:
    async with aclosing(listening.log.follow(await listening.log.head(), ANY)) as events:
        waiting = asyncio.ensure_future(anext(events))
        await another_process("events", postgres_url, str(tmp_path), "1")
        assert (await asyncio.wait_for(waiting, 30)).position == 1


async def test_a_notification_that_is_lost_is_made_up_by_polling(
    postgres_url: str, tmp_path: Path, clock: TestClock
) -> None:
    async with (
        open_store(postgres_url, data_dir=tmp_path, clock=clock, poll=0.05) as store,
        open_engines(postgres_url) as engines,
        aclosing(store.log.follow(await store.log.head(), ANY)) as events,
    ):
        waiting = asyncio.ensure_future(anext(events))
        silent = StoredWorkStarter(engines, clock, hint=lambda: None)
        async with silent("ada", "request:1") as w:
            w.record("p", FolderCreated(folder_id="f", name="n", uri="file:///m"))
        assert (await asyncio.wait_for(waiting, 30)).position == 1


async def test_following_survives_the_end_of_its_sessions(
    listening: Store, postgres_url: str, tmp_path: Path
) -> None:
    """The listener comes back by itself, too: nothing is polled here."""
    for position in (1, 2, 3):
        async with (
            open_store(postgres_url, data_dir=tmp_path) as writing,
            aclosing(listening.log.follow(await listening.log.head(), ANY)) as events,
        ):
            waiting = asyncio.ensure_future(anext(events))
            await add_events(writing, 1)
            assert (await asyncio.wait_for(waiting, 30)).position == position
        await execute(postgres_url, END_ALL)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    cluster = Cluster.create()
    try:
        yield cluster
    finally:
        cluster.remove()


async def test_following_survives_a_restart_of_the_server(cluster: Cluster, tmp_path: Path) -> None:
    server = await asyncio.to_thread(cluster.start)
    try:
        async with (
            open_store(cluster.url, data_dir=tmp_path, auto_migrate=True, poll=0.1) as store,
            aclosing(store.log.follow(await store.log.head(), ANY)) as events,
        ):
            await add_events(store, 1)
            assert (await anext(events)).position == 1
            waiting = asyncio.ensure_future(anext(events))
            await asyncio.to_thread(stop, server)
            with pytest.raises(StorageUnavailable):
                await add_events(store, 1)
            with pytest.raises(StorageUnavailable):
                await store.ping()
            server = await asyncio.to_thread(cluster.start)
            await store.ping()
            await add_events(store, 1)
            assert (await asyncio.wait_for(waiting, 30)).position == 2
    finally:
        await asyncio.to_thread(stop, server)


async def test_a_server_that_is_not_there_is_storage_unavailable(tmp_path: Path) -> None:
    nowhere = f"postgresql+asyncpg://postgres@127.0.0.1:{free_port()}/postgres"
    with pytest.raises(StorageUnavailable):
        async with open_store(nowhere, data_dir=tmp_path):
            pass


@pytest.mark.parametrize("state", ["53100", "53200", "53300", "57P01", "08006", "40001"])
async def test_what_a_server_lacks_for_a_while_is_no_fault_of_ours(
    postgres_url: str, state: str
) -> None:
    """53100 is its full disk."""
    failing = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$"
    async with open_engines(postgres_url) as engines:
        with pytest.raises(StorageUnavailable):
            async with engines.transaction() as transaction:
                await transaction.run(text(failing))


async def test_a_unit_of_work_that_stalls_is_ended_and_the_others_go_on(
    postgres_url: str, tmp_path: Path
) -> None:
    async def stall() -> None:
        """Hold the log's counter until the server loses patience: here after 50 ms."""
        async with engines.transaction() as stalled:
            setting = await stalled.run(text("SHOW idle_in_transaction_session_timeout"))
            assert setting.scalar_one() == "10s"
            await stalled.run(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
            await stalled.run(text("UPDATE event_head SET position = position"))
            await asyncio.wait_for(add_events(store, 1), 30)

    async with (
        open_store(postgres_url, data_dir=tmp_path) as store,
        open_engines(postgres_url) as engines,
    ):
        with pytest.raises(StorageUnavailable):
            await stall()
        assert (await store.log.head()).position == 1
