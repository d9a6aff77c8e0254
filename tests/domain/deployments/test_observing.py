"""What becomes of a replica by what the driver saw of it."""

from dataclasses import replace

import pytest

from domain.deployments.deployment import DeploymentStatus
from domain.deployments.facts import (
    ReplicaBecameHealthy,
    ReplicaBecameUnhealthy,
    ReplicaExited,
    ReplicaProgressed,
    ReplicaStarted,
    ReplicaStopping,
)
from domain.deployments.ports import Observed, Sight
from domain.deployments.reason import Reason
from domain.deployments.replica import Endpoint, Replica, ReplicaStatus
from domain.deployments.situation import Start, Stop
from tests.support.standing import (
    NOW,
    a_deployment,
    a_group,
    a_replica,
    a_situation,
    decided,
    facts,
    of,
    seconds,
    statuses,
)

S = ReplicaStatus
TWO = a_deployment(desired_replicas=2)
OTHER = a_replica(1, S.HEALTHY, "other")
CRASHED = Observed(sight=Sight.EXITED, exit_code=3, log_tail=("Loading…", "OSError: no weights"))


def beside(replica: Replica) -> tuple[Replica, ...]:
    return (replica, OTHER)


def test_a_starting_replica_that_answers_its_probes_is_healthy_for_the_first_time() -> None:
    starting = a_replica(1, S.STARTING, "a")
    done = decided(a_situation(TWO, beside(starting), sights={"a": Sight.HEALTHY}))
    a = of(done, "a")
    assert (a.status, a.status_since, a.first_healthy_at) == (S.HEALTHY, NOW, NOW)
    assert facts(done, ReplicaBecameHealthy) == [
        ReplicaBecameHealthy(deployment_id="d", replica_id="a", number=1)
    ]


def test_what_a_starting_replica_waits_for_stands_in_its_row_and_is_told_once() -> None:
    starting = a_replica(1, S.STARTING, "a")
    why = "0/3 nodes are available"
    waits = Observed(sight=Sight.RUNNING, reason=Reason.UNSCHEDULABLE, message=why)
    done = decided(a_situation(TWO, beside(starting), sights={"a": waits}))
    a = of(done, "a")
    said = f"No node has room for its pod. {why}."
    assert (a.status, a.reason, a.message) == (S.STARTING, Reason.UNSCHEDULABLE, said)
    assert facts(done, ReplicaProgressed) == [
        ReplicaProgressed(
            deployment_id="d",
            replica_id="a",
            number=1,
            reason=Reason.UNSCHEDULABLE,
            message=said,
        )
    ]
    again = replace(waits, message="0/4 nodes are available")
    done = decided(a_situation(TWO, beside(a), sights={"a": again}))
    assert not facts(done, ReplicaProgressed)


def test_a_replica_that_was_evicted_is_replaced_and_nobody_is_blamed() -> None:
    evicted = a_replica(1, S.UNHEALTHY, "a", reason=Reason.EVICTED, first_healthy_at=NOW)
    going = Observed(sight=Sight.FAILING, reason=Reason.EVICTED)
    done = decided(a_situation(TWO, beside(evicted), sights={"a": going}))
    assert (of(done, "a").status, of(done, "a").reason) == (S.DRAINING, Reason.EVICTED)
    assert all(group.exits == 0 for group in done.groups)


def test_where_a_replica_is_stands_in_its_row_as_soon_as_it_is_seen() -> None:
    starting = a_replica(1, S.STARTING, "a", placement=None, endpoints=())
    there = Endpoint(model="m", host="127.0.0.1", port=20007)
    seen = Observed(sight=Sight.RUNNING, endpoints=(there,), placement={"pid": 7})
    done = decided(a_situation(TWO, beside(starting), sights={"a": seen}))
    a = of(done, "a")
    assert (a.endpoints, a.placement, a.status) == ((there,), {"pid": 7}, S.STARTING)


@pytest.mark.parametrize("status", [S.STARTING, S.HEALTHY, S.UNHEALTHY])
def test_a_replica_of_which_there_is_nothing_to_say_stays_as_it_was(status: ReplicaStatus) -> None:
    replica = a_replica(1, status, "a")
    young = a_replica(1, S.STARTING, "b")  # so that nobody replaces what is unhealthy
    deployment = replace(TWO, desired_replicas=3)
    done = decided(a_situation(deployment, [*beside(replica), young], sights={"a": Sight.RUNNING}))
    assert "a" not in statuses(done)


