"""Which part of the requests each replica group gets."""

from domain.deployments.plan import course
from domain.deployments.plan.working import Working
from domain.deployments.replica import ReplicaGroup, ReplicaStatus


def share(working: Working) -> None:
    for group in list(working.groups.values()):
        working.change_group(group, weight=_weight(working, group))


def _weight(working: Working, group: ReplicaGroup) -> int | None:
    live, target = working.live, working.target
    if live is None:
        return _settled(working, group)
    weight = course.weight(working, live)
    if weight is None:
        return None
    if target is not None and group.id == target.id:
        return weight
    return 100 - weight if group == working.kept else 0


def _settled(working: Working, group: ReplicaGroup) -> int | None:
    """The active revision gets all. On the way back from a rolling rollout replicas go on sharing until
    the active revision bears all the requests: whatever doesn't get any serves nobody."""
    active = working.target
    if active is None:
        return 0
    healthy = len(working.having(ReplicaStatus.HEALTHY, active))
    if active.weight is None and healthy < working.deployment.desired_replicas:
        return None
    return 100 if group.id == active.id else 0
