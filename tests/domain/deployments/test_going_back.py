"""Back-off, and how a rollout that came to nothing goes back."""

from dataclasses import replace

import pytest

from domain.deployments.deployment import DeploymentStatus
from domain.deployments.facts import (
    DeploymentStatusChanged,
    ReplicaDraining,
    RolledBack,
    RolloutFailed,
)
from domain.deployments.ports import Observed, Sight
from domain.deployments.reason import Reason
from domain.deployments.replica import ReplicaStatus
from domain.deployments.rollout import RolloutStatus
from domain.deployments.situation import Stop
from domain.deployments.strategy import BlueGreen, Canary, CanaryStep, Rolling, Strategy
from tests.support.judging import judge
from tests.support.standing import (
    NOW,
    a_deployment,
    a_group,
    a_replica,
    a_rollout,
    a_situation,
    decided,
    facts,
    of,
    rollout_of,
    seconds,
    statuses,
)
from tests.support.world import World

D = DeploymentStatus
S = ReplicaStatus
CRASHED = Observed(sight=Sight.EXITED, exit_code=1, log_tail=("boom",))
OLD = NOW - seconds(9_999)
DEGRADED = a_deployment(status=D.DEGRADED)


@pytest.mark.parametrize(
    ("exits", "wait"), [(0, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 16), (40, 16)]
)
def test_each_exit_makes_the_next_start_wait_twice_as_long_up_to_16_seconds(
    exits: int, wait: int
) -> None:
    group = a_group(1, exits=exits)
    situation = a_situation(
        DEGRADED, [a_replica(1, S.STARTING, "a")], [group], sights={"a": CRASHED}
    )
    done = decided(situation)
    assert statuses(done) == {"a": S.EXITED}
    assert done.groups[0].exits == exits + 1
    assert done.groups[0].retry_at == NOW + seconds(wait) == done.look_at
    assert done.deployment.next_retry_at == NOW + seconds(wait)
    after = a_situation(done.deployment, [], done.groups)
    assert decided(after, NOW + seconds(wait - 0.01)).actions == ()
    assert statuses(decided(after, NOW + seconds(wait))) == {"new1": S.STARTING}


@pytest.mark.parametrize("reason", [Reason.PORT_TAKEN, Reason.PLACE_LOST])
def test_an_end_that_says_nothing_against_the_revision_counts_for_nothing(reason: Reason) -> None:
    ended = Observed(sight=Sight.EXITED, reason=reason)
    situation = a_situation(
        DEGRADED, [a_replica(1, S.STARTING, "a")], [a_group(1)], sights={"a": ended}
    )
    done = decided(situation)
    assert statuses(done) == {"a": S.EXITED, "new1": S.STARTING}
    (group,) = done.groups
    assert (group.exits, group.early_exits, group.retry_at) == (0, 0, None)
    assert (group.reason, of(done, "a").reason) == (reason, reason)


def test_a_fixed_port_that_is_taken_is_not_tried_without_a_pause() -> None:
    ended = Observed(sight=Sight.EXITED, reason=Reason.PORT_TAKEN)
    situation = a_situation(
        DEGRADED,
        [a_replica(1, S.STARTING, "a")],
        sights={"a": ended},
        in_place=frozenset({"r1"}),
    )
    done = decided(situation)
    assert statuses(done) == {"a": S.EXITED}
    assert (done.groups[0].exits, done.groups[0].retry_at) == (0, NOW + seconds(1))


@pytest.mark.parametrize(("healthy_for", "exits"), [(59, 4), (60, 1)])
def test_a_replica_that_was_healthy_for_a_minute_makes_up_for_what_ended_before(
    healthy_for: int, exits: int
) -> None:
    replica = a_replica(1, S.HEALTHY, "a", status_since=NOW - seconds(healthy_for))
    situation = a_situation(a_deployment(), [replica], [a_group(1, exits=3)], sights={"a": CRASHED})
    (group,) = decided(situation).groups
    assert (group.exits, group.retry_at) == (exits, NOW + seconds(2 ** (exits - 1)))


def test_a_replica_that_becomes_healthy_clears_the_early_exits_of_its_group() -> None:
    situation = a_situation(
        DEGRADED,
        [a_replica(1, S.STARTING, "a")],
        [a_group(1, exits=4, early_exits=4)],
        sights={"a": Sight.HEALTHY},
    )
    (group,) = decided(situation).groups
    assert (group.exits, group.early_exits) == (4, 0)


