"""How a rollout gets on when all goes well, by each strategy, and what users do to it on its way."""

from dataclasses import replace

import pytest

from domain.deployments.deployment import DeploymentStatus
from domain.deployments.facts import (
    ReplicaDraining,
    RolloutAdvanced,
    RolloutPaused,
    RolloutSucceeded,
)
from domain.deployments.reason import Reason
from domain.deployments.replica import ReplicaStatus
from domain.deployments.rollout import Rollout, RolloutStatus
from domain.deployments.strategy import BlueGreen, Canary, CanaryStep, Rolling, Strategy
from tests.support.judging import judge
from tests.support.world import World

D = DeploymentStatus
S = ReplicaStatus
CANARY = Canary(steps=(CanaryStep(weight=20), CanaryStep(weight=60, pause=30)))


def serving(strategy: Strategy, desired: int) -> World:
    """Revision 1 serves."""
    world = World(strategy=Rolling(), desired=desired, judge=judge)
    world.activate(1)
    world.settle()
    world.set_strategy(strategy)
    world.facts.clear()
    return world


def rollout(world: World) -> Rollout:
    return world.rollouts[-1]


def weights(world: World) -> dict[int, int | None]:
    return {g.revision_number: g.weight for g in world.groups.values()}


def test_the_first_revision_starts_all_that_is_desired_and_is_ready_when_gateways_know_it() -> None:
    world = World(strategy=Rolling(), desired=3, judge=judge)
    world.activate(1)
    world.look()
    assert world.count(1, S.STARTING) == 3
    world.passes(2)
    world.look()
    assert world.count(1, S.HEALTHY) == 3
    assert world.stands() == (D.DEPLOYING, Reason.GATEWAYS_LEARNING)
    assert not world.happened(RolloutSucceeded)
    world.everybody_hears()
    world.look()
    assert world.stands() == (D.READY, None)
    assert world.deployment.active_revision_id == "r1"
    (succeeded,) = world.happened(RolloutSucceeded)
    assert (succeeded.revision_id, succeeded.duration_seconds) == ("r1", 2.0)
    assert weights(world) == {1: 100}


def test_what_is_made_for_a_batch_is_there_with_its_first_replica_and_outlives_the_failing_others() -> (
    None
):
    world = World(strategy=Rolling(), desired=2, judge=judge)
    world.deployment = replace(world.deployment, is_dedicated=True)
    world.activate(1)
    world.look()
    world.fail_probes(1)
    world.broken.add("r1")
    world.run(650)  # past the deadline of its rollout
    assert world.deployment.active_revision_id == "r1"
    assert len(world.happened(RolloutSucceeded)) == 1
    assert world.count(1, S.HEALTHY) == 1
    assert world.stands()[0] is D.DEGRADED
    world.mend()
    world.settle()
    assert world.count(1, S.HEALTHY) == 2


def test_a_rolling_rollout_surges_and_takes_an_old_replica_for_each_new_healthy_one() -> None:
    world = serving(Rolling(max_surge=1), 3)
    world.activate(2)
    world.look()
    assert (world.count(1), world.count(2)) == (3, 1)
    world.passes(2)
    world.look()
    assert (world.count(1), world.count(2)) == (2, 2)
    assert world.count(1, S.DRAINING) == 1
    assert weights(world) == {1: None, 2: None}
    world.settle()
    assert (world.count(1), world.count(2)) == (0, 3)
    assert weights(world) == {1: 0, 2: 100}
    assert [a.healthy_replicas for a in world.happened(RolloutAdvanced)] == [1, 2, 3]
    assert {d.reason for d in world.happened(ReplicaDraining)} == {Reason.ROLLED_OUT}


def test_without_surge_a_rolling_rollout_takes_what_may_be_unavailable_first() -> None:
    world = serving(Rolling(max_surge=0, max_unavailable=1), 3)
    world.activate(2)
    world.look()
    assert (world.count(1, S.HEALTHY), world.count(2)) == (2, 1)
    world.settle()
    assert len(world.serving("r2")) == 3


