"""The schema's versions: which the database has, which this code needs, and the way between."""

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from domain.errors import ModelyardError
from infra.db.engine import Engines, open_engines
from infra.db.failures import translated

ADVISORY_LOCK = 0x6D6F_6479_6172_64  # "modyard"


@dataclass(eq=False, kw_only=True)
class SchemaOlder(ModelyardError):
    """The database's schema is at {found}, this Modelyard needs {needed}: run 'modelyard migrate'."""

    found: str
    needed: str


@dataclass(eq=False, kw_only=True)
class SchemaNewer(ModelyardError):
    """The database's schema is at {found}, which this Modelyard ({needed}) does not know. Run the newer
    Modelyard, or take the schema back with its 'modelyard migrate --to {needed}'."""

    found: str
    needed: str


async def migrate(url: str, to: str = "head") -> None:
    """Take the schema to a revision, forwards or back ("base": nothing left), all or nothing.

    Where two do it at once, the second waits and finds it done. Raises SchemaNewer.
    """
    async with open_engines(url, plain=True) as engines:
        with translated():
            async with engines.write.begin() as connection:
                if not engines.is_sqlite:
                    await connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
                await connection.run_sync(_migrate, to)


async def current(url: str) -> str | None:
    """The revision that the database's schema has, None for an empty database."""
    async with open_engines(url) as engines:
        return await current_on(engines)


async def current_on(engines: Engines) -> str | None:
    with translated():
        async with engines.read.connect() as connection:
            return await connection.run_sync(_current)


def head() -> str:
    """The revision that this code needs."""
    newest = _scripts().get_current_head()
    assert newest is not None, "a migration exists"
    return newest


async def require_current(engines: Engines) -> None:
    """Raises SchemaOlder, SchemaNewer."""
    found = await current_on(engines)
    if found != head():
        raise _mismatch(found)


def _migrate(connection: Connection, to: str) -> None:
    found = _current(connection)
    if found is not None and found not in _known():
        raise _mismatch(found)
    config = _config()
    config.attributes["connection"] = connection
    wanted = {"head": head(), "base": None}.get(to, to)
    if wanted is None or (found is not None and _known().index(wanted) < _known().index(found)):
        command.downgrade(config, to)
    else:
        command.upgrade(config, to)


def _mismatch(found: str | None) -> SchemaOlder | SchemaNewer:
    if found is None or found in _known():
        return SchemaOlder(found=found or "nothing", needed=head())
    return SchemaNewer(found=found, needed=head())


def _known() -> list[str]:
    """All revisions, oldest first."""
    return [script.revision for script in _scripts().walk_revisions()][::-1]


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
