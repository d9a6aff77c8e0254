"""What is done costs nothing: twenty million lines of ended batches, and a few that are to be done."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, event, insert, join, literal, select, text, true

from domain.batches.batch import Batch
from domain.batches.facts import BatchJobProgressed
from infra.db.batches.batch import BATCHES
from infra.db.batches.claims import FREE
from infra.db.batches.lists import RUNNABLE
from infra.db.batches.shards import SHARDS, StoredShards
from infra.store import Store, open_store
from tests.support.batches import (
    a_completed_batch,
    a_progress,
    a_running_batch,
    a_shard,
)
from tests.support.builders import NOON, a_project

DONE_BATCHES, DONE_SHARDS = 400, 50  # of 1,000 lines each
LEASE = timedelta(seconds=15)
PROJECT = a_project()


@pytest.fixture
async def store(database_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(database_url, data_dir=tmp_path) as opened:
        async with opened.start_work("ada", "request:1") as w:
            await w.projects.add(PROJECT)
        yield opened


async def add_what_is_done(store: Store) -> Batch:
    """A batch that still runs among them: all of its shards but its last are done, too."""
    batches = [*(a_completed_batch(PROJECT) for _ in range(DONE_BATCHES)), a_running_batch(PROJECT)]
    done = a_shard(batches[-1], lines=1000, done=b"\xff" * 125)
    async with store.events.engines.transaction() as transaction:
        await transaction.run(BATCHES.insert, [BATCHES.to_row(batch) for batch in batches])
        await StoredShards(transaction).add([done, a_shard(batches[-1], number=DONE_SHARDS)])
        await transaction.run(COPY_DONE)
    return batches[-1]


NUMBERS = select(literal(1).label("number")).cte("numbers", recursive=True)
NUMBERS = NUMBERS.union_all(select(NUMBERS.c.number + 1).where(NUMBERS.c.number < DONE_SHARDS))
COPIED = [column for column in SHARDS.table.c if column.name not in {"batch_id", "number"}]
COPY_DONE = insert(SHARDS.table).from_select(
    ["batch_id", "number", *(column.name for column in COPIED)],
    select(BATCHES.table.c.id, NUMBERS.c.number, *COPIED)
    .select_from(join(BATCHES.table, NUMBERS, true()).join(SHARDS.table, true()))
    .where(SHARDS.table.c.number == 0, NUMBERS.c.number < DONE_SHARDS),
)


async def explained(store: Store, statement: Select[Any]) -> str:
    """The database's plan for it; PostgreSQL's with what came of it."""
    engines = store.events.engines
    literal = {"literal_binds": True}
    said = statement.compile(engines.read.sync_engine, compile_kwargs=literal)
    if engines.is_sqlite:
        plan = await engines.rows(
            text(f"EXPLAIN QUERY PLAN {str(said).replace(':', chr(92) + ':')}")
        )
        return "\n".join(str(row[3]) for row in plan)
    async with engines.write.connect() as connection:
        found = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {said}")
        return str(found.scalar())


def walked(plan: Any) -> int:
    """How many shards PostgreSQL read."""
    if isinstance(plan, list):
        return sum(walked(part) for part in plan)
    if not isinstance(plan, dict):
        return 0
    mine = 0
    if plan.get("Relation Name") == "batch_shards":
        mine = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        mine *= plan["Actual Loops"]
    return mine + sum(walked(part) for part in plan.values())


@pytest.mark.parametrize("analyzed", [False, True], ids=["new", "analyzed"])
async def test_nobody_walks_shards_that_are_done(store: Store, analyzed: bool) -> None:
    batch = await add_what_is_done(store)
    assert await store.reads.batches.runnable(9, NOON) == [batch]
    if analyzed:
        async with store.events.engines.transaction() as transaction:
            await transaction.run(text("ANALYZE"))
    runnable = RUNNABLE.limit(9).params(now=NOON)
    free = FREE.limit(9).params(of_batch=batch.id, now=NOON, held=[0])
    for statement in (runnable, free):
        plan = await explained(store, statement)
        if store.events.engines.is_sqlite:
            assert "ix_batch_shards_open" in plan
            assert "SCAN batch_shards" not in plan
        else:
            assert walked(json.loads(plan)) == 1
    (shard,) = await store.shard_claims.take(batch.id, "w", NOON, NOON + LEASE, 9)
    assert shard.number == DONE_SHARDS
    assert list(await store.reads.batches.runnable(9, NOON)) == []


OURS = ("batch", "INSERT INTO events", "UPDATE event_head SET position")  # not the store's upkeep


@contextmanager
def counted(store: Store) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if any(one in statement for one in OURS):
            statements.append(statement)

    engine = store.events.engines.write.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


async def test_a_group_commit_is_a_handful_of_statements(store: Store) -> None:
    """One for the batch's lock, two a shard, one for the batch, two for the event."""
    batch = a_running_batch(PROJECT, total=30)
    async with store.start_work("ada", "request:1") as w:
        await w.batches.add(batch)
        await w.batch_shards.add([a_shard(batch, number=number) for number in range(3)])
    shards = await store.shard_claims.take(batch.id, "w", NOON, NOON + LEASE, 9)
    with counted(store) as statements:
        async with store.start_work("batches", "batch") as w:
            held = await w.batches.lock(batch.id)
            assert held is not None
            for shard in shards:
                assert await w.batch_shards.store(a_progress(shard, 0, 1))
            await w.batches.put(replace(held, completed=6))
            fact = BatchJobProgressed(batch_job_id=batch.id, total=30, completed=6, failed=0)
            w.record(batch.project_id, fact)
    assert len(statements) == 1 + 2 * len(shards) + 1 + 2
    assert len([one for one in statements if one.startswith("UPDATE batches SET completed=")]) == 1


async def test_nothing_due_is_found_without_a_transaction(store: Store) -> None:
    with counted(store) as statements:
        assert list(await store.batch_claims.take("w", NOON, NOON + LEASE, 9)) == []
    assert statements == []