def test_old_replicas_that_are_unhealthy_leave_first_but_only_for_new_healthy_ones() -> None:
    world = serving(Rolling(max_surge=1), 2)
    sick = world.serving()[0].id
    world.processes[sick].sight = world.processes[sick].observed().sight.FAILING
    world.activate(2)
    world.look()
    assert world.replicas[sick].status is S.UNHEALTHY
    world.passes(2)
    world.look()
    assert world.replicas[sick].status is S.DRAINING
    assert world.count(1, S.HEALTHY) == 1


def test_an_old_replica_that_crashes_meanwhile_is_replaced_by_its_own_revision() -> None:
    world = serving(Rolling(max_surge=1), 2)
    world.slow.add("r2")
    world.activate(2)
    world.look()
    world.crash(0)
    world.run(3)
    assert (world.count(1, S.STARTING, S.HEALTHY), world.count(2)) == (2, 1)


def test_ready_never_means_a_gateway_that_still_sends_to_the_revision_before() -> None:
    world = serving(BlueGreen(), 1)
    world.activate(2)
    world.run(3)
    world.everybody_hears()
    world.look()
    assert rollout(world).status is RolloutStatus.SUCCEEDED
    assert world.stands() == (D.DEPLOYING, Reason.GATEWAYS_LEARNING)
    world.everybody_hears()
    world.look()
    assert world.stands() == (D.READY, None)


def test_a_long_answer_of_a_leaving_replica_does_not_keep_a_deployment_from_being_ready() -> None:
    world = serving(BlueGreen(), 1)
    world.activate(2)
    while not world.count(1, S.DRAINING):
        world.run(1)
    leaving = [r.id for r in world.present() if r.status is S.DRAINING]
    for _ in range(12):
        world.passes(1)
        world.everybody_hears()
        world.gateways[0].in_flight[leaving[0]] = 1
        world.look()
    assert world.count(1, S.DRAINING) == 1
    assert world.deployment.status is D.READY


def test_blue_green_brings_up_all_of_the_new_before_any_of_the_old_goes() -> None:
    world = serving(BlueGreen(promote_delay=20), 3)
    world.activate(2)
    world.look()
    assert (world.count(1, S.HEALTHY), world.count(2, S.STARTING)) == (3, 3)
    assert weights(world) == {1: 100, 2: 0}
    world.run(5)
    ready_at = rollout(world).ready_at
    assert ready_at is not None
    assert world.deployment.reason is Reason.AWAITING_PROMOTION
    assert (world.look_at or world.now) > world.now
    while (world.now - ready_at).total_seconds() < 19:
        world.run(1)
    assert (world.count(1), world.count(2)) == (3, 3)
    world.run(1)
    assert (world.count(1), world.count(2)) == (0, 3)
    assert weights(world) == {1: 0, 2: 100}
    assert world.deployment.active_revision_id == "r2"


def test_blue_green_without_auto_promote_waits_for_a_user_however_long_and_does_not_fail() -> None:
    world = serving(BlueGreen(auto_promote=False), 2)
    world.activate(2)
    world.run(5)
    world.passes(5_000)
    world.everybody_hears()
    world.look()
    assert (world.count(1), world.count(2)) == (2, 2)
    assert world.deployment.reason is Reason.AWAITING_PROMOTION
    world.promote()
    world.look()
    assert (world.count(1), world.count(2)) == (0, 2)


def test_a_promotion_before_all_are_healthy_waits_for_them_and_for_no_delay() -> None:
    world = serving(BlueGreen(promote_delay=500), 2)
    world.activate(2)
    world.promote()
    world.look()
    assert world.count(1) == 2
    world.run(4)
    assert (world.count(1), world.count(2)) == (0, 2)


def test_a_wait_that_a_crash_ends_begins_anew_with_the_deadline() -> None:
    world = serving(BlueGreen(auto_promote=False), 1)
    world.activate(2)
    world.run(4)
    world.passes(5_000)
    new = world.serving("r2")[0].id
    world.processes[new].sight = world.processes[new].observed().sight.EXITED
    world.look()
    assert rollout(world).ready_at is None
    assert rollout(world).progressed_at == world.now
    assert rollout(world).status is RolloutStatus.RUNNING
    world.run(5)
    assert rollout(world).ready_at is not None


