"""Batches with a deployment of their own."""

from datetime import timedelta

from domain.batches.batch import (
    Batch,
    BatchReason,
    BatchStatus,
    Place,
    TargetKind,
    TemplateWish,
    Wish,
)
from domain.batches.dedicating import Hopeless, Provided, Waiting
from domain.batches.facts import BatchJobStatusChanged
from domain.deployments.facts import DeploymentDeleted
from tests.support.batch_yard import BatchYard, check_accounts, requests
from tests.support.builders import a_deployment, a_template

S, R = BatchStatus, BatchReason
OWN = Wish(target=TargetKind.DEDICATED, template=TemplateWish(name="llama"))


async def a_dedicated_batch(yard: BatchYard, **said: object) -> Batch:
    async with yard.store.start_work("ada", "request:1") as work:
        await work.templates.add(a_template(yard.project))
    return await yard.batch(requests(3), wish=OWN, **said)


def waiting(yard: BatchYard, message: str, seconds: float = 2.0) -> Waiting:
    return Waiting(R.PROVISIONING, message, yard.clock() + timedelta(seconds=seconds))


async def test_a_batch_waits_until_its_deployment_is_ready() -> None:
    yard = BatchYard()
    yard.provider.says = [waiting(yard, "0 of 2 replicas"), waiting(yard, "1 of 2 replicas", 4)]
    batch = await a_dedicated_batch(yard)
    async with yard.tended():
        coming = await yard.now(batch)
        assert (coming.reason, coming.message) == (R.PROVISIONING, "0 of 2 replicas")
        await yard.timer.pass_(3)
        assert (await yard.now(batch)).message == "1 of 2 replicas"
        await yard.timer.pass_(3)
        ready = await yard.now(batch)
        assert (ready.reason, ready.message) == (R.QUEUED, "")
        await yard.work(batch)
        await yard.timer.pass_(1)
    assert await yard.status(batch) is S.COMPLETED
    assert yard.provider.given_back == [batch.id]
    await check_accounts(yard, batch, ["r0", "r1", "r2"])


async def test_nothing_is_said_twice_of_a_batch_that_waits() -> None:
    yard = BatchYard()
    yard.provider.says = [waiting(yard, "the same", n * 2 + 2) for n in range(4)]
    batch = await a_dedicated_batch(yard)
    await yard.tend(12)
    facts = [event.fact for event in await yard.events(batch)]
    told = [f.message for f in facts if isinstance(f, BatchJobStatusChanged)]
    assert told == ["", "the same", ""]


async def test_a_deployment_that_never_comes_ends_the_batch_and_is_given_back() -> None:
    yard = BatchYard()
    yard.provider.says = [waiting(yard, "starting", 1), Hopeless("out of memory\nlast line")]
    batch = await a_dedicated_batch(yard)
    await yard.tend()
    over = await yard.now(batch)
    assert (over.status, over.reason) == (S.COMPLETED, R.DEPLOYMENT_NOT_READY)
    assert [(e.code, e.message) for e in over.errors] == [
        ("deployment_not_ready", "out of memory\nlast line")
    ]
    assert {line["error"]["code"] for line in await yard.errors(batch)} == {"inference_unreachable"}
    assert over.output_file_id is None
    assert yard.provider.given_back == [batch.id]
    await check_accounts(yard, batch, ["r0", "r1", "r2"])


async def test_a_deployment_that_is_lost_before_its_first_answer_ends_the_batch() -> None:
    yard = BatchYard()
    yard.provider.says = [Provided("d"), Hopeless("its rollout failed")]
    batch = await a_dedicated_batch(yard)
    await yard.tend(10)
    over = await yard.now(batch)
    assert (over.status, over.reason) == (S.COMPLETED, R.DEPLOYMENT_NOT_READY)


async def test_a_deployment_is_given_back_until_that_is_done() -> None:
    yard = BatchYard()
    yard.provider.refusals = 2
    batch = await a_dedicated_batch(yard)
    async with yard.tended():
        await yard.cancel(batch)
        await yard.timer.pass_(10)
    assert yard.provider.given_back == [batch.id] * 3
    assert await yard.status(batch) is S.CANCELLED


async def test_a_batch_that_was_cancelled_before_asks_for_no_deployment() -> None:
    yard = BatchYard()
    batch = await a_dedicated_batch(yard)
    await yard.cancel(batch)
    await yard.tend()
    assert (await yard.status(batch), yard.provider.asked) == (S.CANCELLED, [])


async def test_a_paused_batch_asks_for_no_deployment_until_it_is_resumed() -> None:
    yard = BatchYard()
    batch = await a_dedicated_batch(yard, paused_at=yard.clock())
    async with yard.tended():
        await yard.timer.pass_(5)
        assert yard.provider.asked == []
        await yard.change(batch, paused_at=None, reason=R.PROVISIONING)
        await yard.timer.pass_(1)
        assert yard.provider.asked == [batch.id]


async def test_what_workers_found_out_is_not_talked_over() -> None:
    yard = BatchYard()
    yard.provider.says = [waiting(yard, "starting", 2), waiting(yard, "slowly", 4)]
    batch = await a_dedicated_batch(yard)
    async with yard.tended():
        await yard.change(batch, reason=R.NO_HEALTHY_REPLICA, message="none answers")
        await yard.timer.pass_(3)
        assert (await yard.now(batch)).message == "none answers"


async def test_a_word_of_its_deployment_makes_a_batch_be_looked_at() -> None:
    yard = BatchYard()
    deployment = a_deployment(yard.project)
    own = Place(target=TargetKind.DEDICATED, why="It was asked for.", deployment_id=deployment.id)
    yard.provider.says = [waiting(yard, "starting", 1), waiting(yard, "starting", 3_600)]
    batch = await a_dedicated_batch(yard)
    async with yard.tended():
        await yard.change(batch, place=own)
        await yard.timer.pass_(5)
        asked = len(yard.provider.asked)
        await yard.timer.pass_(60)
        assert len(yard.provider.asked) == asked
        async with yard.store.start_work("ada", "request:4") as work:
            fact = DeploymentDeleted(deployment_id=deployment.id, name=deployment.name)
            work.record(deployment.project_id, fact)
        await yard.timer.pass_(0)
        assert len(yard.provider.asked) == asked + 1
