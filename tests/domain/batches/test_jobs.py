"""Kubernetes Jobs for batches: made, kept as wanted, given up, and torn down on every path."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.batches.batch import Batch, BatchReason, BatchStatus, Place, TargetKind
from domain.batches.dedicating import Hopeless, Provided, Waiting
from domain.batches.jobs import SWEEP_EVERY, PodJobs, Providers
from domain.batches.jobs.ports import ClusterAway, JobRefused, JobSeen, NewJob
from domain.batches.jobs.tokens import FRESH, LIFE, Tokens
from domain.batches.tending import course
from domain.clock import Clock
from domain.errors import ModelyardError, Unauthenticated
from infra.secrets.sealer import AesSealer
from tests.support.dying import Died, Dying
from tests.support.stable import Stable

UNREADY = JobSeen(
    pods=0,
    since=None,
    is_ready=False,
    is_hopeless=False,
    failure=None,
    message="It is loading.",
    token_since=None,
)
MOST_CALLS = 60


@dataclass
class FakeJobs:
    """A cluster that does at once what it is told, but for pods: those are as the test says."""

    clock: Clock
    jobs: dict[str, JobSeen] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    made: list[NewJob] = field(default_factory=list)
    trouble: ModelyardError | None = None
    unmakeable: ModelyardError | None = None
    lingering: int = 0  # how often it is not gone yet

    def _begin(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    async def make(self, new: NewJob) -> None:
        self._begin()
        if self.unmakeable is not None:
            raise self.unmakeable
        self.made.append(new)
        self.jobs.setdefault(new.deployment.id, UNREADY)
        self._give(new.deployment.id, new.token)

    async def look(self, deployment_id: str) -> JobSeen | None:
        self._begin()
        return self.jobs.get(deployment_id)

    async def size(self, deployment_id: str, pods: int) -> None:
        self._begin()
        self.are(deployment_id, pods=pods)

    async def renew(self, deployment_id: str, token: str) -> None:
        self._begin()
        self._give(deployment_id, token)

    def _give(self, deployment_id: str, token: str) -> None:
        self.tokens[deployment_id] = token
        self.are(deployment_id, token_since=self.clock())

    async def log_tail(self, deployment_id: str, lines: int) -> list[str]:
        self._begin()
        return ["no weights"]

    async def remove(self, deployment_id: str) -> bool:
        self._begin()
        self.jobs.pop(deployment_id, None)
        self.lingering -= 1
        return self.lingering < 0

    async def all(self) -> list[str]:
        self._begin()
        return list(self.jobs)

    def are(self, deployment_id: str, **said: Any) -> None:
        self.jobs[deployment_id] = replace(self.jobs[deployment_id], **said)


class Yard:
    def __init__(self) -> None:
        self.stable = Stable()
        self.cluster = FakeJobs(self.stable.clock)
        self.tokens = Tokens(sealer=AesSealer(bytes(32)), clock=self.stable.clock)
        self.jobs = self.over(Dying(self.stable.store))

    def over(self, dying: Dying) -> PodJobs:
        return PodJobs(
            dedicating=self.stable.over(dying),
            cluster=self.cluster,
            tokens=self.tokens,
            reads=dying.reads,
            clock=self.stable.clock,
        )

    async def batch(self, **terms: Any) -> Batch:
        template = await self.stable.a_template()
        batch = await self.stable.a_job(template, **terms)
        place = Place(target=TargetKind.KUBERNETES_JOB, why="", template_id=template.id)
        return await self.put(batch, place=place, reason=BatchReason.PROVISIONING)

    async def put(self, batch: Batch, **said: Any) -> Batch:
        changed = replace(batch, **said)
        async with self.stable.store.start_work("ada", "request:1") as work:
            await work.batches.put(changed)
        return changed

    async def provide(self, batch: Batch) -> Any:
        return await self.jobs.provide(await self.stable.batch(batch))

    async def made(self, **terms: Any) -> tuple[Batch, str]:
        """A batch whose Job has its pods, and the deployment's id."""
        batch = await self.batch(**terms)
        for _ in range(2):
            await self.provide(batch)
        return await self.stable.batch(batch), (await self.stable.deployment(batch)).id


@pytest.fixture
def yard() -> Yard:
    return Yard()


