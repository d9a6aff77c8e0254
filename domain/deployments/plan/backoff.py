"""What unwanted ends of replicas do to their group: they are counted, and make the next start wait."""

from datetime import timedelta

from domain.deployments.plan.working import Working
from domain.deployments.ports import Observed
from domain.deployments.reason import BLAMELESS, Reason
from domain.deployments.replica import Replica, ReplicaGroup, ReplicaStatus

WAITS = (1, 2, 4, 8, 16)  # seconds, by how many replicas of the group ended
SOUND_AFTER = timedelta(seconds=60)  # healthy for that long: what ended before is forgiven
EARLY_EXITS_LIMIT = 5


def ended(working: Working, replica: Replica, reason: Reason, observed: Observed, why: str) -> None:
    """Count a replica that stopped staying though nobody wanted it to; `replica` as it was before."""
    group = working.groups[replica.group_id]
    told = {"reason": reason, "message": why, "log_tail": observed.log_tail}
    if reason in BLAMELESS:
        # a fixed port has no other to turn to: without a pause it would be tried all the time
        waits = replica.revision_id in working.situation.in_place
        retry_at = working.now + timedelta(seconds=WAITS[0]) if waits else group.retry_at
        working.change_group(group, retry_at=retry_at, **told)
        return
    early = replica.first_healthy_at is None and working.live and group == working.target
    wait = timedelta(seconds=WAITS[min(group.exits, len(WAITS) - 1)])
    working.change_group(
        group,
        exits=group.exits + 1,
        early_exits=group.early_exits + bool(early),
        retry_at=working.now + wait,
        **told,
    )


def ease(working: Working) -> None:
    """Forget waits that are over, and the exits of groups that are sound or no longer wanted."""
    wanted = {group.id for group in (working.target, working.kept) if group}
    for group in list(working.groups.values()):
        if group.id not in wanted:
            working.change_group(group, exits=0, early_exits=0, retry_at=None)
            continue
        if group.retry_at is not None and group.retry_at <= working.now:
            group = working.change_group(group, retry_at=None)
        if group.exits and group.retry_at is None and _is_sound(working, group):
            working.change_group(group, exits=0)


def _is_sound(working: Working, group: ReplicaGroup) -> bool:
    staying = working.staying(group)
    return bool(staying) and all(
        r.status is ReplicaStatus.HEALTHY and r.status_since + SOUND_AFTER <= working.now
        for r in staying
    )
