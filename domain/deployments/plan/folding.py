"""What the driver saw, laid into the rows of the replicas."""

from domain.deployments.facts import (
    ReplicaBecameHealthy,
    ReplicaBecameUnhealthy,
    ReplicaExited,
    ReplicaProgressed,
)
from domain.deployments.plan import backoff, telling
from domain.deployments.plan.working import Working
from domain.deployments.ports import Observed, Sight
from domain.deployments.reason import Reason
from domain.deployments.replica import Replica, ReplicaStatus
from domain.deployments.situation import Start, Stop

S = ReplicaStatus


def fold(working: Working) -> None:
    """A replica that the driver couldn't tell of stays as it was."""
    backoff.ease(working)
    for loaded in working.situation.replicas:
        observed = working.situation.observed.get(loaded.id)
        if observed is None:
            continue
        replica = _located(working, loaded, observed)
        if replica.is_staying:
            _serving(working, replica, observed)
        else:
            _leaving(working, replica, observed)


def gone(working: Working, replica: Replica, *, wanted: bool, code: int | None = None) -> None:
    """Nothing of it is left."""
    working.change(replica, status=S.EXITED, exited_at=working.now, exit_code=code)
    working.record(
        ReplicaExited,
        replica,
        wanted=wanted,
        exit_code=code,
        reason=None if wanted else replica.reason,
        message="" if wanted else replica.message,
    )


def _located(working: Working, replica: Replica, observed: Observed) -> Replica:
    """The row with where the replica is, as soon as that is known."""
    if observed.sight in (Sight.ABSENT, Sight.EXITED):
        return replica
    endpoints = observed.endpoints or replica.endpoints
    placement = replica.placement if observed.placement is None else observed.placement
    if (endpoints, placement) == (replica.endpoints, replica.placement):
        return replica
    return working.change(replica, endpoints=endpoints, placement=placement)


def _serving(working: Working, replica: Replica, observed: Observed) -> None:
    match observed.sight:
        case Sight.ABSENT if replica.status is S.STARTING and replica.placement is None:
            working.actions.append(Start(replica.id))
        case Sight.ABSENT:
            _lost(working, replica, observed, Reason.EXITED_WHILE_ADOPTED)
        case Sight.EXITED:
            _lost(working, replica, observed, observed.reason or Reason.EXITED)
        case Sight.RUNNING if replica.status is S.STARTING and observed.reason is not None:
            _progressed(working, replica, observed, observed.reason)
        case Sight.FAILING if replica.status is S.STARTING:
            _given_up(working, replica, observed)
        case Sight.FAILING if replica.status is S.HEALTHY:
            reason = observed.reason or Reason.HEALTH_CHECK_FAILED
            why = telling.of(reason, observed)
            working.change(replica, status=S.UNHEALTHY, reason=reason, message=why)
            working.record(ReplicaBecameUnhealthy, replica, reason=reason, message=why)
        case Sight.HEALTHY if replica.status is not S.HEALTHY:
            _healthy(working, replica)


def _progressed(working: Working, replica: Replica, observed: Observed, reason: Reason) -> None:
    """Told where it waits for something else; the words alone may change often."""
    why = telling.of(reason, observed)
    if reason is replica.reason:
        return
    working.change(replica, reason=reason, message=why)
    working.record(ReplicaProgressed, replica, reason=reason, message=why)


def _healthy(working: Working, replica: Replica) -> None:
    first = replica.first_healthy_at or working.now
    working.change(replica, status=S.HEALTHY, reason=None, message="", first_healthy_at=first)
    working.record(ReplicaBecameHealthy, replica)
    working.change_group(working.groups[replica.group_id], early_exits=0)


def _given_up(working: Working, replica: Replica, observed: Observed) -> None:
    """It never became healthy: counted now, so not once more when it is gone."""
    reason = observed.reason or Reason.HEALTH_CHECK_FAILED
    why = telling.of(reason, observed)
    told = working.change(replica, log_tail=observed.log_tail)
    working.stop(told, reason, why)
    backoff.ended(working, replica, reason, observed, why)


def _lost(working: Working, replica: Replica, observed: Observed, reason: Reason) -> None:
    why = telling.of(reason, observed)
    told = working.change(replica, reason=reason, message=why, log_tail=observed.log_tail)
    gone(working, told, wanted=False, code=observed.exit_code)
    backoff.ended(working, replica, reason, observed, why)


def _leaving(working: Working, replica: Replica, observed: Observed) -> None:
    if observed.sight in (Sight.ABSENT, Sight.EXITED):
        gone(working, replica, wanted=True, code=observed.exit_code)
    elif replica.status is S.STOPPING:
        working.actions.append(Stop(replica.id))
    elif _has_drained(working, replica):
        working.stop(replica, replica.reason or Reason.DRAINING, replica.message)


def _has_drained(working: Working, replica: Replica) -> bool:
    patience = working.situation.patience.drain
    return replica.id in working.situation.unused or (
        replica.status_since + patience <= working.now
    )
