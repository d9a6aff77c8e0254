"""Situations for tests of the plan: a deployment in the middle of something, in a few words."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from domain.deployments.deployment import Deployment, DeploymentStatus
from domain.deployments.plan import decide
from domain.deployments.ports import Observed, Sight
from domain.deployments.replica import Endpoint, Replica, ReplicaGroup, ReplicaStatus
from domain.deployments.rollout import Rollout, RolloutKind, RolloutStatus
from domain.deployments.situation import Decision, Situation
from domain.deployments.strategy import Rolling

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
S = ReplicaStatus
SIGHTS = {
    S.STARTING: Sight.RUNNING,
    S.HEALTHY: Sight.HEALTHY,
    S.UNHEALTHY: Sight.FAILING,
    S.DRAINING: Sight.HEALTHY,
    S.STOPPING: Sight.RUNNING,
}
WHERE = Endpoint(model="m", host="127.0.0.1", port=20000)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def a_deployment(**said: Any) -> Deployment:
    """Ready, with revision 1 active and one replica desired."""
    own: dict[str, Any] = {
        "id": "d",
        "project_id": "p",
        "name": "chat",
        "tags": (),
        "desired_replicas": 1,
        "strategy": Rolling(),
        "status": DeploymentStatus.READY,
        "status_since": NOW - seconds(3600),
        "active_revision_id": "r1",
        "last_revision": 3,
        "generation": 1,
        "created_at": NOW - seconds(7200),
        "created_by": "ada",
        "updated_at": NOW - seconds(7200),
    }
    return Deployment(**own | said)


def a_group(number: int, **said: Any) -> ReplicaGroup:
    own: dict[str, Any] = {
        "id": f"g{number}",
        "project_id": "p",
        "deployment_id": "d",
        "revision_id": f"r{number}",
        "revision_number": number,
        "created_at": NOW - seconds(7200) + seconds(number),
    }
    return ReplicaGroup(**own | said)


def a_replica(number: int, status: ReplicaStatus, id: str, **said: Any) -> Replica:
    """Of revision `number`; it was healthy before unless it is starting, and began an hour ago."""
    was_healthy = status is not S.STARTING
    own: dict[str, Any] = {
        "id": id,
        "project_id": "p",
        "deployment_id": "d",
        "group_id": f"g{number}",
        "revision_id": f"r{number}",
        "revision_number": number,
        "status": status,
        "status_since": NOW - seconds(30),
        "created_at": NOW - seconds(3600),
        "first_healthy_at": NOW - seconds(3500) if was_healthy else None,
        "placement": {"pid": id},
        "endpoints": (WHERE,),
    }
    return Replica(**own | said)


def a_rollout(number: int, **said: Any) -> Rollout:
    """To revision `number`, from the first, under way for ten seconds."""
    own: dict[str, Any] = {
        "id": "o",
        "project_id": "p",
        "deployment_id": "d",
        "kind": RolloutKind.ACTIVATION,
        "revision_id": f"r{number}",
        "revision_number": number,
        "from_revision_id": "r1",
        "strategy": Rolling(),
        "status": RolloutStatus.RUNNING,
        "status_since": NOW - seconds(10),
        "progress_deadline": 600.0,
        "progressed_at": NOW - seconds(10),
        "created_at": NOW - seconds(10),
        "created_by": "ada",
    }
    return Rollout(**own | said)


def a_situation(
    deployment: Deployment,
    replicas: Iterable[Replica] = (),
    groups: Iterable[ReplicaGroup] | None = None,
    rollout: Rollout | None = None,
    sights: Mapping[str, Sight | Observed | None] | None = None,
    **said: Any,
) -> Situation:
    """Everything is seen as its row says, and known to all gateways, unless `sights` says otherwise (None:
    the driver can't tell)."""
    replicas = tuple(replicas)
    numbers = sorted({r.revision_number for r in replicas} | {1})
    observed = {r.id: Observed(sight=SIGHTS[r.status]) for r in replicas}
    for id_, sight in (sights or {}).items():
        if sight is None:
            del observed[id_]
        else:
            observed[id_] = Observed(sight=sight) if isinstance(sight, Sight) else sight
    own: dict[str, Any] = {
        "groups": tuple(groups) if groups is not None else tuple(a_group(n) for n in numbers),
        "known": frozenset(r.id for r in replicas if r.status is S.HEALTHY),
    }
    return Situation(
        deployment=deployment,
        rollout=rollout,
        replicas=replicas,
        observed=observed,
        **own | said,
    )


def decided(situation: Situation, now: datetime = NOW) -> Decision:
    numbers = count(1)
    return decide(situation, now, lambda: f"new{next(numbers)}")


def statuses(decision: Decision) -> dict[str, ReplicaStatus]:
    """Of the replicas that changed, by id."""
    return {r.id: r.status for r in decision.replicas}


def of(decision: Decision, id: str) -> Replica:
    return next(r for r in decision.replicas if r.id == id)


def facts(decision: Decision, kind: type) -> list[Any]:
    return [fact for fact in decision.facts if isinstance(fact, kind)]


def rollout_of(decision: Decision) -> Rollout:
    assert decision.rollout is not None
    return decision.rollout
