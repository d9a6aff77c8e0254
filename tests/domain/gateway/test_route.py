import pytest

from domain.deployments.deployment import Deployment, DeploymentStatus
from domain.deployments.replica import ReplicaStatus
from domain.gateway.route import route
from tests.support.builders import a_deployment, a_project
from tests.support.serving import a_group, a_replica, a_rollout


def deployment(**said: object) -> Deployment:
    made = a_deployment(a_project(), status=DeploymentStatus.READY, id="d")
    return a_deployment(a_project(), **{"id": made.id, "active_revision_id": "d-1", **said})


def test_healthy_replicas_alone_are_sent_requests() -> None:
    group = a_group(deployment())
    replicas = {status: a_replica(group, status=status) for status in ReplicaStatus}
    made = route(deployment(), None, [group], list(replicas.values()))
    assert made is not None
    assert [t.replica_id for t in made.targets] == [replicas[ReplicaStatus.HEALTHY].id]


def test_a_healthy_replica_without_endpoints_is_sent_nothing() -> None:
    group = a_group(deployment())
    made = route(deployment(), None, [group], [a_replica(group, endpoints=())])
    assert made is not None
    assert not list(made.targets)


@pytest.mark.parametrize("status", [DeploymentStatus.STOPPING, DeploymentStatus.STOPPED])
def test_a_deleted_deployment_has_no_route(status: DeploymentStatus) -> None:
    group = a_group(deployment())
    assert route(deployment(status=status), None, [group], [a_replica(group)]) is None


def test_a_live_rollout_holds_its_revision_back_while_its_weight_is_0() -> None:
    groups = [a_group(deployment(), 1, weight=0), a_group(deployment(), 2, weight=0)]
    made = route(deployment(), a_rollout(deployment(), 2), groups, [])
    assert made is not None
    assert [share.held_back for share in made.shares] == [False, True]


def test_a_group_is_awaited_while_it_has_or_is_to_have_replicas() -> None:
    groups = [a_group(deployment(), number) for number in (1, 2, 3, 4, 5)]
    starting = a_replica(groups[2], status=ReplicaStatus.STARTING)
    draining = a_replica(groups[3], status=ReplicaStatus.DRAINING)
    made = route(deployment(), a_rollout(deployment(), 2), groups, [starting, draining])
    assert made is not None
    assert [share.awaited for share in made.shares] == [True, True, True, False, False]