def test_a_canary_goes_through_its_steps_by_weight_beside_all_of_the_old() -> None:
    world = serving(CANARY, 4)
    world.activate(2)
    world.look()
    assert (world.count(1, S.HEALTHY), world.count(2)) == (4, 1)
    assert weights(world) == {1: 100, 2: 0}
    world.run(4)
    assert (rollout(world).status, rollout(world).reason) == (
        RolloutStatus.PAUSED,
        Reason.CANARY_STEP,
    )
    assert world.deployment.reason is Reason.CANARY_STEP
    assert weights(world) == {1: 80, 2: 20}
    assert len(world.happened(RolloutPaused)) == 1
    world.passes(9_000)
    world.look()
    assert rollout(world).step == 0
    world.resume()
    world.look()
    assert (rollout(world).step, world.count(2)) == (1, 3)
    assert weights(world) == {1: 80, 2: 20}  # until those who are to bear more can
    world.run(4)
    assert weights(world) == {1: 40, 2: 60}
    assert world.deployment.reason is Reason.CANARY_STEP
    ready_at = rollout(world).ready_at
    assert ready_at is not None
    while (world.now - ready_at).total_seconds() < 29:
        world.run(1)
    assert (rollout(world).step, world.count(1)) == (1, 4)
    world.run(1)
    assert (rollout(world).step, world.count(1), world.count(2)) == (2, 4, 4)
    world.settle()
    assert (world.count(1), world.count(2)) == (0, 4)
    steps = [(a.step, a.weight) for a in world.happened(RolloutAdvanced)]
    assert [s for i, s in enumerate(steps) if s not in steps[:i]] == [
        (0, 0),
        (0, 20),
        (1, 20),
        (1, 60),
        (2, 60),
    ]


def test_a_promoted_canary_skips_the_rest_of_its_steps_but_not_its_growth() -> None:
    world = serving(CANARY, 4)
    world.activate(2)
    world.run(4)
    world.promote()
    world.look()
    assert rollout(world).status is RolloutStatus.RUNNING
    assert (rollout(world).step, world.count(1), world.count(2)) == (2, 4, 4)
    world.run(4)
    assert world.deployment.active_revision_id == "r2"


def test_a_canary_with_nothing_beside_it_is_no_canary() -> None:
    world = World(strategy=CANARY, desired=4, judge=judge)
    world.activate(1)
    world.run(4)
    assert (world.count(1, S.HEALTHY), world.deployment.status) == (4, D.READY)


@pytest.mark.parametrize("strategy", [Rolling(), BlueGreen(auto_promote=False), CANARY])
def test_with_none_desired_a_rollout_succeeds_at_once_and_starts_nothing(
    strategy: Strategy,
) -> None:
    world = serving(strategy, 0)
    world.activate(2)
    world.look()
    assert rollout(world).status is RolloutStatus.SUCCEEDED
    assert (world.deployment.status, world.present()) == (D.READY, [])
    assert world.look_at is None


@pytest.mark.parametrize("strategy", [Rolling(max_surge=1), BlueGreen(), CANARY])
def test_a_paused_rollout_keeps_its_counts_and_replaces_what_crashes(strategy: Strategy) -> None:
    world = serving(strategy, 3)
    world.activate(2)
    world.look()
    world.pause()
    world.run(5)
    before = (world.count(1), world.count(2))
    assert before[1]
    assert world.deployment.reason is Reason.PAUSED_BY_USER
    for number in (1, 2):
        gone = next(r.id for r in world.serving(f"r{number}"))
        world.processes[gone].sight = world.processes[gone].observed().sight.EXITED
    world.run(6)
    assert (world.count(1, S.HEALTHY), world.count(2, S.HEALTHY)) == before
    world.passes(5_000)
    world.look()
    assert rollout(world).status is RolloutStatus.PAUSED
    world.resume()
    world.look()
    assert rollout(world).status is not RolloutStatus.FAILED


