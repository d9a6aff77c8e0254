"""A deployment comes for a batch, and goes with it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.batches.batch import BatchReason, BatchStatus
from domain.batches.dedicating import SWEEP_EVERY, Dedicating, Hopeless, Provided, Waiting
from domain.batches.dedicating.obtaining import acting
from domain.batches.facts import BatchJobPlaced
from domain.deployments.deployment import DeploymentStatus
from domain.deployments.reason import Reason
from domain.deployments.rollout import RolloutStatus
from domain.deployments.rollouts import Activation, RollBack
from domain.deployments.service import NewDeployment
from domain.errors import MadeForBatch
from domain.listing import Listing
from domain.templates.template import Template
from tests.support.dying import Died, Dying
from tests.support.playing import Player
from tests.support.stable import Stable

MOST_CALLS = 200
HOUR = 3_600.0


@pytest.fixture
def stable() -> Stable:
    return Stable()


async def dies_at_each_call(stable: Stable, act: Callable[[Dedicating], Awaitable[object]]) -> int:
    """The process dies at its first call of the store; the next one at its second, and so on, until one
    gets through. How many died."""
    for at in range(1, MOST_CALLS):
        try:
            await act(stable.over(Dying(stable.store, at=at)))
        except Died:
            continue
        return at - 1
    raise AssertionError("no end in sight")


async def test_a_deployment_is_made_activated_and_awaited(stable: Stable) -> None:
    batch = await stable.a_job(await stable.a_template())
    waiting = await stable.dedicating.provide(batch)
    made = await stable.deployment(batch)
    assert isinstance(waiting, Waiting)
    assert (waiting.reason, "DEPLOYING" in waiting.message) == (BatchReason.PROVISIONING, True)
    assert (made.name, made.is_dedicated) == (f"batch-{batch.id[:12]}", True)
    assert (made.desired_replicas, made.last_revision) == (2, 1)
    live = await stable.player.live(made.id)
    assert live is not None
    assert live.progress_deadline == 900.0
    await stable.serve(made.id)
    assert await stable.dedicating.provide(await stable.batch(batch)) == Provided(made.id)
    placed = [fact for fact in await stable.house.facts() if isinstance(fact, BatchJobPlaced)]
    assert [fact.placed_deployment_id for fact in placed] == [made.id]


async def test_one_healthy_replica_is_enough_to_begin(stable: Stable) -> None:
    batch = await stable.a_job(await stable.a_template(), replicas=3)
    await stable.dedicating.provide(batch)
    made = await stable.deployment(batch)
    live = await stable.player.live(made.id)
    assert live is not None
    revision = (await stable.store.reads.revisions.by_ids([live.revision_id]))[live.revision_id]
    await stable.player.heal(await stable.player.start(revision))
    assert await stable.dedicating.provide(await stable.batch(batch)) == Provided(made.id)


async def test_whoever_dies_over_providing_leaves_one_deployment_to_the_next(
    stable: Stable,
) -> None:
    batch = await stable.a_job(await stable.a_template())

    async def act(dedicating: Dedicating) -> None:
        await dedicating.provide(await stable.batch(batch))

    assert await dies_at_each_call(stable, act) > 10
    (made,) = await stable.deployments()
    assert (await stable.deployment(batch)).id == made.id
    assert made.last_revision == 1
    rollouts = await stable.store.reads.rollouts.page(Listing(first=10))
    assert len(rollouts.items) == 1


async def test_each_death_alone_is_survived(stable: Stable) -> None:
    """One process dies at the k-th call, the next one begins from the start and comes to the end."""
    died = 0
    for at in range(1, MOST_CALLS):
        own = Stable()
        batch = await own.a_job(await own.a_template())
        try:
            await own.over(Dying(own.store, at=at)).provide(batch)
        except Died:
            died += 1
            await own.provided(batch)
            (made,) = await own.deployments()
            ended = await own.over_with(batch)
            try:
                await own.over(Dying(own.store, at=at)).give_back(ended)
            except Died:
                while not await own.dedicating.give_back(ended):
                    continue
                await own.dedicating.sweep()
            await own.stop_what_is_deleted()
            assert not await own.deployments()
            assert await own.row(made.id) is None
            continue
        break
    assert died > 10


async def test_whoever_dies_over_giving_back_leaves_nothing(stable: Stable) -> None:
    batch = await stable.a_job(await stable.a_template())
    deployment_id = await stable.provided(batch)
    ended = await stable.over_with(batch)
    assert await dies_at_each_call(stable, lambda dedicating: dedicating.give_back(ended)) > 3
    (left,) = await stable.deployments()
    assert left.status is DeploymentStatus.STOPPING
    assert await stable.row(deployment_id) is None
    await stable.stop_what_is_deleted()
    assert not await stable.deployments()
    assert await stable.dedicating.give_back(ended)


async def test_two_who_provide_at_once_make_one(stable: Stable) -> None:
    batch = await stable.a_job(await stable.a_template())
    await asyncio.gather(*(stable.dedicating.provide(batch) for _ in range(5)))
    (made,) = await stable.deployments()
    await stable.serve(made.id)
    assert await stable.dedicating.provide(await stable.batch(batch)) == Provided(made.id)
    assert (await stable.player.deployment(made.id)).last_revision == 1


async def test_two_jobs_at_once_on_one_template_have_a_deployment_each(stable: Stable) -> None:
    template = await stable.a_template()
    jobs = [await stable.a_job(template) for _ in range(2)]
    first, second = await asyncio.gather(*map(stable.provided, jobs))
    assert first != second
    assert len({made.name for made in await stable.deployments()}) == 2


async def test_a_name_that_a_user_has_is_left_to_them(stable: Stable) -> None:
    batch = await stable.a_job(await stable.a_template())
    taken = NewDeployment(name=f"batch-{batch.id[:12]}")
    theirs = await stable.house.deployments.create(stable.house.caller, taken)
    await stable.dedicating.provide(batch)
    made = await stable.deployment(batch)
    assert made.id != theirs.id
    assert made.name.startswith("batch-")


async def warm(stable: Stable, **terms: float) -> str:
    """A deployment that a job left behind."""
    batch = await stable.a_job(await _template(stable), keep_alive=HOUR, **terms)
    deployment_id = await stable.provided(batch)
    assert await stable.dedicating.give_back(await stable.over_with(batch))
    row = await stable.row(deployment_id)
    assert row is not None
    assert (row.batch_id, row.keep_until) == (None, stable.clock() + timedelta(seconds=HOUR))
    return deployment_id


async def _template(stable: Stable, name: str = "llama") -> Template:
    versions = await stable.store.reads.templates.versions(stable.store.default.id, name)
    return versions[0] if versions else await stable.a_template(name)


async def test_a_warm_one_is_used_by_the_next_job_with_as_many_replicas_as_that_asks(
    stable: Stable,
) -> None:
    kept = await warm(stable)
    stable.passes(minutes=10)
    batch = await stable.a_job(await _template(stable), replicas=4)
    assert await stable.dedicating.provide(batch) == Provided(kept)
    assert (await stable.deployment(batch)).desired_replicas == 4
    row = await stable.row(kept)
    assert row is not None
    assert (row.batch_id, row.keep_until) == (batch.id, None)


async def test_two_jobs_never_take_the_same_warm_one(stable: Stable) -> None:
    kept = await warm(stable)
    jobs = [await stable.a_job(await _template(stable)) for _ in range(2)]
    await asyncio.gather(*map(stable.dedicating.provide, jobs))
    had = [(await stable.deployment(job)).id for job in jobs]
    assert len(set(had)) == 2
    assert kept in had


async def test_a_template_with_another_digest_gets_its_own(stable: Stable) -> None:
    kept = await warm(stable)
    other = await stable.a_template("other")
    other = replace(other, spec={**other.spec, "environment": {"A": {"value": "1"}}})
    async with stable.store.start_work("ada", "request:1") as work:
        await work.templates.put(other)
    batch = await stable.a_job(other)
    await stable.dedicating.provide(batch)
    assert (await stable.deployment(batch)).id != kept


async def test_whoever_dies_over_taking_a_warm_one_leaves_it_to_the_next(stable: Stable) -> None:
    kept = await warm(stable)
    batch = await stable.a_job(await _template(stable), replicas=3)

    async def act(dedicating: Dedicating) -> None:
        assert await dedicating.provide(await stable.batch(batch)) == Provided(kept)

    assert await dies_at_each_call(stable, act) > 5
    assert [made.id for made in await stable.deployments()] == [kept]


async def test_who_is_late_to_delete_takes_a_warm_one_from_nobody(stable: Stable) -> None:
    """A worker that stalled over giving back, while another did it and a third job took it."""
    batch = await stable.a_job(await _template(stable), keep_alive=HOUR)
    kept = await stable.provided(batch)
    ended = await stable.over_with(batch)
    stale = await stable.row(kept)
    assert stale is not None
    assert await stable.dedicating.give_back(ended)
    after = await stable.a_job(await _template(stable))
    assert await stable.dedicating.provide(after) == Provided(kept)
    assert not await stable.dedicating._is_deleted(acting(ended), stale)
    assert (await stable.player.deployment(kept)).deleted_at is None


async def test_what_outlived_its_time_is_swept_and_what_is_in_use_is_not(stable: Stable) -> None:
    used = await stable.provided(await stable.a_job(await _template(stable)))
    kept = await warm(stable)
    await stable.dedicating.sweep()
    assert (await stable.player.deployment(kept)).deleted_at is None
    stable.passes(hours=1, seconds=1)
    assert await dies_at_each_call(stable, lambda dedicating: dedicating.sweep()) > 3
    assert (await stable.player.deployment(kept)).deleted_at is not None
    assert await stable.row(kept) is None
    assert (await stable.player.deployment(used)).deleted_at is None


async def test_a_sweep_comes_when_the_first_warm_one_has_to_go(stable: Stable) -> None:
    assert await stable.dedicating.sweep() == SWEEP_EVERY
    assert not stable.dedicating.kept.is_set()
    await warm(stable)
    assert stable.dedicating.kept.is_set()
    assert await stable.dedicating.sweep() == SWEEP_EVERY
    stable.passes(minutes=59, seconds=55)
    assert await stable.dedicating.sweep() == 5.0


async def test_what_is_kept_warm_is_known_by_what_it_runs(stable: Stable) -> None:
    """The model folder's file may have changed after the batch's deployment was decided upon."""
    batch = await stable.a_job(await _template(stable), keep_alive=HOUR)
    kept = await stable.provided(batch)
    row = await stable.row(kept)
    assert row is not None
    async with stable.store.start_work("ada", "request:1") as work:
        await work.dedicated.put(replace(row, digest="0" * 64))
    assert await stable.dedicating.give_back(await stable.over_with(batch))
    assert await stable.row(kept) == replace(
        row, batch_id=None, keep_until=stable.clock() + timedelta(seconds=HOUR)
    )


async def test_what_is_not_healthy_is_not_kept_warm(stable: Stable) -> None:
    batch = await stable.a_job(await stable.a_template(), keep_alive=HOUR)
    await stable.dedicating.provide(batch)
    deployment_id = (await stable.deployment(batch)).id
    assert await stable.dedicating.give_back(await stable.over_with(batch))
    assert (await stable.player.deployment(deployment_id)).deleted_at is not None


@pytest.mark.parametrize("ending", [BatchStatus.CANCELLED, BatchStatus.EXPIRED])
async def test_a_batch_that_ends_gets_no_deployment_any_more(
    stable: Stable, ending: BatchStatus
) -> None:
    batch = await stable.a_job(await stable.a_template())
    ended = await stable.over_with(batch, ending)
    assert isinstance(await stable.dedicating.provide(batch), Waiting)
    assert not await stable.deployments()
    assert await stable.dedicating.give_back(ended)


async def fail(player: Player, deployment_id: str) -> None:
    """As the reconciler has a first rollout fail."""
    live = await player.live(deployment_id)
    assert live is not None
    said = "Revision 1 failed. 3 replicas ended before they were ever healthy."
    revisions = await player.house.store.reads.revisions.by_ids([live.revision_id])
    await player.group(revisions[live.revision_id], log_tail=("CUDA", "out of memory"))
    await player.put(
        replace(
            live, status=RolloutStatus.FAILED, reason=Reason.TOO_MANY_EXITS, message=said,
            finished_at=player.house.clock(),
        )
    )  # fmt: skip
    await player.become(deployment_id, DeploymentStatus.DEGRADED, Reason.NO_HEALTHY_REVISION)


async def test_a_rollout_that_failed_is_hopeless_and_tells_why(stable: Stable) -> None:
    batch = await stable.a_job(await stable.a_template())
    await stable.dedicating.provide(batch)
    await fail(stable.player, (await stable.deployment(batch)).id)
    said = await stable.dedicating.provide(await stable.batch(batch))
    assert isinstance(said, Hopeless)
    assert "3 replicas ended before they were ever healthy" in said.message
    assert said.message.endswith("CUDA\nout of memory")
    assert await stable.dedicating.give_back(await stable.over_with(batch))
    await stable.stop_what_is_deleted()
    assert not await stable.deployments()


async def test_what_is_not_ready_in_time_is_hopeless_with_what_its_replica_wrote(
    stable: Stable,
) -> None:
    batch = await stable.a_job(await stable.a_template(ready_timeout=60.0))
    await stable.dedicating.provide(batch)
    made = await stable.deployment(batch)
    live = await stable.player.live(made.id)
    assert live is not None
    revision = (await stable.store.reads.revisions.by_ids([live.revision_id]))[live.revision_id]
    replica = await stable.player.start(revision)
    stable.house.written.write(replica.id, "loading weights")
    stable.passes(seconds=59)
    waiting = await stable.dedicating.provide(await stable.batch(batch))
    assert isinstance(waiting, Waiting)
    assert waiting.look_at == made.created_at + timedelta(seconds=60)
    stable.passes(seconds=1)
    said = await stable.dedicating.provide(await stable.batch(batch))
    assert isinstance(said, Hopeless)
    assert "No replica was ready within 60 s." in said.message
    assert said.message.endswith("loading weights")


async def test_what_once_served_is_waited_for(stable: Stable) -> None:
    batch = await stable.a_job(await stable.a_template(ready_timeout=60.0))
    deployment_id = await stable.provided(batch)
    for replica in (await stable.store.reads.replicas.present([deployment_id]))[deployment_id]:
        await stable.player.exit(replica)
    stable.passes(hours=5)
    assert isinstance(await stable.dedicating.provide(await stable.batch(batch)), Waiting)


async def test_a_template_that_makes_no_revision_is_hopeless(stable: Stable) -> None:
    template = await stable.a_template()
    broken = replace(template, spec={"environment": {"TOKEN": {"secret": "nobody-knows"}}})
    async with stable.store.start_work("ada", "request:1") as work:
        await work.templates.put(broken)
    batch = await stable.a_job(broken)
    said = await stable.dedicating.provide(batch)
    assert isinstance(said, Hopeless)
    assert "nobody-knows" in said.message
    assert not await stable.deployments()


async def test_nobody_else_decides_about_it_while_a_batch_has_it(stable: Stable) -> None:
    batch = await stable.a_job(await stable.a_template())
    made = await stable.player.deployment(await stable.provided(batch))
    house, caller = stable.house, stable.house.caller
    revision_id = made.active_revision_id
    assert revision_id is not None
    for decision in (
        house.deployments.scale(caller, made.id, 5),
        house.deployments.update(caller, made.id, {"name": "mine"}),
        house.deployments.delete(caller, made.id),
        house.rollouts.activate(caller, Activation(revision_id=revision_id)),
        house.rollouts.roll_back(
            caller, RollBack(deployment_id=made.id, to_revision_id=revision_id)
        ),
    ):
        with pytest.raises(MadeForBatch) as refused:
            await decision
        assert f"batch_{batch.id}" in refused.value.message
    assert await stable.player.deployment(made.id) == made


async def test_a_warm_one_may_be_deleted_by_hand_and_nothing_else(stable: Stable) -> None:
    kept = await warm(stable)
    house = stable.house
    with pytest.raises(MadeForBatch) as refused:
        await house.deployments.scale(house.caller, kept, 5)
    assert "kept for the next one" in refused.value.message
    await house.deployments.delete(house.caller, kept)
    after = await stable.a_job(await _template(stable))
    await stable.dedicating.provide(after)
    assert (await stable.deployment(after)).id != kept
    await stable.stop_what_is_deleted()
    stable.passes(hours=2)
    await stable.dedicating.sweep()
    assert await stable.row(kept) is None


async def test_lists_have_it_only_where_they_are_asked_for_it(stable: Stable) -> None:
    made = await stable.provided(await stable.a_job(await stable.a_template()))
    page = await stable.store.reads.deployments.page(Listing(first=10))
    assert not page.items
    assert made in await stable.store.reads.deployments.by_ids([made])
