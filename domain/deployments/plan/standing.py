"""How a deployment stands, and why."""

from datetime import datetime, timedelta

from domain.deployments.deployment import FINAL, DeploymentStatus
from domain.deployments.facts import DeploymentDeleted, RolledBack
from domain.deployments.plan import course, telling
from domain.deployments.plan.working import Working
from domain.deployments.reason import Reason
from domain.deployments.replica import ReplicaGroup, ReplicaStatus
from domain.deployments.rollout import Rollout, RolloutStatus

D = DeploymentStatus
H = ReplicaStatus.HEALTHY
Standing = tuple[DeploymentStatus, Reason | None, str]
LEFT_BEHIND_FOR = timedelta(seconds=10)  # a gateway that is silent for that long is gone


def stand(working: Working) -> None:
    status, reason, message = _standing(working)
    back = working.deployment.status is D.ROLLING_BACK and status is D.READY
    target = working.target
    if back and target is not None:
        working.facts.append(
            RolledBack(
                deployment_id=working.deployment.id,
                revision_id=target.revision_id,
                number=target.revision_number,
            )
        )
    if status is D.STOPPED and working.deployment.status is not D.STOPPED:
        gone = DeploymentDeleted(deployment_id=working.deployment.id, name=working.deployment.name)
        working.become(status, reason, message)
        working.facts.append(gone)
    working.become(status, reason, message, next_retry_at=_next_retry_at(working))


def _standing(working: Working) -> Standing:
    before = working.deployment
    if before.status in FINAL:
        return before.status, before.reason, before.message
    if before.deleted_at is not None:
        return _leaving(working)
    if (live := working.live) is not None:
        return D.DEPLOYING, *_deploying(working, live)
    if (active := working.target) is None:
        if before.status is D.DEGRADED:
            return D.DEGRADED, Reason.NO_HEALTHY_REVISION, before.message
        return D.PENDING, None, ""
    return _serving(working, active)


def _leaving(working: Working) -> Standing:
    if not working.present():
        return D.STOPPED, Reason.DELETED, ""
    if working.having(ReplicaStatus.DRAINING):
        return D.STOPPING, Reason.DRAINING, "Its replicas finish their requests."
    return D.STOPPING, Reason.DELETED, "Its replicas are told to end."


def _deploying(working: Working, live: Rollout) -> tuple[Reason, str]:
    if live.status is RolloutStatus.PAUSED:
        return live.reason or Reason.PAUSED_BY_USER, live.message or "The rollout is paused."
    group = working.target
    assert group is not None
    wanted = course.wanted(working, live)
    healthy = len(working.having(H, group))
    if healthy < wanted:
        return _short(working, group, healthy, wanted)
    if live.ready_at is None:
        return Reason.GATEWAYS_LEARNING, "Not every gateway knows all healthy replicas yet."
    at = course.goes_on_at(working, live)
    if course.stepping(working, live):
        return Reason.CANARY_STEP, f"The canary gets {group.weight} % of the requests for now."
    said = "Ready to be promoted" + (
        ", which a delay puts off." if at else "; promote it to go on."
    )
    return Reason.AWAITING_PROMOTION, said


def _short(working: Working, group: ReplicaGroup, healthy: int, wanted: int) -> tuple[Reason, str]:
    said = telling.counted(healthy, wanted)
    if group.exits or group.retry_at:
        return Reason.REPLICAS_FAILING, f"{said} The last that failed: {group.message}"
    return Reason.REPLICAS_STARTING, said + telling.waits(working.staying(group))


def _serving(working: Working, active: ReplicaGroup) -> Standing:
    before, desired = working.deployment, working.deployment.desired_replicas
    healthy = len(working.having(H, active))
    if healthy < desired:
        reason, message = _short(working, active, healthy, desired)
        for sick in working.having(ReplicaStatus.UNHEALTHY, active)[-1:]:
            reason = Reason.REPLICAS_FAILING
            message = f"{telling.counted(healthy, desired)} {sick.message}"
        if before.status is D.ROLLING_BACK:
            failing = reason is Reason.REPLICAS_FAILING
            return D.ROLLING_BACK, reason if failing else before.reason, message
        starts = reason is Reason.REPLICAS_STARTING and before.status in (D.PENDING, D.DEPLOYING)
        return D.DEPLOYING if starts else D.DEGRADED, reason, message
    if before.status is D.READY or _reaches(working, active):
        return D.READY, None, ""
    if before.status is D.ROLLING_BACK:
        return D.ROLLING_BACK, before.reason, before.message
    said = "Not every gateway has turned to the healthy replicas yet."
    return before.status, Reason.GATEWAYS_LEARNING, said


def _reaches(working: Working, active: ReplicaGroup) -> bool:
    """Whether requests reach the active revision, and no other, through every gateway."""
    if working.known(active) < working.deployment.desired_replicas:
        return False
    others = [r for r in working.present() if r.group_id != active.id]
    return not any(_may_be_reached(working, r.status, r.id, r.status_since) for r in others)


def _may_be_reached(working: Working, status: ReplicaStatus, id: str, since: datetime) -> bool:
    if status is ReplicaStatus.DRAINING:
        left = id in working.situation.unused or since + LEFT_BEHIND_FOR <= working.now
        return not left
    return status is not ReplicaStatus.STOPPING


def _next_retry_at(working: Working) -> datetime | None:
    groups = [g for g in (working.target, working.kept) if g]
    times = [g.retry_at for g in groups if g.retry_at]
    return min(times, default=None)
