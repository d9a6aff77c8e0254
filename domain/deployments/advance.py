"""How the live rollout gets on: its steps, its promotion, its failure."""

import dataclasses
from typing import Any

from domain.deployments import backoff, course, telling
from domain.deployments.deployment import DeploymentStatus
from domain.deployments.reason import Reason
from domain.deployments.replica import ReplicaGroup
from domain.deployments.rollout import Rollout, RolloutStatus
from domain.deployments.strategy import Canary
from domain.deployments.working import Working
from domain.events import (
    RolloutAborted,
    RolloutAdvanced,
    RolloutFailed,
    RolloutPaused,
    RolloutSucceeded,
)

R = RolloutStatus


def advance(working: Working) -> None:
    """As far as it can get at this moment."""
    if working.live is None:
        return
    if working.deployment.deleted_at is not None:
        _end(working, R.ABORTED, Reason.DELETED, "The deployment was deleted.")
        _record(working, RolloutAborted, revision=True)
        return
    group = _group(working)
    _note_progress(working, group)
    if working.groups[group.id].early_exits >= backoff.EARLY_EXITS_LIMIT:
        _fail_of_exits(working, group)
    while _step_on(working, group):
        pass
    if _is_overdue(working):
        _fail_of_deadline(working)


def _note_progress(working: Working, group: ReplicaGroup) -> None:
    """A replica that was never healthy before starts the deadline anew."""
    firsts = {r.id for r in working.situation.replicas if r.first_healthy_at is None}
    if any(r.id in firsts and r.first_healthy_at for r in working.staying(group)):
        _change(working, progressed_at=working.now)
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
        return not held and _succeed(working)
    if stands:
        return False
    if rollout.ready_at is None:
        return working.known(group) >= course.wanted(working, rollout) and _get_ready(
            working, rollout
        )
    at_step = canary is not None and rollout.step < len(canary.steps)
    if canary is not None and at_step and canary.steps[rollout.step].pause is None:
        return _next_step(working, rollout)  # it was resumed: its pause began with its being ready
    if not course.is_waiting(working, rollout):
        return _change(working, ready_at=None, progressed_at=working.now)
    at = course.goes_on_at(working, rollout)
    if at is None or at > working.now:
        return False
    return _next_step(working, rollout) if at_step else _succeed(working)


def _skip_steps(working: Working, rollout: Rollout, canary: Canary) -> bool:
    if rollout.status is R.PAUSED and rollout.reason is Reason.PAUSED_BY_USER:
        return False
    fields: dict[str, Any] = {"step": len(canary.steps), "ready_at": None, "reason": None}
    _change(working, **fields, message="", progressed_at=working.now, status=R.RUNNING)
    return _record_advance(working)


def _get_ready(working: Working, rollout: Rollout) -> bool:
    _change(working, ready_at=working.now)
    canary = course.stepping(working, rollout)
    if canary is None or rollout.step >= len(canary.steps):
        return True
    if canary.steps[rollout.step].pause is None:
        said = f"At {canary.steps[rollout.step].weight} % of the requests, until it is resumed."
        _change(working, status=R.PAUSED, reason=Reason.CANARY_STEP, message=said)
        _record(working, RolloutPaused, reason=Reason.CANARY_STEP)
    return _record_advance(working)


def _next_step(working: Working, rollout: Rollout) -> bool:
    _change(working, step=rollout.step + 1, ready_at=None, progressed_at=working.now)
    return _record_advance(working)


def _succeed(working: Working) -> bool:
    rollout = working.rollout
    assert rollout is not None
    working.deployment = dataclasses.replace(
        working.deployment, active_revision_id=rollout.revision_id
    )
    _end(working, R.SUCCEEDED, None, "")
    seconds = (working.now - rollout.created_at).total_seconds()
    _record(working, RolloutSucceeded, revision=True, seconds=seconds)
    return True


def _is_overdue(working: Working) -> bool:
    rollout = working.live
    if rollout is None:
        return False
    runs = rollout.status is R.RUNNING and not course.is_waiting(working, rollout)
    return runs and course.deadline(rollout) <= working.now


def _fail_of_exits(working: Working, group: ReplicaGroup) -> None:
    group = working.groups[group.id]
    said = f"{group.early_exits} replicas ended before they were ever healthy. The last: {group.message}"
    _fail(working, Reason.TOO_MANY_EXITS, said)


def _fail_of_deadline(working: Working) -> None:
    rollout = working.live
    assert rollout is not None
    group = _group(working)
    healthy = course.healthy(working, rollout)
    said = (
        f"No replica became healthy for {rollout.progress_deadline:g} s; "
        f"{telling.counted(healthy, course.wanted(working, rollout))} {group.message}"
    )
    _fail(working, Reason.PROGRESS_DEADLINE, said.rstrip())


def _fail(working: Working, reason: Reason, said: str) -> None:
    rollout = working.rollout
    assert rollout is not None
    said = f"Revision {rollout.revision_number} failed. {said}"
    tail = _group(working).log_tail
    _end(working, R.FAILED, reason, said)
    _record(working, RolloutFailed, revision=True, reason=reason, message=said, log_tail=tail)
    goes_back = working.deployment.active_revision_id is not None
    working.become(
        DeploymentStatus.ROLLING_BACK if goes_back else DeploymentStatus.DEGRADED,
        reason if goes_back else Reason.NO_HEALTHY_REVISION,
        said,
    )


def _end(working: Working, status: RolloutStatus, reason: Reason | None, message: str) -> None:
    _change(working, status=status, reason=reason, message=message, finished_at=working.now)


def _change(working: Working, **fields: Any) -> bool:
    rollout = working.rollout
    assert rollout is not None
    if fields.get("status", rollout.status) is not rollout.status:
        fields["status_since"] = working.now
    working.rollout = dataclasses.replace(rollout, **fields)
    return True


def _record_advance(working: Working) -> bool:
    rollout = working.rollout
    assert rollout is not None
    _record(
        working,
        RolloutAdvanced,
        step=rollout.step,
        weight=course.weight(working, rollout),
        healthy=course.healthy(working, rollout),
        desired=working.deployment.desired_replicas,
    )
    return True


def _record(working: Working, fact: Any, *, revision: bool = False, **fields: Any) -> None:
    rollout = working.rollout
    assert rollout is not None
    if revision:
        fields["revision_id"] = rollout.revision_id
    ids = {"deployment_id": rollout.deployment_id, "rollout_id": rollout.id}
    working.facts.append(fact(**ids, number=rollout.revision_number, **fields))


def _group(working: Working) -> ReplicaGroup:
    """The group of the rollout's revision, made where there is none."""
    rollout = working.rollout
    assert rollout is not None
    if group := working.group_of(rollout.revision_id):
        return group
    group = ReplicaGroup(
        id=working.new_id(),
        project_id=rollout.project_id,
        deployment_id=rollout.deployment_id,
        revision_id=rollout.revision_id,
        revision_number=rollout.revision_number,
        created_at=working.now,
    )
    working.groups[group.id] = group
    return group
