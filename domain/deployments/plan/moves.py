"""Which replicas go, and how many come, so that the wants are met within their bounds."""

from datetime import timedelta

from domain.deployments.deployment import DeploymentStatus
from domain.deployments.plan import backoff, course, folding, wants
from domain.deployments.plan.wants import Wants
from domain.deployments.plan.working import Working
from domain.deployments.ports import Observed, Sight
from domain.deployments.reason import Reason
from domain.deployments.replica import Replica, ReplicaGroup, ReplicaStatus

S = ReplicaStatus
FAILED = frozenset(
    {
        Reason.HEALTH_CHECK_FAILED,
        Reason.EXITED,
        Reason.CRASH_LOOP,
        Reason.OUT_OF_MEMORY,
        Reason.EVICTED,
    }
)  # why a replica that was healthy is not, as its driver says
OVERDUE = timedelta(seconds=30)  # beyond the grace that a replica has to end by itself
GOES_FIRST = (S.STARTING, S.UNHEALTHY, S.HEALTHY)


def move(working: Working) -> None:
    """Once more where what bore nothing beside it is gone by that: other bounds hold then."""
    was_in_place = course.is_in_place(working)
    _move(working)
    if was_in_place and not course.is_in_place(working):
        _move(working)


def _move(working: Working) -> None:
    wanted = wants.of(working)
    target, kept = working.target, working.kept
    for group in list(working.groups.values()):
        if group not in (target, kept):
            _take(working, wanted, group, len(working.staying(group)), _leaving_because(working))
    if kept is not None:
        excess = len(working.staying(kept)) - wanted.kept
        _take(working, wanted, kept, excess, Reason.ROLLED_OUT)
    if target is not None:
        excess = len(working.staying(target)) - wanted.target
        _take(working, wanted, target, excess, _scaled_because(working))
    _replace_one(working, wanted)
    _fill(working, wanted)


def _take(working: Working, wanted: Wants, group: ReplicaGroup, count: int, why: Reason) -> None:
    """Have up to `count` of the group go: the young first, the healthy last and never below the floor."""
    staying = [r for r in working.staying(group) if working.is_seen(r)]
    youngest = sorted(staying, key=lambda r: (r.created_at, r.id), reverse=True)
    for replica in sorted(youngest, key=lambda r: GOES_FIRST.index(r.status)):
        if count <= 0:
            return
        if not _may_go(working, wanted, replica):
            continue
        if working.situation.observed[replica.id].sight is Sight.ABSENT:
            folding.gone(working, working.change(replica, reason=why), wanted=True)
        elif working.was(replica) is S.STARTING:
            working.stop(replica, why)  # no gateway ever heard of it: it has no requests to finish
        else:
            working.drain(replica, why)
        count -= 1


def _may_go(working: Working, wanted: Wants, replica: Replica) -> bool:
    """Unhealthy replicas of what is being left count as if they could come back; healthy ones that are
    held back from all requests serve nobody yet."""
    if replica.status is S.STARTING:
        return True
    serving = len(working.having(S.HEALTHY)) - _held_back(working)
    if replica.status is S.UNHEALTHY:
        target = working.target
        if target is None or replica.group_id == target.id:
            return True
        serving += sum(r.group_id != target.id for r in working.having(S.UNHEALTHY))
    return serving > wanted.floor


def _held_back(working: Working) -> int:
    live, target = working.live, working.target
    if live is None or target is None or course.weight(working, live) != 0:
        return 0
    return len(working.having(S.HEALTHY, target))


def _leaving_because(working: Working) -> Reason:
    if working.deployment.deleted_at is not None:
        return Reason.DELETED
    back = working.deployment.status is DeploymentStatus.ROLLING_BACK or working.target is None
    return Reason.ROLLED_BACK if back else Reason.ROLLED_OUT


def _scaled_because(working: Working) -> Reason:
    deleted = working.deployment.deleted_at is not None
    return Reason.DELETED if deleted else Reason.SCALED_DOWN


def _replace_one(working: Working, wanted: Wants) -> None:
    """Have one unhealthy replica go, so that another comes, where no replacement is under way."""
    if working.deployment.deleted_at is not None or _is_replacing(working):
        return
    for group in (working.target, None if wanted.moves_over else working.kept):
        if group is None or group.retry_at is not None:
            continue
        for replica in working.having(S.UNHEALTHY, group):
            if working.is_seen(replica):
                _replace(working, replica)
                return


def _is_replacing(working: Working) -> bool:
    """One whose end is overdue holds up nobody: the node it was on may be gone, and never say so."""
    if working.having(S.STARTING):
        return True
    due = working.now - working.situation.patience.grace - OVERDUE
    stopping = (r for r in working.having(S.STOPPING) if r.status_since > due)
    leaving = [*working.having(S.DRAINING), *stopping]
    return any(r.reason in FAILED and r.first_healthy_at for r in leaving)


def _replace(working: Working, replica: Replica) -> None:
    observed = working.situation.observed.get(replica.id, Observed(sight=Sight.FAILING))
    reason = replica.reason if replica.reason in FAILED else Reason.HEALTH_CHECK_FAILED
    told = working.change(replica, log_tail=observed.log_tail)
    working.drain(told, reason, replica.message)
    backoff.ended(working, replica, reason, observed, replica.message)


def _fill(working: Working, wanted: Wants) -> None:
    """Start what is missing: first of the revision that serves, then of the one to come."""
    target, kept = working.target, working.kept
    if kept is not None:
        kept = working.change_group(working.groups[kept.id], desired_replicas=wanted.kept)
        others = (r for r in working.having(S.HEALTHY) if wanted.others_do)
        do = sum(r.group_id not in (kept.id, target and target.id) for r in others)
        missing = max(0, wanted.kept - do - len(working.staying(kept)))
        room = max(0, wanted.ceiling - len(working.staying()))
        reserved = min(missing, room)
        started = _start(working, kept, reserved)
    else:
        reserved = started = 0
    if target is not None:
        staying = len(working.staying(target))
        room = max(0, wanted.ceiling - len(working.staying()) - (reserved - started))
        count = max(0, min(wanted.target - staying, room))
        target = working.change_group(
            working.groups[target.id], desired_replicas=min(wanted.target, staying + count)
        )
        _start(working, target, count)
    for group in list(working.groups.values()):
        if group.id not in {g.id for g in (target, kept) if g}:
            working.change_group(group, desired_replicas=0)


def _start(working: Working, group: ReplicaGroup, count: int) -> int:
    if group.retry_at is not None and group.retry_at > working.now:
        return 0
    for started in range(count):
        if not _has_place(working, group):
            return started
        working.start(group)
    return count


def _has_place(working: Working, group: ReplicaGroup) -> bool:
    """Nothing comes beside what bears nothing beside it."""
    present = working.present()
    revisions = {group.revision_id, *(r.revision_id for r in present)}
    return not present or revisions.isdisjoint(working.situation.in_place)
