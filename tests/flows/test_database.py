"""The whole application while its PostgreSQL goes away, comes back, or has another schema."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from infra import app, serving, wiring
from infra.db.version import SchemaOlder
from infra.settings import Settings, load
from tests.support.api import a_client as api_client
from tests.support.api import following
from tests.support.postgres import Cluster, Databases, stop
from tests.support.server import running

CREATE = 'mutation { createModelDeployment(input: {name: "NAME"}) { deployment { id } } }'
EVENTS = """subscription($after: String) {
  events(after: $after) { ... on DeploymentCreated { name } } }"""


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL of the test's own, not yet started."""
    cluster = Cluster.create()
    try:
        yield cluster
    finally:
        cluster.remove()


def settings(tmp_path: Path, url: str, *, auto_migrate: bool = False) -> Settings:
    return load(port=0, data_dir=tmp_path, database_url=url, auto_migrate=auto_migrate)


@asynccontextmanager
async def a_client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with wiring.running(settings) as parts:
        transport = httpx.ASGITransport(app.build(parts).asgi)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client


async def test_a_server_is_ready_while_its_database_is_there(
    cluster: Cluster, tmp_path: Path
) -> None:
    running = await asyncio.to_thread(cluster.start)
    try:
        async with a_client(settings(tmp_path, cluster.url, auto_migrate=True)) as client:
            assert (await client.get("/readyz")).status_code == 200
            stop(running)
            unready = await client.get("/readyz")
            assert unready.status_code == 503
            assert unready.json()["problem"] == "STORAGE_UNAVAILABLE"
            assert (await client.get("/healthz")).status_code == 200
            refused = await client.post("/graphql", json={"query": "{apiVersion}"})
            assert refused.status_code == 503
            assert refused.json()["errors"][0]["extensions"]["code"] == "STORAGE_UNAVAILABLE"
            running = await asyncio.to_thread(cluster.start)
            assert (await client.get("/readyz")).status_code == 200
            answered = await client.post("/graphql", json={"query": "{apiVersion}"})
            assert answered.status_code == 200
    finally:
        stop(running)


async def test_a_subscriber_hears_all_although_the_database_was_away(
    cluster: Cluster, tmp_path: Path
) -> None:
    database = await asyncio.to_thread(cluster.start)
    env = {"MODELYARD_DATABASE_URL": cluster.url, "MODELYARD_AUTO_MIGRATE": "true"}
    try:
        with running(tmp_path / "data", env=env) as server:
            async with api_client(server.url) as api:
                after = (await api.get("{eventCursor}"))["eventCursor"]
                async with following(server.url, EVENTS, after=after) as payloads:
                    for name in ("a", "b", "c"):
                        await api.deployment(name)
                        assert (await anext(payloads))["data"]["events"] == {"name": name}
                        await asyncio.to_thread(stop, database)
                        refused = await api.ask(CREATE.replace("NAME", "lost"))
                        code = refused["errors"][0]["extensions"]["code"]
                        assert code == "STORAGE_UNAVAILABLE"
                        database = await asyncio.to_thread(cluster.start)
                    await api.deployment("lost")
                    assert (await anext(payloads))["data"]["events"] == {"name": "lost"}
                assert len(await api.events(after)) == 4
    finally:
        await asyncio.to_thread(stop, database)


async def test_an_older_schema_is_refused_with_the_command_that_mends_it(
    databases: Databases, tmp_path: Path
) -> None:
    with databases.cloned() as url:
        with pytest.raises(SchemaOlder, match="modelyard migrate"):
            await serving.serve(settings(tmp_path, url), "0")
        async with a_client(settings(tmp_path, url, auto_migrate=True)) as client:
            assert (await client.get("/readyz")).status_code == 200
