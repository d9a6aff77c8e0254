"""What the reconciler asks again and again costs an index probe, and one statement for many."""

from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, text

from domain.deployments.shards import shard_of
from infra.db.access import PROJECTS
from infra.db.deployments import DEPLOYMENTS, REVISIONS
from infra.db.engine import Engines, open_engines
from infra.db.looks import LOOKS
from infra.db.reads import StoredReads
from infra.db.replicas import GROUPS, REPLICAS
from infra.db.rollouts import ROLLOUTS
from tests.support.builders import NOON, a_deployment, a_project, a_revision
from tests.support.running import a_group, a_replica, a_rollout, an_ended_rollout, an_exited_replica

IDLE, BUSY = 10_000, 500


@dataclass
class Fleet:
    """Many idle deployments; the ids are of some that have replicas, of past and present."""

    engines: Engines
    reads: StoredReads
    ids: list[str]


@pytest.fixture
async def fleet(database_url: str) -> AsyncIterator[Fleet]:
    project = a_project()
    deployments = [a_deployment(project) for _ in range(IDLE)]
    revisions = [a_revision(deployment) for deployment in deployments[:BUSY]]
    groups = [a_group(revision) for revision in revisions]
    rows: list[tuple[Any, list[Any]]] = [
        (PROJECTS, [project]),
        (DEPLOYMENTS, deployments),
        (REVISIONS, revisions),
        (GROUPS, groups),
        (REPLICAS, [an_exited_replica(group) for group in groups for _ in range(5)]),
        (REPLICAS, [a_replica(group) for group in groups]),
        (ROLLOUTS, [an_ended_rollout(revision) for revision in revisions for _ in range(5)]),
        (ROLLOUTS, [a_rollout(revision) for revision in revisions]),
    ]
    later = NOON + timedelta(days=1)
    looks = [
        {"deployment_id": d.id, "shard": shard_of(d.id), "due_at": later if n % 2 else None}
        for n, d in enumerate(deployments)
    ]
    async with open_engines(database_url) as engines:
        async with engines.transaction() as transaction:
            for noun, values in rows:
                await transaction.run(noun.insert, [dict(noun.to_row(v)) for v in values])
            await transaction.run(insert(LOOKS), [look | {"asked": 0} for look in looks])
            await transaction.run(text("ANALYZE"))
        yield Fleet(
            engines, StoredReads(engines), [deployment.id for deployment in deployments[:BUSY]]
        )


@contextmanager
def statements(engines: Engines) -> Iterator[list[tuple[str, Any]]]:
    """What is sent meanwhile, with its parameters."""
    seen: list[tuple[str, Any]] = []

    def see(connection: Any, cursor: Any, statement: str, params: Any, *more: Any) -> None:
        seen.append((statement, params))

    engine = engines.nearby.engine if engines.nearby else engines.read.sync_engine
    event.listen(engine, "before_cursor_execute", see)
    yield seen
    event.remove(engine, "before_cursor_execute", see)


async def plan(fleet: Fleet, act: Awaitable[object]) -> str:
    """How the database goes about the one statement that the act sends."""
    with statements(fleet.engines) as seen:
        await act
    ((statement, params),) = seen
    ask = "EXPLAIN QUERY PLAN " if fleet.engines.is_sqlite else "EXPLAIN "
    async with fleet.engines.read.connect() as connection:
        rows = (await connection.exec_driver_sql(ask + statement, params)).all()
    return "\n".join(str(row[-1]) for row in rows)


async def test_looking_for_what_is_due_is_an_index_probe(fleet: Fleet) -> None:
    for shards in (range(64), range(0, 64, 2)):
        found = await plan(fleet, fleet.reads.due.due(shards, NOON, 500))
        assert "ix_looks_due_at_shard" in found
        assert "Seq Scan" not in found
        assert "SCAN" not in found


async def test_what_many_deployments_run_is_one_statement_each(fleet: Fleet) -> None:
    reads, ids = fleet.reads, fleet.ids
    asked: list[Awaitable[Any]] = [
        reads.deployments.by_ids(ids),
        reads.rollouts.live(ids),
        reads.groups.of(ids),
        reads.replicas.present(ids),
        reads.due.of(ids),
    ]
    for one in asked:
        with statements(fleet.engines) as seen:
            assert len(await one) == BUSY
        assert len(seen) == 1


async def test_what_one_deployment_runs_is_found_by_index(fleet: Fleet) -> None:
    reads, some = fleet.reads, fleet.ids[:3]
    assert "ix_replicas_present" in await plan(fleet, reads.replicas.present(some))
    assert "uq_rollouts_live" in await plan(fleet, reads.rollouts.live(some))
