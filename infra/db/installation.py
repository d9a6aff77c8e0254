"""What tells this database from every other, and the turn of those who decide for all planes."""

from sqlalchemy import CheckConstraint, Column, Integer, Table, select

from infra.db.engine import Engines, Transaction
from infra.db.noun import METADATA
from infra.db.types import PlainText

INSTALLATION = Table(
    "installation",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", PlainText, nullable=False),
    CheckConstraint("id = 1", "one_row"),
)
NAME = select(INSTALLATION.c.name)
TURN = select(INSTALLATION.c.id).with_for_update()


async def name_of(engines: Engines) -> str:
    return str((await engines.rows(NAME))[0][0])


async def take_turn(transaction: Transaction) -> None:
    """Wait for the others that share out shards or ports; they then wait for this transaction."""
    await transaction.run(TURN)
