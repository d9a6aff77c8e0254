"""The schema's version: which one the database has, and whether this code can work on it.

Told without alembic, which a server that finds its schema current need not load.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, inspect, text

from domain.errors import ModelyardError
from infra.db.engine import Engines, open_engines
from infra.db.failures import translated

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
"""All migrations, oldest first."""


@dataclass(eq=False, kw_only=True)
class SchemaOlder(ModelyardError):
    """The database's schema is at {found}, this Modelyard needs {needed}: run 'modelyard migrate'."""

    found: str
    needed: str


@dataclass(eq=False, kw_only=True)
class SchemaNewer(ModelyardError):
    """The database's schema is at {found}, which this Modelyard does not know: it needs {needed}. Run the
    newer Modelyard, or let it take the schema back: 'modelyard migrate --to {needed}'."""

    found: str
    needed: str


def head() -> str:
    """The revision that this code needs."""
    return REVISIONS[-1]


async def current(url: str) -> str | None:
    """The revision that the database's schema has, None for an empty database."""
    async with open_engines(url) as engines:
        return await current_on(engines)


async def current_on(engines: Engines) -> str | None:
    with translated():
        async with engines.read.connect() as connection:
            return await connection.run_sync(found_on)


def found_on(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


async def require_current(engines: Engines) -> None:
    """Raises SchemaOlder, SchemaNewer."""
    found = await current_on(engines)
    if found != head():
        raise mismatch(found)


def mismatch(found: str | None) -> SchemaOlder | SchemaNewer:
    if found is None or found in REVISIONS:
        return SchemaOlder(found=found or "nothing", needed=head())
    return SchemaNewer(found=found, needed=head())
