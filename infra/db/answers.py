"""What idempotent mutations answered."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Executable,
    Index,
    PrimaryKeyConstraint,
    Select,
    Table,
    delete,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from domain.work import Answered
from infra.db.engine import Engines, Transaction
from infra.db.noun import METADATA
from infra.db.types import Moment, PlainText

ANSWERS = Table(
    "answers",
    METADATA,
    Column("project_id", PlainText, nullable=False),
    Column("operation", PlainText, nullable=False),
    Column("key", PlainText, nullable=False),
    Column("fingerprint", PlainText, nullable=False),
    Column("result", PlainText, nullable=False),
    Column("expires_at", Moment, nullable=False),
    PrimaryKeyConstraint("project_id", "operation", "key"),
    Index(None, "expires_at"),
)
NAMES = tuple(field.name for field in fields(Answered))


@dataclass(frozen=True, slots=True)
class StoredAnswerReads:
    engines: Engines

    async def get(
        self, project_id: str, operation: str, key: str, now: datetime
    ) -> Answered | None:
        found = await self.engines.rows(_kept(project_id, operation, key, now))
        return _to_value(found[0]) if found else None


@dataclass(frozen=True, slots=True)
class StoredAnswers:
    """Inside a unit of work."""

    transaction: Transaction

    async def get(
        self, project_id: str, operation: str, key: str, now: datetime
    ) -> Answered | None:
        found = (await self.transaction.run(_kept(project_id, operation, key, now))).first()
        return _to_value(found) if found else None

    async def claim(self, answered: Answered, now: datetime) -> Answered | None:
        """The insert waits for a concurrent twin: its key is in the index before it commits."""
        row = {name: getattr(answered, name) for name in NAMES}
        insert = postgresql if self.transaction.connection.dialect.name == "postgresql" else sqlite
        new = insert.insert(ANSWERS).values(row)
        replacing_expired = new.on_conflict_do_update(
            index_elements=ANSWERS.primary_key.columns,
            set_={name: new.excluded[name] for name in ("fingerprint", "result", "expires_at")},
            where=ANSWERS.c.expires_at <= now,
        ).returning(ANSWERS.c.key)
        while (await self._first(replacing_expired)) is None:
            twin = await self.get(answered.project_id, answered.operation, answered.key, now)
            if twin is not None:
                return twin
        return None

    async def _first(self, statement: Executable) -> Any:
        return (await self.transaction.run(statement)).first()


async def forget_expired(engines: Engines, now: datetime) -> None:
    async with engines.transaction() as transaction:
        await transaction.run(delete(ANSWERS).where(ANSWERS.c.expires_at <= now))


def _kept(project_id: str, operation: str, key: str, now: datetime) -> Select[Any]:
    c = ANSWERS.c
    mine = (c.project_id == project_id, c.operation == operation, c.key == key)
    return select(*(c[name] for name in NAMES)).where(*mine, c.expires_at > now)


def _to_value(row: Iterable[Any]) -> Answered:
    return Answered(**dict(zip(NAMES, row, strict=True)))