async def test_a_job_is_made_of_a_hidden_deployment_without_replicas(yard: Yard) -> None:
    batch = await yard.batch()
    waiting = await yard.provide(batch)
    assert isinstance(waiting, Waiting)
    made = await yard.stable.deployment(batch)
    assert (made.desired_replicas, made.last_revision, made.is_dedicated) == (0, 1, True)
    assert (await yard.stable.player.live(made.id)) is None
    row = await yard.stable.row(made.id)
    assert row is not None
    assert row.batch_id == batch.id
    [new] = yard.cluster.made
    assert (new.batch_id, new.deployment, new.revision.number) == (batch.id, made, 1)
    assert new.ends_at > batch.expires_at
    assert yard.tokens.batch_of(new.token) == batch.id
    assert yard.cluster.jobs[made.id].pods == 0
    assert isinstance(await yard.provide(batch), Waiting)
    assert yard.cluster.jobs[made.id].pods == 2
    yard.cluster.are(made.id, is_ready=True)
    assert await yard.provide(batch) == Provided(made.id)
    assert len(yard.cluster.made) == 1


@pytest.mark.parametrize(
    ("terms", "pods"), [({"replicas": 5}, 5), ({"max_concurrency": 1}, 1), ({}, 2)]
)
async def test_it_has_as_many_pods_as_asked_for_and_may_send(
    yard: Yard, terms: dict[str, Any], pods: int
) -> None:
    _, id_ = await yard.made(**terms)
    assert yard.cluster.jobs[id_].pods == pods


async def test_a_paused_batch_has_no_pods(yard: Yard) -> None:
    batch, id_ = await yard.made()
    await yard.put(batch, paused_at=yard.stable.clock())
    assert await yard.provide(batch) == Provided(id_)
    assert yard.cluster.jobs[id_].pods == 0
    await yard.put(batch, paused_at=None)
    await yard.provide(batch)
    assert yard.cluster.jobs[id_].pods == 2


async def test_a_token_is_replaced_before_it_runs_out(yard: Yard) -> None:
    batch, id_ = await yard.made()
    first = yard.cluster.tokens[id_]
    await yard.provide(batch)
    assert yard.cluster.tokens[id_] == first
    yard.stable.clock.now += FRESH
    await yard.provide(batch)
    second = yard.cluster.tokens[id_]
    yard.stable.clock.now += LIFE - FRESH
    with pytest.raises(Unauthenticated):
        yard.tokens.batch_of(first)
    assert yard.tokens.batch_of(second) == batch.id


def since(yard: Yard, seconds: float) -> datetime:
    return yard.stable.clock() - timedelta(seconds=seconds)


async def test_what_is_not_ready_in_time_is_given_up_with_its_last_lines(yard: Yard) -> None:
    batch, id_ = await yard.made()
    yard.cluster.are(id_, since=since(yard, 899))
    assert isinstance(await yard.provide(batch), Waiting)
    yard.cluster.are(id_, since=since(yard, 901))
    given_up = await yard.provide(batch)
    assert isinstance(given_up, Hopeless)
    assert "No pod was ready within 900 s. It is loading." in given_up.message
    assert given_up.message.endswith("no weights")


async def test_what_can_never_be_ready_is_given_up_at_once(yard: Yard) -> None:
    batch, id_ = await yard.made()
    yard.cluster.are(id_, since=since(yard, 1), is_hopeless=True, message="CRASH_LOOP")
    given_up = await yard.provide(batch)
    assert isinstance(given_up, Hopeless)
    assert "CRASH_LOOP" in given_up.message


@pytest.mark.parametrize("said", [{"completed": 1}, {"reason": None}])
async def test_what_once_was_ready_is_waited_for(yard: Yard, said: dict[str, Any]) -> None:
    batch, id_ = await yard.made()
    yard.cluster.are(id_, since=since(yard, 9_000), is_hopeless=True)
    await yard.put(batch, **said)
    assert isinstance(await yard.provide(batch), Waiting)


async def test_no_pod_at_all_is_waited_for(yard: Yard) -> None:
    """As in a queue, or under a quota."""
    batch, _ = await yard.made()
    yard.stable.passes(hours=20)
    assert isinstance(await yard.provide(batch), Waiting)


async def test_a_job_that_failed_is_made_anew(yard: Yard) -> None:
    batch, id_ = await yard.made()
    yard.cluster.are(id_, failure="BackoffLimitExceeded")
    assert isinstance(await yard.provide(batch), Waiting)
    assert yard.cluster.jobs == {}
    await yard.provide(batch)
    assert list(yard.cluster.jobs) == [id_]


