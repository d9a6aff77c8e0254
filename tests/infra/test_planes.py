"""Two control planes' loops, each a process of its own, on one PostgreSQL."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import pytest

from domain.clock import utc_now
from domain.deployments.deployment import Deployment, DeploymentStatus
from domain.deployments.facts import DeploymentScaled, RevisionActivated
from domain.deployments.ports import SHARDS
from domain.deployments.rollout import Rollout, RolloutKind, RolloutStatus
from domain.deployments.shards import shard_of
from infra.db.leases import SHARD_ROWS
from infra.store import Store, open_store
from tests.support.builders import a_deployment, a_project, a_revision, fresh
from tests.support.server import ROOT, environment

WAIT = 60.0
SOME = 24


@dataclass(slots=True)
class Plane:
    process: Process
    folder: Path
    said: list[list[str]] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.said.append(line.decode().split())
            self.heard.set()

    async def tells(self, wanted: Callable[[list[list[str]]], bool]) -> None:
        """Until what it said is as wanted."""
        async with asyncio.timeout(WAIT):
            while not wanted(self.said):
                self.heard.clear()
                await self.heard.wait()

    async def holds(self, shards: int) -> None:
        await self.tells(lambda said: self.words("leases")[-1:] == [str(shards)])

    def words(self, first: str) -> list[str]:
        return [line[1] for line in self.said if line[0] == first]

    def send(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)


@asynccontextmanager
async def a_plane(url: str, folder: Path, name: str) -> AsyncIterator[Plane]:
    own = folder / name
    own.mkdir()
    run = [sys.executable, "-m", "tests.support.plane_process", url, str(own), name]
    process = await asyncio.create_subprocess_exec(*run, stdout=PIPE, env=environment(), cwd=ROOT)
    plane = Plane(process, own)
    listening = asyncio.create_task(plane.listen())
    try:
        yield plane
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening


@dataclass(frozen=True, slots=True)
class Pair:
    store: Store
    one: Plane
    two: Plane

    async def deployments(
        self, number: int, shards: Collection[int] = range(SHARDS)
    ) -> list[Deployment]:
        """Each activated by a user."""
        return [await self._deployment(shards) for _ in range(number)]

    async def ready(self, deployments: list[Deployment]) -> None:
        ids = [deployment.id for deployment in deployments]
        async with asyncio.timeout(WAIT):
            while True:
                found = (await self.store.reads.deployments.by_ids(ids)).values()
                counts = Counter(each.status for each in found)
                if counts[DeploymentStatus.READY] == len(ids):
                    return
                await asyncio.sleep(0.1)

    async def scale(self, deployment: Deployment, desired: int) -> None:
        async with self.store.start_work("ada", "request:2") as work:
            locked = await work.deployments.lock(deployment.id)
            assert locked is not None
            await work.deployments.put(replace(locked, desired_replicas=desired))
            await work.look(deployment.id, utc_now())
            fact = DeploymentScaled(
                deployment_id=deployment.id, replicas_before=1, replicas_after=desired
            )
            work.record(deployment.project_id, fact)

    async def _deployment(self, shards: Collection[int]) -> Deployment:
        now = utc_now()
        project = await self.store.reads.projects.named("default") or a_project()
        some = (a_deployment(project, last_revision=1) for _ in count())
        deployment = next(one for one in some if shard_of(one.id) in shards)
        deployment = replace(deployment, status=DeploymentStatus.DEPLOYING)
        revision = a_revision(deployment)
        rollout = Rollout(
            id=fresh(),
            project_id=deployment.project_id,
            deployment_id=deployment.id,
            kind=RolloutKind.ACTIVATION,
            revision_id=revision.id,
            revision_number=1,
            from_revision_id=None,
            strategy=deployment.strategy,
            status=RolloutStatus.RUNNING,
            status_since=now,
            progress_deadline=600.0,
            progressed_at=now,
            created_at=now,
            created_by="ada",
        )
        async with self.store.start_work("ada", "request:1") as work:
            await work.deployments.add(deployment)
            await work.revisions.add(revision)
            await work.rollouts.add(rollout)
            await work.look(deployment.id, now)
            fact = RevisionActivated(deployment_id=deployment.id, revision_id=revision.id, number=1)
            work.record(deployment.project_id, fact)
        return deployment


@pytest.fixture
async def pair(postgres_url: str, tmp_path: Path) -> AsyncIterator[Pair]:
    """They share by now."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(postgres_url, data_dir=tmp_path))
        one = await stack.enter_async_context(a_plane(postgres_url, tmp_path, "one"))
        two = await stack.enter_async_context(a_plane(postgres_url, tmp_path, "two"))
        await one.holds(SHARDS // 2)
        await two.holds(SHARDS // 2)
        yield Pair(store, one, two)


async def test_a_killed_planes_share_moves_within_the_lease(pair: Pair) -> None:
    deployments = await pair.deployments(SOME)
    await pair.ready(deployments)
    started = {*pair.one.words("start"), *pair.two.words("start")}
    assert len(pair.one.words("start")) + len(pair.two.words("start")) == len(started) == SOME
    assert pair.one.words("start")
    killed = asyncio.get_running_loop().time()
    pair.one.send(signal.SIGKILL)
    await pair.two.holds(SHARDS)
    assert asyncio.get_running_loop().time() - killed < 25
    for deployment in deployments:
        await pair.scale(deployment, 2)
    await pair.two.tells(lambda said: len(pair.two.words("start")) + len(started) >= 2 * SOME)
    await pair.ready(deployments)
    assert set(pair.one.words("start")) <= set(pair.two.words("observe"))
    found = await pair.store.reads.replicas.present([each.id for each in deployments])
    present = [replica.id for replicas in found.values() for replica in replicas]
    assert len(present) == 2 * SOME
    assert started <= set(present)


async def test_a_plane_that_was_stopped_past_its_lease_commits_nothing_and_does_not_act(
    pair: Pair,
) -> None:
    (pair.one.folder / "hang").touch()
    deployments = await pair.deployments(SOME)
    await pair.one.tells(lambda said: ["hangs"] in said)
    await pair.two.holds(SHARDS)
    await pair.ready(deployments)
    assert pair.one.words("start") == []
    pair.one.send(signal.SIGCONT)
    await pair.one.tells(lambda said: ["worked"] in said)
    await pair.one.holds(SHARDS // 2)
    await pair.ready(deployments)
    found = await pair.store.reads.replicas.present([each.id for each in deployments])
    present = [replica.id for replicas in found.values() for replica in replicas]
    assert sorted(present) == sorted(pair.two.words("start"))
    assert pair.one.words("start") == []


async def test_a_plane_that_was_stopped_after_its_commit_leaves_the_act_to_the_other(
    pair: Pair,
) -> None:
    """One deployment alone: of several units of work that a stopped process has begun, each is ended only
    10 s after the one that it waited for."""
    (pair.one.folder / "hang-behind").touch()
    rows = await pair.store.events.engines.rows(SHARD_ROWS)
    deployments = await pair.deployments(1, {row.id for row in rows if row.owner == "one"})
    await pair.one.tells(lambda said: ["hangs"] in said)
    await pair.two.holds(SHARDS)
    await pair.ready(deployments)
    pair.one.send(signal.SIGCONT)
    await pair.one.tells(lambda said: ["worked"] in said)
    await pair.one.holds(SHARDS // 2)
    assert (len(pair.one.words("start")), len(pair.two.words("start"))) == (0, 1)
