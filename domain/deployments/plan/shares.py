"""Which part of the requests each replica group gets."""

from domain.deployments.plan import course
from domain.deployments.plan.working import Working
from domain.deployments.replica import ReplicaGroup, ReplicaStatus


def share(working: Working) -> None:
    for group in list(working.groups.values()):
        working.change_group(group, weight=_weight(working, group))


def _weight(working: Working, group: ReplicaGroup) -> int | None:
    live, target, kept = working.live, working.target, working.kept
    weight = course.weight(working, live) if live else 100
    if target is None:
        return 0
    if weight is None:
        return None
    bearer = kept or (target if weight == 100 else None)
    if bearer is not None and _shares_still(working, bearer):
        return 0 if kept is not None and group.id == target.id else None
    if group.id == target.id:
        return weight
    return 100 - weight if group == kept else 0


def _shares_still(working: Working, bearer: ReplicaGroup) -> bool:
    """On the way back, or aside, from a rolling rollout replicas go on sharing until the active revision
    bears all the requests: whatever doesn't get any serves nobody."""
    healthy = len(working.having(ReplicaStatus.HEALTHY, bearer))
    return bearer.weight is None and healthy < working.deployment.desired_replicas
