"""The schema's way up and down, on both databases."""

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Connection, inspect, select, text

from domain.batches import facts as batches
from domain.batches.facts import BatchJobPaused
from domain.clock import utc_now
from domain.definitions.definition import Definition, HealthCheck, Model, Service
from domain.definitions.kubernetes import KubernetesUse
from domain.deployments.deployment import Deployment, DeploymentStatus, Revision
from domain.deployments.facts import (
    DeploymentStatusChanged,
    ReplicaBecameUnhealthy,
    ReplicaProgressed,
    RolloutStarted,
)
from domain.deployments.ports import SHARDS, GatewayReport
from domain.deployments.reason import Reason
from domain.deployments.rollout import RolloutKind, RolloutStatus
from domain.deployments.shards import shard_of
from domain.deployments.strategy import Canary, CanaryStep
from domain.events import Scope
from domain.files import facts as files
from domain.listing import Listing
from domain.templates.template import BatchUse
from domain.webhooks import facts as webhooks
from infra.db import schema, version
from infra.db.access import PROJECTS
from infra.db.deployments import DEPLOYMENTS, REVISIONS
from infra.db.engine import open_engines
from infra.db.events import EVENT_HEAD, EVENTS
from infra.db.gateways import GATEWAYS
from infra.db.migrate import config, migrate
from infra.db.templates import TEMPLATES
from infra.store import open_store
from tests.conftest import sqlite
from tests.support.batches import a_running_batch, a_shard
from tests.support.builders import a_deployment, a_project, a_revision, a_template
from tests.support.postgres import Databases
from tests.support.writer import add_events


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield sqlite(tmp_path / "empty.db")
    else:
        databases: Databases = request.getfixturevalue("databases")
        with databases.cloned() as url:
            yield url


async def look(url: str, see: Any) -> Any:
    async with open_engines(url, plain=True) as engines, engines.read.connect() as connection:
        return await connection.run_sync(see)


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, schema.METADATA))


def checks(connection: Connection) -> set[str | None]:
    found = inspect(connection)
    return {c["name"] for table in schema.TABLES for c in found.get_check_constraints(table.name)}


