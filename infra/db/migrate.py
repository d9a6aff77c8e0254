"""The schema's way from one version to another."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from infra.db.engine import open_engines
from infra.db.failures import translated
from infra.db.version import REVISIONS, found_on, head, mismatch

ADVISORY_LOCK = 0x6D6F_6465_6C79_6172  # "modelyar"


async def migrate(url: str, to: str = "head") -> None:
    """Take the schema to a revision, forwards or back ("base": nothing left), all or nothing.

    Where two do it at once, the second waits and finds it done. Raises SchemaNewer.
    """
    async with open_engines(url, plain=True) as engines:
        if engines.is_sqlite:
            await engines.keep_wal()
        with translated():
            async with engines.write.begin() as connection:
                if not engines.is_sqlite:
                    await connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
                await connection.run_sync(_migrate, to)


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return made


def _migrate(connection: Connection, to: str) -> None:
    found = found_on(connection)
    if found is not None and found not in REVISIONS:
        raise mismatch(found)
    settings = config()
    settings.attributes["connection"] = connection
    wanted = {"head": head(), "base": None}.get(to, to)
    if _step(wanted) < _step(found):
        command.downgrade(settings, to)
    else:
        command.upgrade(settings, to)


def _step(revision: str | None) -> int:
    return 0 if revision is None else REVISIONS.index(revision) + 1
