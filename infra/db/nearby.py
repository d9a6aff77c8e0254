"""Reads of a database that is a file here: each statement runs whole in a thread of a few.

SQLAlchemy's asyncio way crosses between threads once for every call of the driver, five or more times
a statement; for SQLite that costs more than the reading itself.
"""

from asyncio import get_running_loop
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Executable

THREADS = 4


@dataclass(frozen=True, slots=True)
class NearbyReader:
    engine: Engine
    threads: ThreadPoolExecutor

    async def rows(self, statement: Executable, params: Mapping[str, Any] | None) -> Sequence[Any]:
        return await get_running_loop().run_in_executor(self.threads, self._read, statement, params)

    def _read(self, statement: Executable, params: Mapping[str, Any] | None) -> Sequence[Any]:
        with self.engine.connect() as connection:
            return connection.execute(statement, params).all()


@contextmanager
def reader(engine: Engine) -> Iterator[NearbyReader]:
    with ThreadPoolExecutor(THREADS, "modelyard-read") as threads:
        try:
            yield NearbyReader(engine, threads)
        finally:
            threads.shutdown()
            engine.dispose()
