"""The loop over the store in memory, with a driver and a time that the tests own."""

from collections import Counter
from datetime import datetime

from domain.deployments import plan
from domain.deployments.deployment import DeploymentStatus
from domain.deployments.facts import DeploymentStatusChanged, ReplicaExited, ReplicaStarted
from domain.deployments.ports import SHARDS, Sight
from domain.deployments.reason import Reason
from domain.deployments.reconciler import SWEPT_AT_ONCE
from domain.deployments.reconciler.passes import ROUNDS
from domain.deployments.replica import ReplicaStatus
from domain.deployments.situation import Decision, Situation
from domain.errors import StorageUnavailable
from domain.ids import NewId
from tests.support.builders import a_deployment
from tests.support.fake_driver import FakeDriver
from tests.support.yard import Interrupted, Yard

D, S = DeploymentStatus, ReplicaStatus
BROKEN = "a deployment could not be reconciled"


async def test_a_hint_leads_to_action_before_any_time_passes() -> None:
    yard = Yard()
    async with yard.plane() as plane:
        deployment = await yard.deployment(desired=2)
        await yard.timer.pass_(0)
        assert len(plane.driver.started) == 2
        assert await yard.statuses(deployment) == [S.HEALTHY, S.HEALTHY]
        assert await yard.status(deployment) is D.READY


async def test_what_is_done_names_the_event_that_led_there() -> None:
    yard = Yard()
    async with yard.plane():
        await yard.deployment()
        await yard.timer.pass_(0)
    asked, *followed = await yard.events()
    [started] = [event for event in followed if isinstance(event.fact, ReplicaStarted)]
    assert (started.actor, started.cause) == ("reconciler", f"event:{asked.position}")


async def test_a_lost_hint_is_caught_by_the_sweep() -> None:
    yard = Yard()
    async with yard.plane() as plane:
        deployment = await yard.deployment()
        await yard.timer.pass_(0)
        await yard.activate(deployment.id, quietly=True)
        await yard.timer.pass_(0)
        assert len(plane.driver.started) == 1
        await yard.timer.pass_(1)
        assert len(plane.driver.started) == 2
        last = (await yard.events())[-1]
        assert await yard.status(deployment) is D.READY
        assert last.cause in ("sweep", "driver", "gateways")


async def test_what_the_driver_hints_is_looked_at_at_once() -> None:
    yard = Yard()
    async with yard.plane() as plane:
        deployment = await yard.deployment()
        await yard.timer.pass_(0)
        [replica] = await yard.replicas(deployment)
        plane.driver.see(replica, Sight.FAILING)
        await yard.timer.pass_(0)
        assert await yard.status(deployment) is D.DEGRADED


async def test_a_crash_between_the_commit_and_the_start_is_repaired_from_the_rows() -> None:
    yard = Yard()
    async with yard.plane("one", driver=FakeDriver(yard.host, forgetful=True)):
        deployment = await yard.deployment()
        await yard.timer.pass_(0)
        [replica] = await yard.replicas(deployment)
        assert (replica.status, yard.host.running) == (S.STARTING, set())
    async with yard.plane("two") as plane:
        assert plane.driver.started == [replica.id]
        assert await yard.status(deployment) is D.READY


async def test_a_crash_between_the_commit_and_the_stop_is_repaired_from_the_rows() -> None:
    yard = Yard()
    async with yard.plane("one") as plane:
        deployment = await yard.deployment()
        await yard.timer.pass_(0)
        [replica] = await yard.replicas(deployment)
        plane.driver.forgetful = True
        await yard.change(deployment.id, desired_replicas=0)
        await yard.timer.pass_(1)
        assert await yard.statuses(deployment) == [S.STOPPING]
    assert yard.host.running == {replica.id}
    async with yard.plane("two") as plane:
        assert plane.driver.stopped == [replica.id]
        assert await yard.replicas(deployment) == []


async def test_a_users_change_during_a_pass_is_not_overwritten() -> None:
    yard = Yard()
    work = Interrupted(yard.store)
    async with yard.plane(start_work=work) as plane:
        deployment = await yard.deployment(desired=1)
        work.meanwhile.append(lambda: yard.change(deployment.id, desired_replicas=3))
        await yard.timer.pass_(0)
        assert work.meanwhile == []
        assert len(plane.driver.started) == len(yard.host.running) == 3
        now = await yard.now(deployment)
        assert (now.status, now.desired_replicas) == (D.READY, 3)
        assert now.generation == deployment.generation + 1