async def test_the_migrated_schema_is_the_tables(database_url: str) -> None:
    assert await look(database_url, differences) == []
    declared = {
        str(constraint.name)
        for table in schema.TABLES
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    assert await look(database_url, checks) == declared


async def test_migrations_run_up_and_down(empty_url: str) -> None:
    assert await version.current(empty_url) is None
    await migrate(empty_url)
    assert await version.current(empty_url) == version.head()
    assert await look(empty_url, tables) >= {table.name for table in schema.TABLES}
    await migrate(empty_url, "base")
    assert await version.current(empty_url) is None
    assert await look(empty_url, tables) == {"alembic_version"}
    await migrate(empty_url)
    assert await look(empty_url, differences) == []


NEW_FIELDS = ("reason", "message", "next_retry_at", "max_in_flight", "is_dedicated")


@pytest.fixture
async def old_rows(empty_url: str) -> tuple[Deployment, Deployment, Revision]:
    """In a database of 0001: a deployment that it left DEPLOYING, an idle one, the one's revision."""
    await migrate(empty_url, "0001")
    project = a_project()
    strategy = Canary(steps=(CanaryStep(weight=10),))
    idle, waiting = a_deployment(project), a_deployment(project, strategy=strategy, last_revision=4)
    check = HealthCheck(initial_delay=300, max_retries=20, interval=10, max_wait_time=15)
    service = Service(port=1, health_check=check)
    models = (Model(name="a", model_path="/a"), Model(name="b", model_path="/b", service=service))
    revision = a_revision(waiting, number=4, definition=Definition(models=models))
    waiting = replace(waiting, status=DeploymentStatus.DEPLOYING, active_revision_id=revision.id)
    async with open_engines(empty_url) as engines, engines.transaction() as transaction:
        await transaction.run(PROJECTS.insert, PROJECTS.to_row(project))
        for deployment in (idle, waiting):
            row = DEPLOYMENTS.to_row(deployment)
            old = {name: value for name, value in row.items() if name not in NEW_FIELDS}
            await transaction.run(DEPLOYMENTS.insert, old)
        old = without(REVISIONS.to_row(revision), "kubernetes")
        await transaction.run(REVISIONS.insert, old)
    return idle, waiting, revision


async def test_what_0001_left_deploying_begins_a_rollout(
    empty_url: str, tmp_path: Path, old_rows: tuple[Deployment, Deployment, Revision]
) -> None:
    idle, waiting, revision = old_rows
    before = utc_now()
    await migrate(empty_url)
    async with open_store(empty_url, data_dir=tmp_path) as store:
        kept = await store.reads.deployments.by_ids([idle.id, waiting.id])
        live = dict(await store.reads.rollouts.live([idle.id, waiting.id]))
        due = await store.reads.due.due(range(SHARDS), utc_now(), 9)
        events = await store.log.read(None, 9, Scope())
        looks = await store.reads.due.of([idle.id, waiting.id])
    assert kept == {idle.id: idle, waiting.id: replace(waiting, active_revision_id=None)}
    rollout = live.pop(waiting.id)
    assert live == {}
    assert (rollout.kind, rollout.status) == (RolloutKind.ACTIVATION, RolloutStatus.RUNNING)
    assert (rollout.revision_id, rollout.revision_number) == (revision.id, 4)
    assert (rollout.from_revision_id, rollout.strategy) == (None, waiting.strategy)
    assert rollout.progress_deadline == 300 + 20 * 25
    assert before <= rollout.progressed_at <= utc_now()
    assert [one.deployment_id for one in due] == [waiting.id]
    assert {id_: one.shard for id_, one in looks.items()} == {
        id_: shard_of(id_) for id_ in (idle.id, waiting.id)
    }
    fact = RolloutStarted(
        deployment_id=waiting.id,
        rollout_id=rollout.id,
        revision_id=revision.id,
        number=4,
        kind=RolloutKind.ACTIVATION,
        strategy="canary",
        note=rollout.note,
    )
    assert [(event.position, event.fact) for event in events] == [(1, fact)]


async def test_what_0001_told_of_statuses_is_told_still(empty_url: str, tmp_path: Path) -> None:
    def facts(connection: Connection) -> list[Any]:
        said = select(EVENTS.c.fact).order_by(EVENTS.c.position)
        return list(connection.execute(said).scalars())

    old = {"deployment_id": "d", "before": "pending", "after": "deploying"}
    await migrate(empty_url, "0001")
    row = {"position": 1, "at": utc_now(), "subject_kind": "deployment", "subject_id": "d"}
    row |= {"type": "DeploymentStatusChanged", "actor": "ada", "cause": "request:1"}
    async with open_engines(empty_url) as engines, engines.transaction() as transaction:
        await transaction.run(EVENTS.insert(), {**row, "fact": json.dumps(old)})
        await transaction.run(EVENT_HEAD.update().values(position=1))
    await migrate(empty_url)
    async with open_store(empty_url, data_dir=tmp_path) as store:
        (event,) = await store.log.read(None, 9, Scope())
    assert event.fact == DeploymentStatusChanged(
        deployment_id="d",
        status_before=DeploymentStatus.PENDING,
        status_after=DeploymentStatus.DEPLOYING,
    )
    await migrate(empty_url, "0001")
    assert await look(empty_url, facts) == [old]


async def test_what_served_before_the_database_went_back_to_0001_is_brought_up_again(
    empty_url: str, tmp_path: Path, old_rows: tuple[Deployment, Deployment, Revision]
) -> None:
    """Else nothing would lead to it: no group is its revision's, and it counts as active already."""
    _, served, revision = old_rows
    async with open_engines(empty_url, plain=True) as engines, engines.write.begin() as connection:
        await connection.execute(
            text("UPDATE deployments SET status = 'ready' WHERE last_revision = 4")
        )
    await migrate(empty_url)
    async with open_store(empty_url, data_dir=tmp_path) as store:
        now = (await store.reads.deployments.by_ids([served.id]))[served.id]
        live = await store.reads.rollouts.live([served.id])
    assert (now.status, now.active_revision_id) == (DeploymentStatus.DEPLOYING, None)
    assert live[served.id].revision_id == revision.id


async def test_a_live_rollouts_revision_is_what_0001_calls_active(
    empty_url: str, tmp_path: Path, old_rows: tuple[Deployment, Deployment, Revision]
) -> None:
    def old_state(connection: Connection) -> tuple[Any, Any]:
        said = text("SELECT id, status, active_revision_id FROM deployments")
        types = text("SELECT type FROM events")
        return set(map(tuple, connection.execute(said))), list(connection.execute(types).scalars())

    idle, waiting, revision = old_rows
    before = await look(empty_url, old_state)
    assert before == (
        {(idle.id, "pending", None), (waiting.id, "deploying", revision.id)},
        [],
    )
    await migrate(empty_url)
    async with open_store(empty_url, data_dir=tmp_path) as store:
        await add_events(store, 1)
    await migrate(empty_url, "0001")
    assert await look(empty_url, old_state) == (before[0], ["FolderCreated"])
    await migrate(empty_url)
    async with open_store(empty_url, data_dir=tmp_path) as store:
        assert (await store.log.head()).position == 3
        assert set(await store.reads.rollouts.live([waiting.id, idle.id])) == {waiting.id}


async def test_what_0003_kept_is_as_it_was_with_what_batches_need(
    empty_url: str, tmp_path: Path
) -> None:
    project = a_project()
    deployment, template = a_deployment(project), a_template(project)
    report = GatewayReport(
        gateway="g", position=3, in_flight={"r": 1}, held={}, arrived={"d": 2}, seen_at=utc_now()
    )
    await migrate(empty_url, "0003")
    async with open_engines(empty_url) as engines, engines.transaction() as transaction:
        await transaction.run(PROJECTS.insert, PROJECTS.to_row(project))
        for noun, old in (
            (DEPLOYMENTS, without(DEPLOYMENTS.to_row(deployment), "max_in_flight", "is_dedicated")),
            (TEMPLATES, without(TEMPLATES.to_row(template), "batch", "kubernetes")),
        ):
            await transaction.run(noun.insert, old)
        row = {f.name: getattr(report, f.name) for f in fields(report)}
        await transaction.run(GATEWAYS.insert(), without(row, "batch"))
    await migrate(empty_url)
    async with open_store(empty_url, data_dir=tmp_path) as store:
        assert (await store.reads.deployments.page(Listing(first=9))).items == (deployment,)
        assert (await store.reads.templates.page(Listing(first=9))).items == (template,)
        assert await store.gateways.living(report.seen_at) == [report]
        assert (await store.reads.batches.page(Listing(first=9))).items == ()
    assert (deployment.max_in_flight, deployment.is_dedicated) == (256, False)
    assert template.batch == BatchUse()


async def test_what_0004_kept_is_scheduled_as_before(empty_url: str, tmp_path: Path) -> None:
    project = a_project()
    deployment, template = a_deployment(project), a_template(project)
    revision = a_revision(deployment)
    await migrate(empty_url, "0004")
    async with open_engines(empty_url) as engines, engines.transaction() as transaction:
        await transaction.run(PROJECTS.insert, PROJECTS.to_row(project))
        await transaction.run(DEPLOYMENTS.insert, DEPLOYMENTS.to_row(deployment))
        old = without(TEMPLATES.to_row(template), "kubernetes")
        await transaction.run(TEMPLATES.insert, old)
        old = without(REVISIONS.to_row(revision), "kubernetes")
        await transaction.run(REVISIONS.insert, old)
    await migrate(empty_url)
    async with open_store(empty_url, data_dir=tmp_path) as store:
        assert (await store.reads.templates.page(Listing(first=9))).items == (template,)
        assert await store.reads.revisions.by_ids([revision.id]) == {revision.id: revision}
    assert template.kubernetes == revision.kubernetes == KubernetesUse()


async def test_0004_knows_nothing_of_scheduling(empty_url: str, tmp_path: Path) -> None:
    """What else a revision says, with its digest, goes back and comes again."""
    use = KubernetesUse(queue="team", run_as_user=1000)
    project = a_project()
    deployment = a_deployment(project)
    revision = a_revision(deployment, kubernetes=use)
    await migrate(empty_url)
    async with open_engines(empty_url) as engines, engines.transaction() as transaction:
        await transaction.run(PROJECTS.insert, PROJECTS.to_row(project))
        await transaction.run(DEPLOYMENTS.insert, DEPLOYMENTS.to_row(deployment))
        await transaction.run(REVISIONS.insert, REVISIONS.to_row(revision))
    await migrate(empty_url, "0004")
    await migrate(empty_url)
    async with open_store(empty_url, data_dir=tmp_path) as store:
        kept = (await store.reads.revisions.by_ids([revision.id]))[revision.id]
    assert kept == replace(revision, kubernetes=KubernetesUse())


async def test_0006_tells_of_an_eviction_where_a_node_took_no_pod(
    empty_url: str, tmp_path: Path
) -> None:
    told: dict[str, Any] = {"deployment_id": "d", "replica_id": "r", "number": 1, "message": "why"}
    since = ReplicaBecameUnhealthy(reason=Reason.NODE_REJECTED, **told)
    other = ReplicaBecameUnhealthy(reason=Reason.HEALTH_CHECK_FAILED, **told)
    project = a_project()
    deployment = a_deployment(project, reason=Reason.NODE_REJECTED, message="why")
    await migrate(empty_url)
    async with open_engines(empty_url) as engines, engines.transaction() as transaction:
        await transaction.run(PROJECTS.insert, PROJECTS.to_row(project))
        await transaction.run(DEPLOYMENTS.insert, DEPLOYMENTS.to_row(deployment))
    async with (
        open_store(empty_url, data_dir=tmp_path) as store,
        store.start_work("ada", "request:1") as work,
    ):
        for fact in (since, other):
            work.record(project.id, fact)
    await migrate(empty_url, "0006")
    await migrate(empty_url)
    async with open_store(empty_url, data_dir=tmp_path) as store:
        kept = (await store.reads.deployments.by_ids([deployment.id]))[deployment.id]
        events = await store.log.read(None, 9, Scope(project_id=project.id))
    assert kept == replace(deployment, reason=Reason.EVICTED)
    assert [event.fact for event in events] == [replace(since, reason=Reason.EVICTED), other]


async def test_0005_knows_no_reason_of_pods(empty_url: str, tmp_path: Path) -> None:
    told: dict[str, Any] = {"deployment_id": "d", "replica_id": "r", "number": 1, "message": "why"}
    before = ReplicaBecameUnhealthy(reason=Reason.HEALTH_CHECK_FAILED, **told)
    since = ReplicaBecameUnhealthy(reason=Reason.EVICTED, **told)
    waits = ReplicaProgressed(reason=Reason.SCHEDULING, **told)
    project = a_project()
    left = a_deployment(project, reason=Reason.EVICTED, message="why")
    kept = a_deployment(project, name="kept", reason=Reason.TOO_MANY_EXITS)
    await migrate(empty_url)
    async with open_engines(empty_url) as engines, engines.transaction() as transaction:
        await transaction.run(PROJECTS.insert, PROJECTS.to_row(project))
        for each in (left, kept):
            await transaction.run(DEPLOYMENTS.insert, DEPLOYMENTS.to_row(each))
    async with (
        open_store(empty_url, data_dir=tmp_path) as store,
        store.start_work("ada", "request:1") as work,
    ):
        for fact in (before, since, waits):
            work.record(project.id, fact)
    await migrate(empty_url, "0005")

    def facts(connection: Connection) -> list[Any]:
        return list(connection.execute(select(EVENTS.c.fact)).scalars())

    assert len(await look(empty_url, facts)) == 1
    await migrate(empty_url)
    async with open_store(empty_url, data_dir=tmp_path) as store:
        found = await store.reads.deployments.by_ids([left.id, kept.id])
    assert found == {left.id: replace(left, reason=None), kept.id: kept}


def without(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


async def test_0003_knows_nothing_of_batches(empty_url: str, tmp_path: Path) -> None:
    def types(connection: Connection) -> list[str]:
        return list(connection.execute(select(EVENTS.c.type)).scalars())

    await migrate(empty_url)
    async with open_store(empty_url, data_dir=tmp_path) as store:
        project = await store.reads.projects.named("default")
        assert project is not None
        batch = a_running_batch(project)
        async with store.start_work("ada", "request:1") as w:
            await w.batches.add(batch)
            await w.batch_shards.add([a_shard(batch)])
            w.record(project.id, BatchJobPaused(batch_job_id=batch.id))
        await add_events(store, 1)
    await migrate(empty_url, "0003")
    assert await look(empty_url, types) == ["FolderCreated"]
    assert not [table for table in await look(empty_url, tables) if "batch" in table]
    await migrate(empty_url)
    assert await look(empty_url, differences) == []


def test_going_back_forgets_every_event_that_is_new() -> None:
    """Those of this release's nouns: 0003 could not read them."""
    told = {fact.__name__ for noun in (batches, files, webhooks) for fact in get_args(noun.Fact)}
    (script,) = [
        one
        for one in ScriptDirectory.from_config(config()).walk_revisions()
        if one.revision == "0004"
    ]
    assert set(script.module.NEW_FACTS) == told


async def test_each_database_is_an_installation_of_its_own(
    empty_url: str, database_url: str, tmp_path: Path
) -> None:
    names = []
    await migrate(empty_url)
    for url in (empty_url, database_url):
        for _ in range(2):
            async with open_store(url, data_dir=tmp_path) as store:
                names.append(store.installation)
    assert names[0] == names[1] != names[2] == names[3]
    assert {len(name) for name in names} == {32}


async def test_of_two_that_migrate_at_once_one_waits(empty_url: str) -> None:
    await asyncio.gather(*(migrate(empty_url) for _ in range(3)))
    assert await version.current(empty_url) == version.head()


async def test_a_migrated_database_has_a_default_project_and_an_empty_log(
    database_url: str, tmp_path: Path
) -> None:
    async with open_store(database_url, data_dir=tmp_path) as store:
        assert await store.reads.projects.named("default") is not None
        head = await store.log.head()
        assert (len(head.epoch), head.position) == (32, 0)


async def test_postgres_is_not_migrated_unasked(databases: Databases, tmp_path: Path) -> None:
    with databases.cloned() as url:
        with pytest.raises(version.SchemaOlder, match="modelyard migrate"):
            async with open_store(url, data_dir=tmp_path):
                pass
        async with open_store(url, data_dir=tmp_path, auto_migrate=True) as store:
            await store.ping()


async def test_sqlite_is_migrated_when_it_is_opened(tmp_path: Path) -> None:
    async with open_store(sqlite(tmp_path / "new.db"), data_dir=tmp_path) as store:
        await store.ping()


@pytest.mark.parametrize("auto_migrate", [False, True])
async def test_a_newer_schema_is_refused(
    database_url: str, tmp_path: Path, auto_migrate: bool
) -> None:
    async with open_engines(database_url) as engines, engines.write.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(version.SchemaNewer, match="modelyard migrate"):
        async with open_store(database_url, data_dir=tmp_path, auto_migrate=auto_migrate):
            pass


async def test_a_migration_that_fails_leaves_the_schema_as_it_was(empty_url: str) -> None:
    async with open_engines(empty_url) as engines, engines.write.begin() as connection:
        await connection.execute(text("CREATE TABLE event_head (id INTEGER)"))
    with pytest.raises(Exception, match="event_head"):
        await migrate(empty_url)
    assert await look(empty_url, tables) == {"event_head"}


@pytest.mark.parametrize("noun", schema.NOUNS, ids=lambda noun: noun.kind)
def test_a_noun_has_a_column_for_each_field(noun: Any) -> None:
    assert sorted(noun.table.columns.keys()) == sorted(field.name for field in fields(noun.value))


def test_the_code_knows_each_migration() -> None:
    scripts = ScriptDirectory.from_config(config()).walk_revisions()
    assert tuple(script.revision for script in scripts)[::-1] == version.REVISIONS


async def test_a_server_that_finds_its_schema_current_does_not_load_alembic(
    sqlite_url: str, tmp_path: Path
) -> None:
    """It would cost a fifth of the start."""
    program = (
        "import asyncio, sys; from pathlib import Path; from infra.store import open_store\n"
        "async def main():\n"
        "    async with open_store(sys.argv[1], data_dir=Path(sys.argv[2])): pass\n"
        "asyncio.run(main()); sys.exit('alembic' in sys.modules or 'asyncpg' in sys.modules)"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, sqlite_url, str(tmp_path), cwd=Path(__file__).parents[2]
    )
    assert await process.wait() == 0