async def test_a_cluster_that_is_away_is_waited_for_and_a_refusal_is_not(yard: Yard) -> None:
    batch, _ = await yard.made()
    yard.cluster.trouble = ClusterAway(problem="it took too long")
    waiting = await yard.provide(batch)
    assert isinstance(waiting, Waiting)
    assert "it took too long" in waiting.message
    assert await yard.jobs.sweep() == SWEEP_EVERY
    yard.cluster.trouble, yard.cluster.unmakeable = None, JobRefused(problem="no image")
    refused = await yard.provide(await yard.batch())
    assert isinstance(refused, Hopeless)
    assert "no image" in refused.message


async def test_a_job_that_was_made_is_not_given_up_for_a_refusal(yard: Yard) -> None:
    """As of an API server that begins, and knows no roles yet; or for one that somebody deleted."""
    batch, id_ = await yard.made()
    yard.cluster.trouble = JobRefused(problem="not allowed to list jobs")
    waiting = await yard.provide(batch)
    assert isinstance(waiting, Waiting)
    assert "not allowed" in waiting.message
    yard.cluster.trouble, yard.cluster.unmakeable = None, JobRefused(problem="a policy")
    del yard.cluster.jobs[id_]
    await yard.put(batch, completed=1)
    assert isinstance(await yard.provide(batch), Waiting)


async def test_the_row_goes_after_the_last_pod(yard: Yard) -> None:
    batch, id_ = await yard.made()
    ended = await yard.stable.over_with(batch)
    yard.cluster.trouble = ClusterAway(problem="away")
    assert not await yard.jobs.give_back(ended)
    await yard.stable.dedicating.sweep()
    yard.cluster.trouble, yard.cluster.lingering = None, 1
    assert not await yard.jobs.give_back(ended)
    assert await yard.stable.row(id_) is not None
    assert await yard.jobs.give_back(ended)
    assert (yard.cluster.jobs, await yard.stable.row(id_)) == ({}, None)
    await yard.stable.stop_what_is_deleted()
    assert await yard.stable.deployments() == []


async def test_whoever_dies_over_providing_leaves_one_job_to_the_next(yard: Yard) -> None:
    batch = await yard.batch()
    died = 0
    for at in range(1, MOST_CALLS):
        jobs = yard.over(Dying(yard.stable.store, at=at))
        try:
            await jobs.provide(await yard.stable.batch(batch))
        except Died:
            died += 1
    assert died > 3
    [deployment] = await yard.stable.deployments()
    assert list(yard.cluster.jobs) == [deployment.id]


async def test_a_sweep_takes_what_no_living_batch_has(yard: Yard) -> None:
    living, kept = await yard.made()
    yard.cluster.jobs["nobodys"] = UNREADY
    await yard.jobs.sweep()
    assert list(yard.cluster.jobs) == [kept]
    await yard.stable.over_with(living)
    await yard.jobs.sweep()
    assert yard.cluster.jobs == {}


async def test_a_process_without_a_cluster_leaves_it_to_others(yard: Yard) -> None:
    batch, _ = await yard.made()
    alone = replace(yard.jobs, cluster=None)
    waiting = await alone.provide(batch)
    assert isinstance(waiting, Waiting)
    assert "MODELYARD_DRIVER" in waiting.message
    assert not await alone.give_back(await yard.stable.over_with(batch))
    assert await alone.sweep() == SWEEP_EVERY


async def test_each_place_has_its_own_provider(yard: Yard) -> None:
    both = Providers(yard.stable.dedicating, yard.jobs)
    dedicated = await yard.stable.a_job(await yard.stable.a_template("other"))
    await both.provide(dedicated)
    assert yard.cluster.made == []
    in_pods = await yard.batch()
    await both.provide(in_pods)
    assert [new.batch_id for new in yard.cluster.made] == [in_pods.id]


async def test_a_job_is_looked_after_as_long_as_its_batch_runs(yard: Yard) -> None:
    batch = await yard.batch()
    now, nobody = batch.created_at, course.Situation(0)
    for said in ({}, {"completed": 5}, {"paused_at": now}):
        assert course.step(replace(batch, **said), nobody, now) == course.Provide()
    assert course.step(replace(batch, completed=batch.total), nobody, now) == course.Close()
    over = replace(batch, ending=BatchStatus.CANCELLED)
    assert course.step(over, nobody, now) == course.Close()