@pytest.mark.parametrize("status", [s for s in S if s is not S.EXITED])
def test_a_replica_that_the_driver_cannot_tell_of_is_left_alone_and_counted_as_it_was(
    status: ReplicaStatus,
) -> None:
    old = NOW - seconds(9999)
    replica = a_replica(1, status, "a", status_since=old)
    unused = frozenset({"a"})
    situation = a_situation(TWO, beside(replica), sights={"a": None}, unused=unused)
    done = decided(situation)
    assert "a" not in statuses(done)
    assert not any(action.replica_id == "a" for action in done.actions)
    assert len(facts(done, ReplicaStarted)) == (0 if replica.is_staying else 1)


def test_a_replica_that_nobody_ever_started_is_started_again() -> None:
    lost = a_replica(1, S.STARTING, "a", placement=None)
    done = decided(a_situation(TWO, beside(lost), sights={"a": Sight.ABSENT}))
    assert (done.replicas, done.actions) == ((), (Start("a"),))


@pytest.mark.parametrize("status", [S.STARTING, S.HEALTHY, S.UNHEALTHY])
def test_a_replica_that_was_there_and_is_not_ended_while_nobody_looked(
    status: ReplicaStatus,
) -> None:
    replica = a_replica(1, status, "a")
    done = decided(a_situation(TWO, beside(replica), sights={"a": Sight.ABSENT}))
    a = of(done, "a")
    assert (a.status, a.reason) == (S.EXITED, Reason.EXITED_WHILE_ADOPTED)
    assert (a.exit_code, a.exited_at) == (None, NOW)


@pytest.mark.parametrize("status", [S.STARTING, S.HEALTHY, S.UNHEALTHY])
def test_a_replica_that_ended_by_itself_is_kept_with_why_and_what_it_last_wrote(
    status: ReplicaStatus,
) -> None:
    done = decided(a_situation(TWO, beside(a_replica(1, status, "a")), sights={"a": CRASHED}))
    a = of(done, "a")
    assert (a.status, a.exit_code, a.reason) == (S.EXITED, 3, Reason.EXITED)
    assert a.log_tail == CRASHED.log_tail
    assert a.message == (
        "Its process ended by itself (exit code 3). Its last lines: Loading… / OSError: no weights"
    )
    (ended,) = facts(done, ReplicaExited)
    assert (ended.wanted, ended.exit_code, ended.reason) == (False, 3, Reason.EXITED)
    group = next(g for g in done.groups if g.id == "g1")
    assert (group.reason, group.log_tail, group.message) == (a.reason, a.log_tail, a.message)


def test_a_signal_is_named_as_one() -> None:
    killed = Observed(
        sight=Sight.EXITED, exit_code=-9, reason=Reason.OUT_OF_MEMORY, message="512 MiB"
    )
    done = decided(a_situation(TWO, beside(a_replica(1, S.HEALTHY, "a")), sights={"a": killed}))
    assert of(done, "a").message == "It ran out of memory (signal 9). 512 MiB."


def test_a_healthy_replica_whose_probes_fail_is_unhealthy_and_may_recover() -> None:
    young = a_replica(1, S.STARTING, "young")
    deployment = replace(TWO, desired_replicas=3)
    replicas = [*beside(a_replica(1, S.HEALTHY, "a")), young]
    failing = Observed(sight=Sight.FAILING, message="GET /health: 503")
    done = decided(a_situation(deployment, replicas, sights={"a": failing}))
    a = of(done, "a")
    assert (a.status, a.reason) == (S.UNHEALTHY, Reason.HEALTH_CHECK_FAILED)
    assert a.message == "Its health check failed. GET /health: 503."
    assert facts(done, ReplicaBecameUnhealthy)[0].message == a.message
    later = decided(a_situation(deployment, [a, *replicas[1:]], sights={"a": Sight.HEALTHY}))
    back = of(later, "a")
    assert (back.status, back.reason, back.message) == (S.HEALTHY, None, "")
    assert back.first_healthy_at == a.first_healthy_at


