"""A row that is new or takes the place of the one with its key, in one statement."""

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from infra.db.engine import Params, Transaction


async def put(transaction: Transaction, table: Table, row: dict[str, Any], *kept: str) -> None:
    """Where there is such a row already, its columns named in `kept` stay as they are."""
    new = _insert(transaction.connection.dialect.name, table)
    key = table.primary_key.columns
    changed = [name for name in row if name not in kept and name not in key]
    statement = new.on_conflict_do_update(
        index_elements=key, set_={name: new.excluded[name] for name in changed}
    )
    said: Params = row
    await transaction.run(statement, said)


def _insert(dialect: str, table: Table) -> Any:
    """Whoever starts on SQLite need not wait for the import of PostgreSQL's dialect."""
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgres_insert

        return postgres_insert(table)
    return sqlite_insert(table)