async def test_a_rollout_that_a_user_replaces_during_a_pass_is_not_continued() -> None:
    yard = Yard()
    work = Interrupted(yard.store)
    async with yard.plane(start_work=work):
        deployment = await yard.deployment(desired=1)
        work.meanwhile.append(lambda: yard.abort(deployment.id))
        await yard.timer.pass_(0)
        assert await yard.replicas(deployment) == []
        assert await yard.status(deployment) is D.PENDING


async def test_one_deployment_that_the_driver_fails_on_does_not_stop_the_others() -> None:
    yard = Yard()
    async with yard.plane() as plane:
        poison = await yard.deployment()
        plane.driver.broken.add(poison.id)
        others = [await yard.deployment() for _ in range(5)]
        await yard.timer.pass_(0)
        assert [await yard.status(other) for other in others] == [D.READY] * 5
        [line] = plane.logger.named(BROKEN)
        assert (line["deployment"], line["pause"]) == (poison.id, 1.0)


async def test_one_deployment_that_the_plan_fails_on_does_not_stop_the_others() -> None:
    yard = Yard()
    poison = ""

    def decide(situation: Situation, now: datetime, new_id: NewId) -> Decision:
        if situation.deployment.id == poison:
            raise ValueError("no plan for this")
        return plan.decide(situation, now, new_id)

    async with yard.plane(decide=decide) as plane:
        others = [await yard.deployment() for _ in range(5)]
        poison = (await yard.deployment()).id
        await yard.timer.pass_(0)
        assert [await yard.status(other) for other in others] == [D.READY] * 5
        assert {line["deployment"] for line in plane.logger.named(BROKEN)} == {poison}


async def test_what_fails_again_and_again_is_tried_ever_more_seldom_until_it_is_mended() -> None:
    yard = Yard()
    async with yard.plane() as plane:
        poison = await yard.deployment()
        plane.driver.broken.add(poison.id)
        await yard.timer.pass_(100)
        tries = plane.driver.refused[poison.id]
        assert 6 <= tries <= 10
        plane.driver.broken.clear()
        await yard.timer.pass_(60)
        assert await yard.status(poison) is D.READY


async def test_more_broken_deployments_than_a_sweep_takes_hide_no_others() -> None:
    yard = Yard()

    def decide(situation: Situation, now: datetime, new_id: NewId) -> Decision:
        if situation.deployment.active_revision_id is None and situation.rollout is None:
            raise ValueError("no plan for this")
        return plan.decide(situation, now, new_id)

    async with yard.store.start_work("ada", "request:1") as work:
        for _ in range(SWEPT_AT_ONCE + 1):
            poison = a_deployment(yard.store.default)
            await work.deployments.add(poison)
            await work.look(poison.id, yard.clock())
    async with yard.plane(decide=decide):
        await yard.timer.pass_(70)
        deployment = await yard.deployment()
        await yard.timer.pass_(1)
        await yard.activate(deployment.id, quietly=True)
        await yard.timer.pass_(3)
        assert await yard.status(deployment) is D.READY
        assert len(await yard.store.reads.due.due(range(SHARDS), yard.clock(), 9_999)) < 9


async def test_a_user_who_mends_a_broken_deployment_need_not_wait() -> None:
    yard = Yard()
    async with yard.plane() as plane:
        poison = await yard.deployment()
        plane.driver.broken.add(poison.id)
        await yard.timer.pass_(40)
        plane.driver.broken.clear()
        await yard.activate(poison.id)
        await yard.timer.pass_(0)
        assert await yard.status(poison) is D.READY


async def test_without_its_database_the_loop_waits_and_then_goes_on() -> None:
    yard = Yard()
    work = Interrupted(yard.store)

    async def gone() -> None:
        raise StorageUnavailable(where="the database", problem="it is away")

    async with yard.plane(start_work=work) as plane:
        work.meanwhile += [gone, gone]
        deployment = await yard.deployment()
        await yard.timer.pass_(0)
        assert await yard.replicas(deployment) == []
        await yard.timer.pass_(3)
        assert await yard.status(deployment) is D.READY
        assert len(plane.driver.started) == 1
        assert plane.logger.named("passes wait for the database")