@pytest.mark.parametrize("status", [RolloutStatus.RUNNING, RolloutStatus.PAUSED])
def test_the_fifth_exit_before_any_was_healthy_fails_the_rollout(status: RolloutStatus) -> None:
    replicas = [a_replica(1, S.HEALTHY, "old"), a_replica(2, S.STARTING, "new")]
    rollout = a_rollout(2, status=status)
    deployment = a_deployment(status=D.DEPLOYING)
    for early, fails in ((3, False), (4, True)):
        groups = [a_group(1), a_group(2, exits=early, early_exits=early)]
        done = decided(a_situation(deployment, replicas, groups, rollout, sights={"new": CRASHED}))
        assert (rollout_of(done).status is RolloutStatus.FAILED) is fails
    assert (rollout_of(done).reason, rollout_of(done).finished_at) == (Reason.TOO_MANY_EXITS, NOW)
    assert rollout_of(done).message == (
        "Revision 2 failed. 5 replicas ended before they were ever healthy. The last: "
        "Its process ended by itself (exit code 1). Its last lines: boom"
    )
    (failed,) = facts(done, RolloutFailed)
    assert (failed.reason, failed.log_tail) == (Reason.TOO_MANY_EXITS, ("boom",))
    assert done.deployment.active_revision_id == "r1"


def test_an_exit_after_first_health_is_no_early_one() -> None:
    replicas = [a_replica(1, S.HEALTHY, "old"), a_replica(2, S.HEALTHY, "new")]
    groups = [a_group(1), a_group(2, exits=4, early_exits=4)]
    done = decided(a_situation(DEGRADED, replicas, groups, a_rollout(2), sights={"new": CRASHED}))
    assert rollout_of(done).is_live


def test_one_that_fails_its_probes_before_first_health_counts_as_one_exit_not_two() -> None:
    replicas = [a_replica(1, S.HEALTHY, "old"), a_replica(2, S.STARTING, "new")]
    deployment, rollout = a_deployment(status=D.DEPLOYING), a_rollout(2)
    failing = decided(
        a_situation(deployment, replicas, rollout=rollout, sights={"new": Sight.FAILING})
    )
    group = failing.groups[-1]
    assert (group.revision_number, group.exits, group.early_exits) == (2, 1, 1)
    leaving = [replicas[0], of(failing, "new")]
    groups = [a_group(1), group]
    gone = decided(a_situation(deployment, leaving, groups, rollout, sights={"new": CRASHED}))
    assert of(gone, "new").status is S.EXITED
    assert not [g for g in gone.groups if g.revision_number == 2]


def test_a_rollout_that_is_resumed_has_the_time_that_it_had_left() -> None:
    world = World(strategy=Rolling(), desired=1, judge=judge)
    world.activate(1)
    world.settle()
    world.slow.add("r2")
    world.activate(2)
    world.look()
    for process in world.processes.values():
        process.healthy_after = 9_999.0
    world.passes(500)
    world.pause()
    world.passes(5_000)
    world.resume()
    world.passes(99)
    world.look()
    assert world.rollouts[-1].is_live
    world.passes(1)
    world.look()
    assert world.rollouts[-1].status is RolloutStatus.FAILED


def test_a_rollout_without_progress_fails_at_its_deadline_and_not_before() -> None:
    replicas = [a_replica(1, S.HEALTHY, "old"), a_replica(2, S.STARTING, "new")]
    rollout = a_rollout(2, progressed_at=NOW - seconds(599), status_since=NOW - seconds(700))
    situation = a_situation(a_deployment(status=D.DEPLOYING), replicas, rollout=rollout)
    waits = decided(situation)
    assert (rollout_of(waits).is_live, waits.look_at) == (True, NOW + seconds(1))
    done = decided(situation, NOW + seconds(1))
    assert rollout_of(done).reason is Reason.PROGRESS_DEADLINE
    assert "No replica became healthy for 600 s; 0 of 1 desired replica is healthy." in (
        rollout_of(done).message
    )
    changes = [(c.status_after, c.reason) for c in facts(done, DeploymentStatusChanged)]
    assert changes == [(D.ROLLING_BACK, Reason.PROGRESS_DEADLINE), (D.READY, None)]
    assert len(facts(done, RolledBack)) == 1  # nothing of the other ever served
    assert of(done, "new").status is S.STOPPING
    assert Stop("new") in done.actions


def test_a_rollout_that_fails_at_its_deadline_says_what_its_replica_waited_for() -> None:
    waiting = replace(
        a_replica(2, S.STARTING, "new"),
        reason=Reason.UNSCHEDULABLE,
        message="No node has room for its pod.",
    )
    rollout = a_rollout(2, progressed_at=NOW - seconds(599), status_since=NOW - seconds(700))
    replicas = [a_replica(1, S.HEALTHY, "old"), waiting]
    situation = a_situation(a_deployment(status=D.DEPLOYING), replicas, rollout=rollout)
    assert decided(situation).deployment.message.endswith("healthy. No node has room for its pod.")
    done = decided(situation, NOW + seconds(1))
    assert rollout_of(done).message.endswith("healthy. No node has room for its pod.")


def test_each_replica_that_becomes_healthy_for_the_first_time_gives_the_rollout_its_time_again() -> (
    None
):
    replicas = [a_replica(2, S.STARTING, id_) for id_ in ("a", "b")]
    rollout = a_rollout(2, progressed_at=OLD, status_since=OLD)
    deployment = a_deployment(desired_replicas=2, active_revision_id=None, status=D.DEPLOYING)
    situation = a_situation(deployment, replicas, rollout=rollout, sights={"a": Sight.HEALTHY})
    done = decided(situation)
    assert (rollout_of(done).is_live, rollout_of(done).progressed_at) == (True, NOW)


