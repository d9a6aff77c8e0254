"""How many SQL statements a page costs: as many for twenty deployments as for two."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import event

from domain.access.access import Caller
from domain.access.service import OPEN
from domain.batches.batch import Place, TargetKind
from domain.clock import utc_now
from domain.definitions.request import RevisionRequest
from domain.definitions.variants import Variant
from domain.deployments.service import NewDeployment
from infra.settings import Settings
from infra.store import Store
from infra.wiring import running
from resolvers.context import Context, Services
from resolvers.root import Schema, build_schema
from tests.support.batches import (
    a_completed_batch,
    a_file,
    a_profile,
    an_external_endpoint,
)
from tests.support.builders import a_deployment, a_template
from tests.support.playing import promoted

PAGE = """query($first: Int!) { modelDeployments(first: $first) {
  totalCount
  edges { node {
    name status project { name } activeRevision { number digest }
    revisions(first: 3) { totalCount edges { node { number variant: runtimeVariant
      deployment { name } } } pageInfo { hasNextPage } } } }
  pageInfo { hasNextPage endCursor } } }"""
SECRETS = """{ secrets(first: 20) { edges { node { name usedBy { name } } } } }"""
EVENTS = """{ events(first: 100) { edges { node { __typename cursor
  ... on RevisionAdded { revision { number deployment { name } } deployment { name } } } } } }"""


@dataclass
class Counted:
    """An API over a real database, and the statements that it sent."""

    schema: Schema
    services: Services
    caller: Caller
    statements: list[str] = field(default_factory=list)

    async def ask(self, query: str, **variables: Any) -> tuple[dict[str, Any], int]:
        """The data, and how many statements it took."""
        self.statements.clear()
        context = Context.of(self.services, self.caller)
        result = await self.schema.execute(query, variable_values=variables, context_value=context)
        assert result.errors is None
        assert result.data is not None
        return result.data, len(self.statements)


@pytest.fixture(scope="module")
def schema() -> Schema:
    return build_schema()


@pytest.fixture
async def counted(schema: Schema, database_url: str, tmp_path: Path) -> AsyncIterator[Counted]:
    settings = Settings(
        data_dir=tmp_path / "data", database_url=SecretStr(database_url), model_roots=(tmp_path,)
    )
    async with running(settings) as parts:
        project = await parts.services.reads.projects.named("default")
        assert project is not None
        caller = Caller(principal=OPEN, project_id=project.id, request_id="r1")
        counted = Counted(schema, parts.services, caller)
        async with counting(parts.store, counted.statements):
            yield counted


@asynccontextmanager
async def counting(store: Store, statements: list[str]) -> AsyncIterator[None]:
    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    engine = store.events.engines.read.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield
    event.remove(engine, "before_cursor_execute", note)


async def some_deployments(counted: Counted, wanted: int) -> None:
    """Each with two revisions, the second active; all name one secret."""
    services, caller = counted.services, counted.caller
    await services.secrets.create(caller, "token", "value")
    for n in range(wanted):
        made = await services.deployments.create(caller, NewDeployment(name=f"d{n}"))
        for activate in (False, True):
            request = RevisionRequest(
                deployment_id=made.id,
                runtime_variant=Variant.ECHO,
                draft={"environment": [{"name": "TOKEN", "secret": "token"}]},
                activate=activate,
            )
            await services.deployments.add_revision(caller, request)
        await promoted(services.deployments.start_work, services.reads, made.id, utc_now())


async def test_a_page_costs_a_constant_number_of_statements(counted: Counted) -> None:
    await some_deployments(counted, 20)
    few, few_statements = await counted.ask(PAGE, first=2)
    many, many_statements = await counted.ask(PAGE, first=20)
    assert [len(page["modelDeployments"]["edges"]) for page in (few, many)] == [2, 20]
    last = many["modelDeployments"]["edges"][-1]["node"]
    assert last["activeRevision"]["number"] == 2
    assert [edge["node"]["number"] for edge in last["revisions"]["edges"]] == [1, 2]
    assert last["revisions"]["edges"][0]["node"]["deployment"]["name"] == last["name"]
    assert many_statements == few_statements
    assert many_statements <= 7


async def test_what_hangs_below_secrets_and_events_is_loaded_together(counted: Counted) -> None:
    await some_deployments(counted, 8)
    secrets, statements = await counted.ask(SECRETS)
    (edge,) = secrets["secrets"]["edges"]
    assert len(edge["node"]["usedBy"]) == 8
    assert statements <= 3
    events, statements = await counted.ask(EVENTS)
    added = [e["node"] for e in events["events"]["edges"] if "revision" in e["node"]]
    assert len(added) == 16
    assert all(node["revision"]["deployment"] == node["deployment"] for node in added)
    assert statements <= 4


JOBS = """query($first: Int!) { batchJobs(first: $first) { totalCount nodes {
  status project { name } deployment { name status } externalEndpoint { name } template { name }
  profile { name } retryOf { status } inputFile { filename } outputFile { filename }
  errorFile { bytes } counts { total } } } }"""


async def some_jobs(counted: Counted, wanted: int) -> None:
    """Each with everything of its own that a job can have."""
    services, caller = counted.services, counted.caller
    project = await services.reads.projects.named("default")
    assert project is not None
    before: str | None = None
    async with services.deployments.start_work("ada", "request:1") as work:
        for _ in range(wanted):
            deployment, template = a_deployment(project), a_template(project)
            profile, endpoint = a_profile(project), an_external_endpoint(project)
            files = [a_file(project) for _ in range(3)]
            await work.deployments.add(deployment)
            await work.templates.add(template)
            await work.batch_profiles.add(profile)
            await work.external_endpoints.add(endpoint)
            for file in files:
                await work.files.add(file)
            place = Place(
                target=TargetKind.DEDICATED,
                why="x",
                deployment_id=deployment.id,
                external_endpoint_id=endpoint.id,
                template_id=template.id,
            )
            job = a_completed_batch(
                project,
                place=place,
                profile_id=profile.id,
                retry_of=before,
                input_file_id=files[0].id,
                output_file_id=files[1].id,
                error_file_id=files[2].id,
            )
            await work.batches.add(job)
            before = job.id
    assert caller.project_id == project.id


async def test_a_page_of_jobs_costs_a_constant_number_of_statements(counted: Counted) -> None:
    await some_jobs(counted, 20)
    few, few_statements = await counted.ask(JOBS, first=2)
    many, many_statements = await counted.ask(JOBS, first=20)
    assert [len(page["batchJobs"]["nodes"]) for page in (few, many)] == [2, 20]
    assert {node["deployment"]["status"] for node in many["batchJobs"]["nodes"]} == {"READY"}
    assert sum(node["retryOf"] is not None for node in many["batchJobs"]["nodes"]) == 19
    assert all(node["errorFile"] for node in many["batchJobs"]["nodes"])
    assert many_statements == few_statements
    assert many_statements <= 11