async def test_while_nothing_runs_nothing_is_looked_at() -> None:
    yard = Yard()
    looks: Counter[str] = Counter()

    def decide(situation: Situation, now: datetime, new_id: NewId) -> Decision:
        looks[situation.deployment.id] += 1
        return plan.decide(situation, now, new_id)

    async with yard.plane(decide=decide):
        deployment = await yard.deployment(desired=0)
        await yard.timer.pass_(5)
        seen = looks.total()
        assert await yard.status(deployment) is D.READY
        await yard.timer.pass_(400)
        assert looks.total() == seen


async def test_a_deleted_deployment_is_looked_at_no_more() -> None:
    yard = Yard()
    async with yard.plane():
        deployment = await yard.deployment()
        await yard.timer.pass_(1)
        await yard.change(deployment.id, deleted_at=yard.clock(), status=D.STOPPING)
        await yard.timer.pass_(1)
        assert await yard.status(deployment) is D.STOPPED
        events = await yard.events()
        await yard.ask(deployment.id)
        await yard.timer.pass_(1)
        assert await yard.store.reads.due.due(range(SHARDS), yard.clock(), 1) == []
        assert await yard.events() == events


async def test_a_change_is_acted_on_before_a_sweep_of_a_thousand_is_over() -> None:
    yard = Yard()
    decided: list[str] = []

    def decide(situation: Situation, now: datetime, new_id: NewId) -> Decision:
        decided.append(situation.deployment.id)
        return plan.decide(situation, now, new_id)

    async with yard.store.start_work("ada", "request:1") as work:
        for _ in range(1000):
            idle = a_deployment(yard.store.default)
            await work.deployments.add(idle)
            await work.look(idle.id, yard.clock())
    made = yard.made("one", decide=decide)
    async with made.reconciler.running():
        while not decided:
            await yard.timer.turn()
        changed = await yard.deployment()
        while not made.driver.started:
            await yard.timer.turn()
        assert decided.index(changed.id) < 300
        await yard.timer.pass_(5)
        assert len(set(decided)) == 1001


async def test_a_plan_that_never_comes_to_rest_does_not_fill_the_log() -> None:
    yard = Yard()

    def decide(situation: Situation, now: datetime, new_id: NewId) -> Decision:
        fact = DeploymentStatusChanged(
            deployment_id=situation.deployment.id, status_before=D.READY, status_after=D.READY
        )
        return Decision(
            deployment=situation.deployment,
            rollout=situation.rollout,
            groups=(),
            replicas=(),
            facts=(fact,),
            actions=(),
            look_at=None,
        )

    async with yard.plane(decide=decide) as plane:
        await yard.deployment()
        while not plane.logger.named("a deployment does not come to rest"):
            await yard.timer.turn()
        await yard.timer.pass_(0)
        assert len(await yard.events()) == ROUNDS + 1


async def test_orphans_are_looked_for_at_the_start_and_each_minute() -> None:
    yard = Yard()
    async with yard.plane() as plane:
        assert plane.driver.sweeps == 1
        await yard.timer.pass_(59)
        assert plane.driver.sweeps == 1
        await yard.timer.pass_(2)
        assert plane.driver.sweeps == 2


async def test_replicas_run_on_when_their_plane_stops() -> None:
    yard = Yard()
    async with yard.plane("one") as one:
        deployment = await yard.deployment(desired=2)
        await yard.timer.pass_(0)
    assert one.driver.stopped == []
    before = set(yard.host.running)
    async with yard.plane("two") as two:
        assert set(two.driver.observed) == before
        assert two.driver.started == two.driver.stopped == []
        assert await yard.status(deployment) is D.READY


async def test_a_plane_that_takes_its_replicas_along_leaves_none_and_others_start_new_ones() -> (
    None
):
    yard = Yard()
    async with yard.plane("one", stop_replicas=True):
        deployment = await yard.deployment(desired=2)
        await yard.timer.pass_(0)
        before = set(yard.host.running)
    assert yard.host.running == set()
    assert {r.reason for r in await yard.replicas(deployment)} == {Reason.SERVER_STOPPED}
    async with yard.plane("two"):
        await yard.timer.pass_(1)
        assert len(yard.host.running) == 2
        assert before.isdisjoint(yard.host.running)
        assert await yard.status(deployment) is D.READY
    exits = [e.fact for e in await yard.events() if isinstance(e.fact, ReplicaExited)]
    assert [fact.wanted for fact in exits] == [True, True]
