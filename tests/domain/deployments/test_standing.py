"""How a deployment stands, why, when to look again, and how it ends."""

import pytest

from domain.deployments.deployment import DeploymentStatus
from domain.deployments.facts import DeploymentDeleted, DeploymentStatusChanged, ReplicaDraining
from domain.deployments.reason import Reason
from domain.deployments.replica import Replica, ReplicaStatus
from domain.deployments.situation import Patience
from domain.deployments.strategy import Rolling
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
    seconds,
    statuses,
)
from tests.support.world import World

D = DeploymentStatus
S = ReplicaStatus
THREE = a_deployment(desired_replicas=3)


def test_all_that_is_desired_is_ready_and_nothing_changes() -> None:
    groups = [a_group(1, weight=100, desired_replicas=3)]
    replicas = [a_replica(1, S.HEALTHY, f"a{i}") for i in range(3)]
    done = decided(a_situation(THREE, replicas, groups))
    assert done.deployment == THREE
    assert (done.groups, done.replicas, done.facts, done.actions) == ((), (), (), ())
    assert done.look_at == NOW + seconds(600)


def test_fewer_healthy_ones_than_desired_are_degraded_with_how_many() -> None:
    replicas = [a_replica(1, S.HEALTHY, "a"), a_replica(1, S.HEALTHY, "b")]
    done = decided(a_situation(THREE, replicas))
    now = done.deployment
    assert (now.status, now.reason) == (D.DEGRADED, Reason.REPLICAS_STARTING)
    assert now.message == "2 of 3 desired replicas are healthy."
    assert now.status_since == NOW
    (fact,) = facts(done, DeploymentStatusChanged)
    assert (fact.status_before, fact.status_after, fact.reason) == (
        D.READY,
        D.DEGRADED,
        Reason.REPLICAS_STARTING,
    )


def test_a_failing_replica_is_named_with_its_last_words_and_when_it_is_tried_again() -> None:
    retry_at = NOW + seconds(4)
    group = a_group(1, exits=3, retry_at=retry_at, message="It ran out of memory (signal 9).")
    done = decided(a_situation(THREE, [a_replica(1, S.HEALTHY, "a")], [group]))
    now = done.deployment
    assert now.reason is Reason.REPLICAS_FAILING
    assert now.message == (
        "1 of 3 desired replicas are healthy. "
        "The last that failed: It ran out of memory (signal 9)."
    )
    assert now.next_retry_at == retry_at == done.look_at


def test_another_message_alone_is_no_event() -> None:
    degraded = a_deployment(
        desired_replicas=3,
        status=D.DEGRADED,
        reason=Reason.REPLICAS_STARTING,
        message="1 of 3 desired replicas are healthy.",
    )
    replicas = [
        a_replica(1, S.HEALTHY, "a"),
        a_replica(1, S.HEALTHY, "b"),
        a_replica(1, S.STARTING, "c"),
    ]
    done = decided(a_situation(degraded, replicas))
    assert done.deployment.message == "2 of 3 desired replicas are healthy."
    assert done.deployment.status_since == degraded.status_since
    assert done.facts == ()


def test_another_reason_is_an_event_but_no_other_status() -> None:
    degraded = a_deployment(desired_replicas=3, status=D.DEGRADED, reason=Reason.REPLICAS_STARTING)
    group = a_group(1, exits=1, retry_at=NOW + seconds(1))
    done = decided(a_situation(degraded, [a_replica(1, S.HEALTHY, "a")], [group]))
    (fact,) = facts(done, DeploymentStatusChanged)
    assert (fact.status_before, fact.status_after, fact.reason) == (
        D.DEGRADED,
        D.DEGRADED,
        Reason.REPLICAS_FAILING,
    )
    assert done.deployment.status_since == degraded.status_since


def test_what_gateways_do_not_know_yet_is_not_ready_but_what_was_ready_stays_so() -> None:
    replicas = [a_replica(1, S.HEALTHY, "a")]
    for before, after in ((D.DEPLOYING, D.DEPLOYING), (D.DEGRADED, D.DEGRADED), (D.READY, D.READY)):
        deployment = a_deployment(status=before)
        done = decided(a_situation(deployment, replicas, known=frozenset()))
        assert done.deployment.status is after
        assert done.look_at == NOW + seconds(0.25)
        known = decided(a_situation(deployment, replicas))
        assert known.deployment.status is D.READY