def test_a_replica_that_recovers_does_not() -> None:
    replicas = [a_replica(2, S.UNHEALTHY, "a"), a_replica(2, S.STARTING, "b")]
    rollout = a_rollout(2, progressed_at=OLD, status_since=OLD)
    deployment = a_deployment(desired_replicas=2, status=D.DEPLOYING)
    situation = a_situation(deployment, replicas, rollout=rollout, sights={"a": Sight.HEALTHY})
    done = decided(situation)
    assert rollout_of(done).status is RolloutStatus.FAILED


def test_the_deadline_stands_still_while_a_rollout_is_paused() -> None:
    replicas = [a_replica(1, S.HEALTHY, "old"), a_replica(2, S.STARTING, "new")]
    rollout = a_rollout(2, status=RolloutStatus.PAUSED, progressed_at=OLD, status_since=OLD)
    done = decided(a_situation(a_deployment(status=D.DEPLOYING), replicas, rollout=rollout))
    assert rollout_of(done).is_live


def test_a_failed_first_revision_leaves_nothing_and_says_so() -> None:
    world = World(strategy=Rolling(), desired=2, judge=judge)
    world.broken.add("r1")
    world.activate(1)
    world.run(60)
    assert (world.deployment.status, world.deployment.reason) == (
        D.DEGRADED,
        Reason.NO_HEALTHY_REVISION,
    )
    assert "ValueError: no" in world.deployment.message
    assert world.present() == []
    assert world.look_at is None
    assert world.rollouts[0].status is RolloutStatus.FAILED


def test_an_aborted_first_revision_leaves_nothing_and_the_deployment_pending() -> None:
    world = World(strategy=Rolling(), desired=2, judge=judge)
    world.activate(1)
    world.run(1)
    world.abort()
    world.run(5)
    assert (world.deployment.status, world.present()) == (D.PENDING, [])


CANARY = Canary(steps=(CanaryStep(weight=50), CanaryStep(weight=100)))


@pytest.mark.parametrize("strategy", [Rolling(max_surge=1), BlueGreen(auto_promote=False), CANARY])
def test_an_abort_goes_back_to_the_active_revision_and_tells_when_it_is_there(
    strategy: Strategy,
) -> None:
    world = World(strategy=Rolling(), desired=4, judge=judge)
    world.activate(1)
    world.settle()
    world.set_strategy(strategy)
    world.activate(2)
    world.run(5)
    assert world.count(2)
    world.facts.clear()
    world.abort()
    world.look()
    assert world.stands() == (D.ROLLING_BACK, Reason.ABORTED_BY_USER)
    assert world.count(2, S.STARTING) == 0
    world.settle()
    assert world.stands() == (D.READY, None)
    assert len(world.serving("r1")) == 4 == len(world.present())
    (back,) = world.happened(RolledBack)
    assert (back.revision_id, back.number) == ("r1", 1)
    assert {d.reason for d in world.happened(ReplicaDraining)} <= {Reason.ROLLED_BACK}


def test_on_the_way_back_starting_replicas_stop_at_once_and_healthy_ones_against_others() -> None:
    deployment = a_deployment(desired_replicas=3, status=D.ROLLING_BACK)
    replicas = [
        a_replica(1, S.HEALTHY, "old"),
        a_replica(2, S.HEALTHY, "failed1"),
        a_replica(2, S.HEALTHY, "failed2"),
        a_replica(2, S.STARTING, "failed3"),
    ]
    done = decided(a_situation(deployment, replicas))
    assert statuses(done) == {"failed3": S.STOPPING, "new1": S.STARTING, "new2": S.STARTING}
    assert {r.revision_number for r in done.replicas if r.id.startswith("new")} == {1}
    assert of(done, "failed3").reason is Reason.ROLLED_BACK
    assert {g.weight for g in done.groups} == {None}  # all go on sharing the requests


def test_a_failed_rollout_keeps_what_is_healthy_while_the_active_revision_has_nothing() -> None:
    deployment = a_deployment(desired_replicas=1, status=D.ROLLING_BACK)
    situation = a_situation(
        deployment,
        [a_replica(2, S.HEALTHY, "new")],
        [a_group(1, retry_at=NOW + seconds(8), exits=3), a_group(2)],
    )
    done = decided(situation)
    assert (statuses(done), done.actions) == ({}, ())
    assert done.deployment.status is D.ROLLING_BACK
    assert done.deployment.next_retry_at == NOW + seconds(8)


def test_a_revision_that_failed_begins_without_its_exits_when_it_is_activated_again() -> None:
    world = World(strategy=Rolling(), desired=1, judge=judge)
    world.activate(1)
    world.settle()
    world.broken.add("r2")
    world.activate(2)
    world.settle()
    assert world.rollouts[-1].status is RolloutStatus.FAILED
    world.mend()
    world.activate(2)
    world.settle()
    assert world.deployment.active_revision_id == "r2"
