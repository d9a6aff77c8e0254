"""Batch jobs with deployments of their own, on a real server, and what there is of these.

async with visiting(server.url) as visitor: await visitor.heard(job, lambda event: ...)
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from domain.clock import MonotonicTimer
from infra.process.processes import MARK
from schema.relay import global_id
from tests.support.api import Api, a_client, following
from tests.support.kill_jobs import Ended, Job, ended

EVENTS = """subscription($id: ID!, $after: String) {
  batchJobEvents(batchJobId: $id, after: $after) { __typename
    ... on BatchJobPlaced { why placedDeploymentId }
    ... on BatchJobProgressed { completed failed }
    ... on BatchJobStatusChanged { jobStatusAfter jobReason } } }"""
JOB = "query($id: ID!) { batchJob(id: $id) { deployment { id status isDedicated } } }"
DEPLOYMENT = """query($id: ID!) { modelDeployment(id: $id) { id status
  replicas(first: 100) { nodes { id status } } } }"""
LISTED = "{ modelDeployments(first: 100) { nodes { id } } }"
DEDICATED = """{ modelDeployments(first: 100, filter: {isDedicated: {eq: true}}) {
  nodes { id status } } }"""
FINAL = {"COMPLETED", "FAILED", "EXPIRED", "CANCELLED"}
WITHIN = 60.0
LOOK = 0.02

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Visitor:
    api: Api
    url: str
    after: str  # the cursor that it came at

    async def template(
        self, name: str, command: str = "", ready_timeout: float | None = None
    ) -> None:
        """Active, of the echo engine; with a start command of its own where one is given."""
        model = {"name": name, "service": {"start_command": command, "port": 8_000}}
        said: dict[str, Any] = {
            "name": name,
            "runtimeVariant": "ECHO",
            "spec": {"models": [model]} if command else {},
            "status": "ACTIVE",
        }
        if ready_timeout is not None:
            said["batch"] = {"readyTimeout": f"PT{ready_timeout:g}S"}
        await self.api.change("createDeploymentTemplate", said)

    async def heard(self, job: Job, is_so: Callable[[Event], bool]) -> Event:
        """The job's first event that is so."""
        said = {"id": global_id("BatchJob", job.key), "after": self.after}
        async with following(self.url, EVENTS, **said) as payloads:
            async for payload in payloads:
                event: Event = payload["data"]["batchJobEvents"]
                if is_so(event):
                    return event
        raise AssertionError(f"the events of {job.id} ended")

    async def end_of(self, job: Job) -> Ended:
        await self.heard(job, lambda event: event.get("jobStatusAfter") in FINAL)
        return await ended(self.api.http, job)

    async def placed(self, job: Job) -> Event:
        """Told when it has its deployment."""
        return await self.heard(job, lambda event: event.get("placedDeploymentId") is not None)

    async def dedicated(self) -> list[Any]:
        return list((await self.api.get(DEDICATED))["modelDeployments"]["nodes"])

    async def change(self, mutation: str, job: Job) -> None:
        await self.api.change(mutation, {"batchJobId": global_id("BatchJob", job.key)})

    async def replicas(self, deployment_id: str) -> list[Any]:
        found = (await self.api.get(DEPLOYMENT, id=deployment_id))["modelDeployment"]
        return list(found["replicas"]["nodes"]) if found else []

    async def completed(self, job: Job) -> int:
        shown = (await self.api.http.get(f"/v1/batches/{job.id}")).json()
        return int(shown["request_counts"]["completed"])

    async def all_healthy(self, deployment_id: str, count: int) -> None:
        async with within() as looks:
            async for _ in looks:
                statuses = [each["status"] for each in await self.replicas(deployment_id)]
                if statuses == ["HEALTHY"] * count:
                    return

    async def none_left(self, data_dir: Path, *jobs: Job) -> None:
        """Soon nothing is there but the stopped deployments of these jobs."""
        async with within() as looks:
            async for _ in looks:
                statuses = [each["status"] for each in await self.dedicated()]
                if not replica_processes(data_dir) and set(statuses) <= {"STOPPED"}:
                    break
        assert (await self.api.get(LISTED))["modelDeployments"]["nodes"] == []
        for job in jobs:
            shown = await self.api.get(JOB, id=global_id("BatchJob", job.key))
            deployment = shown["batchJob"]["deployment"]
            assert (deployment["status"], deployment["isDedicated"]) == ("STOPPED", True)


@asynccontextmanager
async def visiting(url: str) -> AsyncIterator[Visitor]:
    async with a_client(url) as api:
        cursor = (await api.get("{ eventCursor }"))["eventCursor"]
        yield Visitor(api, url, cursor)


@asynccontextmanager
async def within(seconds: float = WITHIN) -> AsyncIterator[AsyncIterator[None]]:
    """Looks until the caller has seen enough, or the time is up."""
    timer, never = MonotonicTimer(), asyncio.Event()

    async def looks() -> AsyncIterator[None]:
        while True:
            yield
            await timer.wait(never, LOOK)

    async with asyncio.timeout(seconds):
        yield looks()


def replica_processes(data_dir: Path) -> dict[int, str]:
    """Their replicas' ids, by pid."""
    found = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            environ = process.environ()
            if MARK in environ and str(data_dir) in " ".join(map(str, environ.values())):
                found[process.pid] = environ[MARK].rpartition(":")[2]
    return found


def answering(end: Ended) -> Counter[str]:
    """How many lines each replica answered."""
    return Counter(line["response"]["modelyard"]["replica"] for line in end.output)