def test_a_rollout_that_was_paused_before_it_began_starts_nothing() -> None:
    world = serving(Rolling(), 2)
    world.activate(2)
    world.pause()
    world.run(3)
    assert (world.count(1), world.count(2)) == (2, 0)


def test_another_activation_takes_over_and_what_was_begun_leaves() -> None:
    world = serving(Rolling(max_surge=1), 3)
    world.activate(2)
    world.run(4)
    world.activate(3)
    world.settle()
    assert world.deployment.active_revision_id == "r3"
    assert (world.count(1), world.count(2), world.count(3)) == (0, 0, 3)
    assert [r.status.value for r in world.rollouts] == ["succeeded", "replaced", "succeeded"]


@pytest.mark.parametrize("strategy", [Rolling(max_surge=1), BlueGreen(), CANARY])
@pytest.mark.parametrize("desired", [0, 1, 5])
def test_a_scale_on_the_way_is_what_the_rollout_goes_for(strategy: Strategy, desired: int) -> None:
    world = serving(strategy, 3)
    world.activate(2)
    world.run(2)
    world.scale(desired)
    world.settle()
    assert len(world.serving("r2")) == desired == len(world.present())


def test_a_revision_with_a_fixed_port_starts_when_the_one_before_is_gone() -> None:
    world = World(strategy=BlueGreen(), desired=1, judge=judge, in_place=frozenset({"r2"}))
    world.activate(1)
    world.settle()
    world.activate(2)
    world.look()
    assert (world.count(1, S.DRAINING), world.count(2)) == (1, 0)
    world.settle()
    assert len(world.serving("r2")) == 1


@pytest.mark.parametrize("strategy", [BlueGreen(auto_promote=False), CANARY])
def test_a_promotion_moves_a_paused_rollout_on_also_where_it_was_promoted_before(
    strategy: Strategy,
) -> None:
    world = serving(strategy, 2)
    world.activate(2)
    world.look()
    world.promote()
    world.pause()
    world.run(5)
    assert rollout(world).status is RolloutStatus.PAUSED
    world.promote()
    world.run(8)
    assert world.deployment.active_revision_id == "r2"


def halfway(desired: int = 4) -> World:
    """A rolling rollout from revision 1 to 2: both serve, and share the requests."""
    world = serving(Rolling(max_surge=1), desired)
    world.activate(2)
    while world.count(1, S.HEALTHY) > desired // 2:
        world.run(1)
    assert world.count(2, S.HEALTHY)
    return world


@pytest.mark.parametrize("strategy", [BlueGreen(), CANARY, Rolling(max_surge=1)])
@pytest.mark.parametrize("to", [1, 3])
def test_what_shared_the_requests_goes_on_until_others_bear_them(
    strategy: Strategy, to: int
) -> None:
    world = halfway()
    world.set_strategy(strategy)
    world.activate(to)
    world.look()
    assert (weights(world)[1], weights(world)[2]) == (None, None)
    while rollout(world).status is RolloutStatus.RUNNING:
        reached = [n for n, weight in weights(world).items() if weight != 0]
        assert sum(world.count(n, S.HEALTHY) for n in reached) >= 4
        world.run(1)
    assert weights(world)[2] == 0
    assert weights(world)[to] == (20 if rollout(world).is_live else 100)


def test_replicas_that_are_held_back_are_no_reason_to_let_others_go() -> None:
    world = halfway()
    world.broken.add("r1")
    world.set_strategy(BlueGreen(auto_promote=False))
    world.activate(3)
    world.run(60)
    assert world.deployment.reason is Reason.AWAITING_PROMOTION
    assert world.count(3, S.HEALTHY) == 4
    assert world.count(1, S.HEALTHY) + world.count(2, S.HEALTHY) == 4
    world.promote()
    world.settle()
    assert len(world.serving("r3")) == 4 == len(world.present())
