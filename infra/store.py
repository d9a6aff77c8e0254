"""The store as one thing: units of work, reads and the event log over one database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from domain.clock import Clock, utc_now
from domain.work import EventLog, Reads, StartWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    start_work: StartWork
    reads: Reads
    log: EventLog

    async def ping(self) -> None:
        """Whether the database answers; raises StorageUnavailable."""


@asynccontextmanager
async def open_store(
    url: str,
    *,
    data_dir: Path,
    clock: Clock = utc_now,
    auto_migrate: bool = False,
    retention: timedelta = timedelta(days=90),
) -> AsyncIterator[Store]:
    """A running store: schema checked (SQLite: migrated), event follower started; closed at the end.

    `url` is SQLAlchemy's: `sqlite+aiosqlite:///file` or `postgresql+asyncpg://…`. `data_dir` holds
    the mark by which a restored SQLite database is known. `auto_migrate` migrates PostgreSQL under
    an advisory lock. Raises SchemaOlder, SchemaNewer, StorageUnavailable.
    """
    raise NotImplementedError
    yield