def test_a_scale_down_drains_the_youngest_and_what_is_not_healthy_first() -> None:
    replicas = [
        a_replica(1, S.HEALTHY, "old"),
        a_replica(1, S.HEALTHY, "young", created_at=NOW - seconds(5)),
        a_replica(1, S.UNHEALTHY, "sick"),
        a_replica(1, S.STARTING, "new"),
    ]
    done = decided(a_situation(a_deployment(), replicas))
    assert statuses(done) == {"young": S.DRAINING, "sick": S.DRAINING, "new": S.STOPPING}
    assert {r.reason for r in done.replicas} == {Reason.SCALED_DOWN}


def test_a_scale_down_while_some_are_unhealthy_takes_no_healthy_one_below_what_is_desired() -> None:
    replicas = [a_replica(1, S.HEALTHY, "a"), *(a_replica(1, S.UNHEALTHY, f"s{i}") for i in "12")]
    done = decided(a_situation(a_deployment(), replicas))
    assert statuses(done) == {"s1": S.DRAINING, "s2": S.DRAINING}


def test_a_scale_to_none_drains_all_and_stays_ready() -> None:
    done = decided(a_situation(a_deployment(desired_replicas=0), [a_replica(1, S.HEALTHY, "a")]))
    assert (statuses(done), done.deployment.status) == ({"a": S.DRAINING}, D.READY)


def test_a_scale_up_starts_what_is_missing() -> None:
    done = decided(a_situation(THREE, [a_replica(1, S.HEALTHY, "a")]))
    assert statuses(done) == {"new1": S.STARTING, "new2": S.STARTING}
    assert [action.replica_id for action in done.actions] == ["new1", "new2"]


def test_a_deleted_deployment_drains_then_stops_and_is_told_of_once() -> None:
    world = World(strategy=Rolling(), desired=2, judge=judge)
    world.activate(1)
    world.settle()
    world.delete()
    world.look()
    assert world.count(1, S.DRAINING) == 2
    assert (world.deployment.status, world.deployment.reason) == (D.STOPPING, Reason.DRAINING)
    assert {d.reason for d in world.happened(ReplicaDraining)} == {Reason.DELETED}
    world.settle()
    world.look()
    assert (world.deployment.status, world.look_at) == (D.STOPPED, None)
    assert len(world.happened(DeploymentDeleted)) == 1
    assert not world.orphans()


def test_a_deployment_that_is_deleted_on_its_way_ends_its_rollout() -> None:
    deployment = a_deployment(status=D.STOPPING, deleted_at=NOW)
    done = decided(a_situation(deployment, [a_replica(2, S.STARTING, "a")], rollout=a_rollout(2)))
    assert done.rollout is not None
    assert (done.rollout.is_live, done.rollout.reason) == (False, Reason.DELETED)
    assert of(done, "a").status is S.STOPPING


def test_a_deployment_without_anything_active_is_pending_and_left_alone() -> None:
    deployment = a_deployment(status=D.PENDING, active_revision_id=None)
    done = decided(a_situation(deployment, groups=[]))
    assert (done.deployment, done.facts, done.look_at) == (deployment, (), None)


@pytest.mark.parametrize(
    ("replica", "sooner"),
    [
        (a_replica(1, S.HEALTHY, "a"), 600),
        (a_replica(1, S.STARTING, "a", placement=None), 5),  # its start may have been lost
        (a_replica(1, S.STOPPING, "a"), 5),
        (a_replica(1, S.DRAINING, "a", status_since=NOW), 0.25),
        (a_replica(1, S.DRAINING, "a", status_since=NOW - seconds(9.9)), 0.1),
    ],
)
def test_a_look_is_taken_when_something_may_have_been_lost_or_runs_out(
    replica: Replica, sooner: float
) -> None:
    desired = 2 if replica.is_staying else 1
    situation = a_situation(
        a_deployment(desired_replicas=desired),
        [replica, a_replica(1, S.HEALTHY, "b")],
        patience=Patience(drain=seconds(10)),
    )
    assert decided(situation).look_at == NOW + seconds(sooner)


def test_what_the_driver_cannot_tell_of_is_looked_at_again_soon() -> None:
    situation = a_situation(a_deployment(), [a_replica(1, S.HEALTHY, "a")], sights={"a": None})
    assert decided(situation).look_at == NOW + seconds(5)
