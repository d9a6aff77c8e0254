"""When time alone makes another look at a deployment worth while."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from domain.deployments.plan import course
from domain.deployments.plan.working import Working
from domain.deployments.replica import ReplicaStatus
from domain.deployments.rollout import RolloutStatus

S = ReplicaStatus
SOON = timedelta(seconds=0.25)  # gateways tell twice a second what they know
AGAIN = timedelta(seconds=5)  # an act may have been lost with who began it
SWEEP = timedelta(minutes=10)  # nothing should have changed unheard


def look_at(working: Working) -> datetime | None:
    """Never earlier than now; None where nothing runs and nothing is wanted."""
    earliest = min(_times(working), default=None)
    return None if earliest is None else max(earliest, working.now)


def _times(working: Working) -> Iterator[datetime]:
    now, present = working.now, working.present()
    yield from (g.retry_at for g in working.groups.values() if g.retry_at is not None)
    for replica in present:
        if replica.status is S.DRAINING:
            yield replica.status_since + working.situation.patience.drain
            yield now + SOON
        if replica.status is S.HEALTHY and replica.id not in working.situation.known:
            yield now + SOON
        begins = replica.status is S.STARTING and replica.placement is None
        if begins or replica.status is S.STOPPING or not working.is_seen(replica):
            yield now + AGAIN
        yield now + SWEEP
    live = working.live
    if live is None:
        return
    yield now + SWEEP
    if at := course.goes_on_at(working, live):
        yield at
    if live.status is RolloutStatus.RUNNING and not course.is_waiting(working, live):
        yield course.deadline(live)
