"""A database that was put back from a backup has another log: no cursor of the lost one resumes."""

from pathlib import Path
from shutil import copyfile

import pytest

from domain.errors import StorageUnavailable
from domain.events import Cursor
from infra.store import open_store
from tests.conftest import sqlite
from tests.support.postgres import Databases
from tests.support.writer import add_events


async def visit(url: str, data_dir: Path, events: int = 1) -> Cursor:
    """Open the store, write, close; the head of then."""
    async with open_store(url, data_dir=data_dir) as store:
        await add_events(store, events)
        return await store.log.head()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "modelyard.db"


async def test_a_restart_keeps_the_epoch(database_url: str, tmp_path: Path) -> None:
    first = await visit(database_url, tmp_path)
    second = await visit(database_url, tmp_path)
    assert (second.epoch, second.position) == (first.epoch, first.position + 1)


async def test_a_backup_of_an_earlier_run_is_noticed(file: Path, tmp_path: Path) -> None:
    before = await visit(sqlite(file), tmp_path)
    copyfile(file, tmp_path / "backup.db")
    await visit(sqlite(file), tmp_path)
    copyfile(tmp_path / "backup.db", file)
    assert (await visit(sqlite(file), tmp_path, events=5)).epoch != before.epoch


async def test_a_backup_of_the_same_run_is_noticed(file: Path, tmp_path: Path) -> None:
    async with open_store(sqlite(file), data_dir=tmp_path) as store:
        await add_events(store, 3)
        before = await store.log.head()
        async with store.events.engines.write.connect() as connection:
            await connection.exec_driver_sql("COMMIT")
            await connection.exec_driver_sql(f"VACUUM INTO '{tmp_path / 'backup.db'}'")
        await add_events(store, 1)
    copyfile(tmp_path / "backup.db", file)
    assert (await visit(sqlite(file), tmp_path, events=0)).epoch != before.epoch


async def test_a_mark_that_can_not_be_written_stops_a_start_and_nothing_else(
    file: Path, tmp_path: Path
) -> None:
    draft = tmp_path / "event-log.new"
    async with open_store(sqlite(file), data_dir=tmp_path) as store:
        draft.mkdir()
        await add_events(store, 1)
        before = await store.log.head()
    with pytest.raises(StorageUnavailable, match=r"event-log\.json"):
        await visit(sqlite(file), tmp_path)
    draft.rmdir()
    assert await visit(sqlite(file), tmp_path, events=0) == before


async def test_a_file_without_its_data_dir_is_another_log(file: Path, tmp_path: Path) -> None:
    before = await visit(sqlite(file), tmp_path)
    (tmp_path / "elsewhere").mkdir()
    assert (await visit(sqlite(file), tmp_path / "elsewhere")).epoch != before.epoch


async def test_a_copy_in_another_postgres_database_is_another_log(
    databases: Databases, postgres_url: str, tmp_path: Path
) -> None:
    before = await visit(postgres_url, tmp_path)
    with databases.cloned(postgres_url.rsplit("/", 1)[1]) as copy:
        after = await visit(copy, tmp_path, events=0)
        assert after.position == before.position
        assert after.epoch != before.epoch
        assert (await visit(copy, tmp_path, events=0)).epoch == after.epoch
