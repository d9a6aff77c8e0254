"""The event log's rows, and the counter that orders them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Select,
    Table,
    delete,
    func,
    select,
    true,
    update,
)

from domain.events import FACTS, Event, Extent, Fact, Scope, SubjectKind, subject
from infra.db.engine import Engines
from infra.db.noun import METADATA
from infra.db.types import Enumerated, JsonText, Moment, PlainText, dump

EVENTS = Table(
    "events",
    METADATA,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("project_id", PlainText),
    Column("subject_kind", Enumerated(SubjectKind), nullable=False),
    Column("subject_id", PlainText, nullable=False),
    Column("type", PlainText, nullable=False),
    Column("actor", PlainText, nullable=False),
    Column("cause", PlainText, nullable=False),
    Column("fact", JsonText, nullable=False),
    Index(None, "project_id", "position"),
    Index(None, "subject_id", "position"),
)

EVENT_HEAD = Table(
    "event_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("epoch", PlainText, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("swept", BigInteger, nullable=False),
    Column("mark", PlainText),
    CheckConstraint("id = 1", "one_row"),
    CheckConstraint("swept >= 0 AND swept <= position", "swept"),
)
HEAD = EVENT_HEAD.c
COLUMNS = tuple(EVENTS.columns)
SWEPT_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class StoredEvents:
    engines: Engines

    async def page(self, after: int, limit: int, scope: Scope) -> tuple[Extent, Sequence[Event]]:
        """Events of the scope behind a position, and the log's extent, read in one statement: what
        the extent says holds for exactly these events."""
        some = _covered(scope).where(EVENTS.c.position > after).limit(limit).subquery()
        with_head = (
            select(HEAD.epoch, HEAD.swept, HEAD.position, *some.columns)
            .select_from(EVENT_HEAD.outerjoin(some, true()))
            .order_by(some.c.position)
        )
        rows = await self.engines.rows(with_head)
        extent = _extent(rows[0])
        return extent, [_to_value(extent.epoch, row[3:]) for row in rows if row[3] is not None]

    async def sweep(self, before: datetime) -> int:
        """Forget the events that lie before the first one that is younger; how many went.

        What is swept is said before it goes, so that a reader hears that it came too late rather
        than finding a gap.
        """
        young = select(func.min(EVENTS.c.position)).where(EVENTS.c.at >= before).scalar_subquery()
        cut = (await self.engines.rows(select(func.coalesce(young - 1, HEAD.position))))[0][0]
        async with self.engines.transaction() as transaction:
            await transaction.run(update(EVENT_HEAD).values(swept=cut).where(HEAD.swept < cut))
        gone = 0
        while True:
            oldest = select(EVENTS.c.position).order_by(EVENTS.c.position).limit(SWEPT_AT_ONCE)
            some = delete(EVENTS).where(EVENTS.c.position <= cut, EVENTS.c.position.in_(oldest))
            async with self.engines.transaction() as transaction:
                count = (await transaction.run(some)).rowcount
            gone += count
            if count < SWEPT_AT_ONCE:
                return gone

    async def renew_epoch(self, old: str, new: str) -> None:
        """Cursors of the old epoch are unknown from now on. Only the first of several wins."""
        async with self.engines.transaction() as transaction:
            await transaction.run(update(EVENT_HEAD).values(epoch=new).where(HEAD.epoch == old))


def to_rows(
    facts: Sequence[tuple[str | None, Fact]], head: int, at: datetime, actor: str, cause: str
) -> Sequence[dict[str, Any]]:
    """The rows of the events that end at `head`."""
    return [
        {
            "position": position,
            "at": at,
            "project_id": project_id,
            "subject_kind": kind,
            "subject_id": subject_id,
            "type": type(fact).__name__,
            "actor": actor,
            "cause": cause,
            "fact": dump(_adapter(type(fact).__name__), fact),
        }
        for position, (project_id, fact) in enumerate(facts, head - len(facts) + 1)
        for kind, subject_id in [subject(fact)]
    ]


def _covered(scope: Scope) -> Select[Any]:
    events = select(*COLUMNS).order_by(EVENTS.c.position)
    if scope.project_id is not None:
        events = events.where(EVENTS.c.project_id == scope.project_id)
    if scope.subject is not None:
        kind, subject_id = scope.subject
        events = events.where(EVENTS.c.subject_id == subject_id, EVENTS.c.subject_kind == kind)
    if scope.types is not None:
        events = events.where(EVENTS.c.type.in_(sorted(scope.types)))
    return events


def _extent(row: Sequence[Any]) -> Extent:
    return Extent(epoch=row[0], swept=row[1], head=row[2])


def _to_value(epoch: str, row: Iterable[Any]) -> Event:
    position, at, project_id, kind, subject_id, name, actor, cause, fact = row
    return Event(
        epoch=epoch,
        position=position,
        at=at,
        project_id=project_id,
        subject_kind=kind,
        subject_id=subject_id,
        actor=actor,
        cause=cause,
        fact=_adapter(name).validate_json(fact),
    )


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(FACTS[name])
