"""Rules and loads for tests of autoscaling."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings

from domain.autoscaling.load import Load, Reported, observe
from domain.autoscaling.rule import AutoscalingRule, Metric
from domain.deployments.deployment import Deployment, DeploymentStatus
from domain.deployments.replica import Replica, ReplicaStatus
from domain.deployments.rollout import Rollout, RolloutKind, RolloutStatus
from domain.deployments.strategy import Rolling
from tests.support.builders import NOON, a_deployment, a_project, fresh

STEP = timedelta(seconds=2)
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def a_rule(deployment: Deployment | None = None, **said: Any) -> AutoscalingRule:
    """At most 10 replicas and at least 1, with 4 requests in flight each, unless it says otherwise."""
    return AutoscalingRule(
        **{
            "id": fresh(),
            "project_id": deployment.project_id if deployment else "p",
            "deployment_id": deployment.id if deployment else "d",
            "metric": Metric.IN_FLIGHT,
            "target": 4.0,
            "min_replicas": 1,
            "max_replicas": 10,
            "created_at": NOON,
            "created_by": "ada",
            "updated_at": NOON,
            **said,
        }
    )


def of(rule: AutoscalingRule, deployment: Deployment) -> AutoscalingRule:
    """The same rule, of that deployment."""
    return replace(rule, project_id=deployment.project_id, deployment_id=deployment.id)


def serving(**said: Any) -> Deployment:
    """A deployment that is READY with an active revision."""
    own = {"status": DeploymentStatus.READY, "active_revision_id": "r1", **said}
    return a_deployment(a_project(), **own)


def a_look(in_flight: int = 0, desired: int = 1, **arrived: int) -> Reported:
    """One gateway that nothing came to, unless it names others."""
    return Reported(desired=desired, in_flight=in_flight, arrived=arrived or {"g": 0})


def seen(
    rules: Sequence[AutoscalingRule], looks: Iterable[Reported], step: timedelta = STEP
) -> Load:
    """The load after these looks, the first at NOON."""
    load = None
    for count, look in enumerate(looks):
        load = observe(load, look, rules, NOON + count * step)
    assert load is not None
    return load


def steady(
    rules: Sequence[AutoscalingRule], in_flight: int, desired: int, seconds: float = 600
) -> Load:
    """The load after so many seconds of the same."""
    looks = int(seconds / STEP.total_seconds()) + 1
    return seen(rules, [a_look(in_flight, desired)] * looks)


def a_replica(deployment: Deployment, **said: Any) -> Replica:
    """HEALTHY, of the active revision, unless it says otherwise."""
    return Replica(
        **{
            "id": fresh(),
            "project_id": deployment.project_id,
            "deployment_id": deployment.id,
            "group_id": "g1",
            "revision_id": deployment.active_revision_id,
            "revision_number": 1,
            "status": ReplicaStatus.HEALTHY,
            "status_since": NOON,
            "created_at": NOON,
            **said,
        }
    )


def a_rollout(deployment: Deployment, **said: Any) -> Rollout:
    """RUNNING, to the active revision, unless it says otherwise."""
    return Rollout(
        **{
            "id": fresh(),
            "project_id": deployment.project_id,
            "deployment_id": deployment.id,
            "kind": RolloutKind.ACTIVATION,
            "revision_id": deployment.active_revision_id,
            "revision_number": 1,
            "from_revision_id": None,
            "strategy": Rolling(),
            "status": RolloutStatus.RUNNING,
            "status_since": NOON,
            "progress_deadline": 600.0,
            "progressed_at": NOON,
            "created_at": NOON,
            "created_by": "ada",
            **said,
        }
    )