def test_a_replica_that_fails_its_probes_before_it_was_ever_healthy_is_told_to_end_and_counted_once() -> (
    None
):
    failing = Observed(sight=Sight.FAILING, log_tail=("still loading",))
    situation = a_situation(
        TWO, beside(a_replica(1, S.STARTING, "a")), [a_group(1)], sights={"a": failing}
    )
    done = decided(situation)
    a = of(done, "a")
    assert (a.status, a.reason) == (S.STOPPING, Reason.HEALTH_CHECK_FAILED)
    assert a.log_tail == ("still loading",)
    assert Stop("a") in done.actions
    assert facts(done, ReplicaStopping)[0].reason is Reason.HEALTH_CHECK_FAILED
    (group,) = done.groups
    assert (group.exits, group.early_exits) == (1, 0)
    gone = decided(a_situation(TWO, beside(a), [group], sights={"a": CRASHED}))
    assert of(gone, "a").status is S.EXITED
    assert facts(gone, ReplicaExited)[0].wanted is True
    assert not [g for g in gone.groups if g.exits != 1]


@pytest.mark.parametrize("sight", [Sight.ABSENT, Sight.EXITED])
@pytest.mark.parametrize("status", [S.STOPPING, S.DRAINING])
def test_a_leaving_replica_that_is_gone_ended_as_it_was_told(
    status: ReplicaStatus, sight: Sight
) -> None:
    leaving = a_replica(1, status, "a", reason=Reason.SCALED_DOWN)
    situation = a_situation(
        a_deployment(),
        beside(leaving),
        [a_group(1, desired_replicas=1, weight=100)],
        sights={"a": sight},
    )
    done = decided(situation)
    (ended,) = facts(done, ReplicaExited)
    assert (ended.wanted, ended.reason) == (True, None)
    assert (of(done, "a").status, done.groups) == (S.EXITED, ())


def test_a_stopping_replica_that_still_runs_is_told_again() -> None:
    done = decided(a_situation(a_deployment(), beside(a_replica(1, S.STOPPING, "a"))))
    assert done.actions == (Stop("a"),)
    assert done.replicas == ()


def test_a_draining_replica_stops_when_no_gateway_uses_it_any_more() -> None:
    draining = a_replica(1, S.DRAINING, "a", reason=Reason.SCALED_DOWN)
    waits = decided(a_situation(a_deployment(), beside(draining)))
    assert (waits.replicas, waits.actions) == ((), ())
    assert waits.look_at == NOW + seconds(0.25)
    done = decided(a_situation(a_deployment(), beside(draining), unused=frozenset({"a"})))
    assert (of(done, "a").status, of(done, "a").reason) == (S.STOPPING, Reason.SCALED_DOWN)
    assert done.actions == (Stop("a"),)


def test_a_draining_replica_stops_after_the_drain_timeout_whoever_uses_it() -> None:
    draining = a_replica(1, S.DRAINING, "a", status_since=NOW - seconds(299.9))
    situation = a_situation(a_deployment(), beside(draining))
    assert decided(situation).replicas == ()
    assert of(decided(situation, NOW + seconds(0.1)), "a").status is S.STOPPING


def test_a_replica_that_never_ends_keeps_no_other_from_being_replaced() -> None:
    """Both were on a node that is gone, of which nobody hears that anything ended."""
    why = Reason.HEALTH_CHECK_FAILED
    stuck = a_replica(1, S.STOPPING, "a", reason=why, first_healthy_at=NOW, status_since=NOW)
    rows = [stuck, a_replica(1, S.UNHEALTHY, "b"), a_replica(1, S.HEALTHY, "new")]
    situation = a_situation(replace(TWO, status=DeploymentStatus.DEGRADED), rows)
    assert statuses(decided(situation, NOW + seconds(59))) == {}
    assert statuses(decided(situation, NOW + seconds(60))) == {"b": S.DRAINING}


def test_one_unhealthy_replica_at_a_time_is_drained_and_replaced() -> None:
    sick = [a_replica(1, S.UNHEALTHY, id_) for id_ in ("a", "b")]
    deployment = replace(TWO, status=DeploymentStatus.DEGRADED)
    first = decided(a_situation(deployment, sick))
    assert statuses(first) == {"a": S.DRAINING}
    assert of(first, "a").reason is Reason.HEALTH_CHECK_FAILED
    (group,) = first.groups
    assert (group.exits, group.early_exits, group.retry_at) == (1, 0, NOW + seconds(1))
    rows = [of(first, "a"), sick[1]]
    later = NOW + seconds(1)
    second = decided(a_situation(deployment, rows, [group]), later)
    assert statuses(second) == {"new1": S.STARTING}
    third = decided(
        a_situation(
            deployment,
            [of(second, "new1"), sick[1]],
            sights={"new1": Sight.HEALTHY},
        ),
        later,
    )
    assert statuses(third) == {"new1": S.HEALTHY, "b": S.DRAINING}
