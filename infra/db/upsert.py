"""A row that is new or takes the place of the one with its key, in one statement."""

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from infra.db.engine import Params, Transaction


async def put(transaction: Transaction, table: Table, row: dict[str, Any], *kept: str) -> None:
    """Where there is such a row already, its columns named in `kept` stay as they are."""
    is_postgres = transaction.connection.dialect.name == "postgresql"
    new = (postgresql if is_postgres else sqlite).insert(table)
    key = table.primary_key.columns
    changed = [name for name in row if name not in kept and name not in key]
    statement = new.on_conflict_do_update(
        index_elements=key, set_={name: new.excluded[name] for name in changed}
    )
    said: Params = row
    await transaction.run(statement, said)
