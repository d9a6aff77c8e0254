"""What every connection to SQLite has to be."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from domain.errors import StorageUnavailable
from infra.db.engine import Engines, open_engines
from tests.conftest import sqlite


async def pragma(engines: Engines, name: str) -> Any:
    async with engines.transaction() as transaction:
        return (await transaction.run(text(f"PRAGMA {name}"))).scalar_one()


async def opened(file: Path) -> str:
    """The journal's mode, as one of many finds it who open the file."""
    async with open_engines(sqlite(file)) as engines:
        await engines.keep_wal()
        mode: str = await pragma(engines, "journal_mode")
        return mode


async def test_what_is_committed_is_on_the_disk_and_readers_do_not_wait(sqlite_url: str) -> None:
    async with open_engines(sqlite_url) as engines:
        await engines.keep_wal()
        names = ("journal_mode", "synchronous", "foreign_keys")
        assert [await pragma(engines, name) for name in names] == ["wal", 2, 1]


async def test_many_open_a_fresh_file_at_once(tmp_path: Path) -> None:
    files = [tmp_path / "fresh.db"] * 16
    assert await asyncio.gather(*map(opened, files)) == ["wal"] * 16


async def test_a_read_can_not_write(sqlite_url: str) -> None:
    async with open_engines(sqlite_url) as engines:
        with pytest.raises(StorageUnavailable, match="readonly"):
            await engines.rows(text("DELETE FROM projects"))
