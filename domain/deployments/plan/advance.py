"""How the live rollout gets on: its steps, its promotion, its failure."""

from typing import Any

from domain.deployments.facts import RolloutAdvanced, RolloutPaused
from domain.deployments.plan import backoff, course, ending
from domain.deployments.plan.working import Working
from domain.deployments.reason import Reason
from domain.deployments.replica import ReplicaGroup
from domain.deployments.rollout import Rollout, RolloutStatus
from domain.deployments.strategy import Canary

R = RolloutStatus


def advance(working: Working) -> None:
    """As far as it can get at this moment."""
    if working.live is None:
        return
    if working.deployment.deleted_at is not None:
        ending.abort(working)
        return
    group = working.begin_group(working.live)
    _note_progress(working, group)
    if working.groups[group.id].early_exits >= backoff.EARLY_EXITS_LIMIT:
        ending.fail_of_exits(working, group)
    while _step_on(working, group):
        pass
    if _is_overdue(working):
        ending.fail_of_deadline(working)


def _note_progress(working: Working, group: ReplicaGroup) -> None:
    """A replica that was never healthy before starts the deadline anew."""
    firsts = {r.id for r in working.situation.replicas if r.first_healthy_at is None}
    if any(r.id in firsts and r.first_healthy_at for r in working.staying(group)):
        working.change_rollout(progressed_at=working.now)
        _record_advance(working)


def _step_on(working: Working, group: ReplicaGroup) -> bool:
    """Whether anything changed, so that more may follow."""
    rollout = working.live
    if rollout is None:
        return False
    canary = course.stepping(working, rollout)
    if rollout.promoted and canary is not None and rollout.step < len(canary.steps):
        return _skip_steps(working, rollout, canary)
    stands = rollout.status is R.PAUSED
    if working.deployment.desired_replicas == 0:
        held = stands and rollout.reason is Reason.PAUSED_BY_USER
        return not held and ending.succeed(working)
    if stands:
        return False
    if rollout.ready_at is None:
        is_ready = working.known(group) >= course.enough(working, rollout)
        return is_ready and _get_ready(working, rollout)
    at_step = canary is not None and rollout.step < len(canary.steps)
    if canary is not None and at_step and canary.steps[rollout.step].pause is None:
        return _next_step(working, rollout)  # it was resumed: its pause began with its being ready
    if not course.is_waiting(working, rollout):
        working.change_rollout(ready_at=None, progressed_at=working.now)
        return True
    at = course.goes_on_at(working, rollout)
    if at is None or at > working.now:
        return False
    return _next_step(working, rollout) if at_step else ending.succeed(working)


def _skip_steps(working: Working, rollout: Rollout, canary: Canary) -> bool:
    if rollout.status is R.PAUSED and rollout.reason is Reason.PAUSED_BY_USER:
        return False
    fields: dict[str, Any] = {"step": len(canary.steps), "ready_at": None, "reason": None}
    working.change_rollout(**fields, message="", progressed_at=working.now, status=R.RUNNING)
    return _record_advance(working)


def _get_ready(working: Working, rollout: Rollout) -> bool:
    working.change_rollout(ready_at=working.now)
    canary = course.stepping(working, rollout)
    if canary is None or rollout.step >= len(canary.steps):
        return True
    if canary.steps[rollout.step].pause is None:
        said = f"At {canary.steps[rollout.step].weight} % of the requests, until it is resumed."
        working.change_rollout(status=R.PAUSED, reason=Reason.CANARY_STEP, message=said)
        ending.record(working, RolloutPaused, reason=Reason.CANARY_STEP)
    return _record_advance(working)


def _next_step(working: Working, rollout: Rollout) -> bool:
    working.change_rollout(step=rollout.step + 1, ready_at=None, progressed_at=working.now)
    return _record_advance(working)


def _is_overdue(working: Working) -> bool:
    rollout = working.live
    if rollout is None:
        return False
    runs = rollout.status is R.RUNNING and not course.is_waiting(working, rollout)
    return runs and course.deadline(rollout) <= working.now


def _record_advance(working: Working) -> bool:
    rollout = working.rollout
    assert rollout is not None
    ending.record(
        working,
        RolloutAdvanced,
        step=rollout.step,
        weight=course.weight(working, rollout),
        healthy_replicas=course.healthy(working, rollout),
        desired_replicas=working.deployment.desired_replicas,
    )
    return True
