"""Connections to SQLite and PostgreSQL: one engine that writes, one that reads."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    URL,
    CursorResult,
    Engine,
    Executable,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from domain.errors import StorageUnavailable
from infra.db.failures import translated, unavailable
from infra.db.nearby import THREADS, NearbyReader, reader

if TYPE_CHECKING:
    import asyncpg

BUSY_SECONDS = 30.0
CONNECT_SECONDS = 10.0
STALLED_SECONDS = 10  # of a unit of work that sends nothing
SQLITE_PRAGMAS = ("foreign_keys = ON", "synchronous = FULL")
WAL_PAUSE = 0.02

Params = Mapping[str, Any] | Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    write: AsyncEngine
    read: AsyncEngine
    nearby: NearbyReader | None = None

    @property
    def is_sqlite(self) -> bool:
        return self.write.dialect.name == "sqlite"

    async def rows(
        self, statement: Executable, params: Mapping[str, Any] | None = None
    ) -> Sequence[Any]:
        """What one statement reads; it sees what is committed when it starts."""
        with translated():
            if self.nearby is not None:
                return await self.nearby.rows(statement, params)
            async with self.read.connect() as connection:
                return (await connection.execute(statement, params)).all()

    async def ping(self) -> None:
        """Raises StorageUnavailable where the database does not answer."""
        await self.rows(text("SELECT 1"))

    async def keep_wal(self) -> None:
        """Put the SQLite file into WAL mode, which it then keeps; raises StorageUnavailable.

        This one change waits for no lock, whatever the timeout: where others connect at the same
        moment, it is tried again.
        """
        with translated():
            async with self.write.connect() as connection:
                driver = (await connection.get_raw_connection()).driver_connection
                until = monotonic() + BUSY_SECONDS
                while not await _in_wal(driver):
                    if monotonic() > until:
                        raise StorageUnavailable(where="the database", problem="it is locked")
                    await asyncio.sleep(WAL_PAUSE)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Transaction"]:
        """Commits at the end of the block, rolls back where the block raises."""
        async with AsyncExitStack() as stack:
            with translated():
                connection = await stack.enter_async_context(self.write.connect())
                await connection.begin()
            yield Transaction(connection)
            with translated():
                await connection.commit()


@dataclass(frozen=True, slots=True)
class Transaction:
    connection: AsyncConnection

    async def run(self, statement: Executable, params: Params | None = None) -> CursorResult[Any]:
        with translated():
            result = await self.connection.execute(statement, params)
        assert isinstance(result, CursorResult)
        return result


@asynccontextmanager
async def open_engines(url: str, *, plain: bool = False) -> AsyncIterator[Engines]:
    """`plain` leaves JSON to SQLAlchemy, as migrations and its own inspections need it; otherwise
    JSON columns give and take text, and infra.db.types encodes and decodes it."""
    json = {} if plain else {"json_serializer": _as_written, "json_deserializer": _as_written}
    with ExitStack() as stack:
        if is_sqlite(url):
            nearby = stack.enter_context(reader(_nearby(make_url(url), json)))
            engines = replace(_sqlite(make_url(url), json), nearby=nearby)
        else:
            engines = _postgres(make_url(url), json)
        try:
            yield engines
        finally:
            await engines.read.dispose()
            await engines.write.dispose()


async def _in_wal(driver: Any) -> bool:
    try:
        async with driver.execute("PRAGMA journal_mode = WAL") as cursor:
            return tuple(await cursor.fetchone()) == ("wal",)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            return False
        raise unavailable(error) from error


def is_sqlite(url: str) -> bool:
    return make_url(url).get_backend_name() == "sqlite"


def _sqlite(url: URL, json: Mapping[str, Any]) -> Engines:
    """One connection writes: units of work queue for it in the order in which they came, instead of
    polling for the database's lock (which they still do against other processes)."""
    arguments = {"timeout": BUSY_SECONDS, "isolation_level": None}
    write = _engine(url, connect_args=arguments, pool_size=1, max_overflow=0, **json)
    read = _engine(url, connect_args=arguments, pool_size=4, max_overflow=4, **json)
    event.listen(write.sync_engine, "connect", _set_pragmas)
    event.listen(read.sync_engine, "connect", _set_reading_pragmas)
    event.listen(write.sync_engine, "begin", _begin_immediate)
    return Engines(write=write, read=read)


def _nearby(url: URL, json: Mapping[str, Any]) -> Engine:
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None},
        pool_size=THREADS,
        hide_parameters=True,
        **json,
    )
    event.listen(engine, "connect", _set_reading_pragmas)
    return engine


def _set_pragmas(connection: DBAPIConnection, record: object) -> None:
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _set_reading_pragmas(connection: DBAPIConnection, record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only = ON")
    cursor.close()


def _begin_immediate(connection: Any) -> None:
    """The driver is in autocommit; a plain BEGIN would let two units read, and then one fail."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _postgres(url: URL, json: Mapping[str, Any]) -> Engines:
    sizes: dict[str, Any] = {"pool_size": 10, "max_overflow": 20, **json}
    write = _engine(
        url,
        isolation_level="READ COMMITTED",
        async_creator=partial(_connect_to_write, url),
        **sizes,
    )
    read = _engine(url, isolation_level="AUTOCOMMIT", async_creator=partial(connect, url), **sizes)
    for engine in (write, read):
        event.listen(engine.sync_engine, "checkout", _require_open)
    return Engines(write=write, read=read)


def _require_open(connection: Any, record: object, proxy: object) -> None:
    """The driver hears when a server ends its session: the pool then connects anew. Asking the
    server at each checkout would cost three round trips."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _engine(url: URL, **arguments: Any) -> AsyncEngine:
    return create_async_engine(url, pool_timeout=BUSY_SECONDS, hide_parameters=True, **arguments)


def _as_written(text: str) -> str:
    return text


async def _connect_to_write(url: URL) -> "asyncpg.Connection[Any]":
    """A server that stops in the middle of a unit of work would hold the log's counter, and so every
    other writer, for as long as it is stopped: PostgreSQL ends its session instead. A statement, not
    a parameter of the connection: poolers may refuse those."""
    connection = await connect(url)
    with translated():
        await connection.execute(f"SET idle_in_transaction_session_timeout = '{STALLED_SECONDS}s'")
    return connection


async def connect(url: URL | str) -> "asyncpg.Connection[Any]":
    """A connection to PostgreSQL, outside the pools. The driver is loaded only where it is used."""
    import asyncpg

    parsed = make_url(url)
    arguments = parsed.get_dialect()().create_connect_args(parsed)[1]
    with translated():
        connection: asyncpg.Connection[Any] = await asyncpg.connect(
            timeout=CONNECT_SECONDS, **arguments
        )
        return connection
