"""Alembic's entry: runs on the connection that infra.db.migrate hands over, or, from alembic's own
command line, on `-x url=…`."""

import asyncio

from alembic import context
from sqlalchemy import Connection

from infra.db import schema
from infra.db.engine import open_engines


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=schema.METADATA,
        render_as_batch=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_on(url: str) -> None:
    async with open_engines(url, plain=True) as engines, engines.write.begin() as connection:
        await connection.run_sync(run)


given = context.config.attributes.get("connection")
if given is None:
    asyncio.run(run_on(context.get_x_argument(as_dictionary=True)["url"]))
else:
    run(given)
