"""How a rollout ends: its revision is the active one, or the way back begins."""

import dataclasses
from typing import Any

from domain.deployments.deployment import DeploymentStatus
from domain.deployments.facts import RolloutAborted, RolloutFailed, RolloutSucceeded
from domain.deployments.plan import course, telling
from domain.deployments.plan.working import Working
from domain.deployments.reason import Reason
from domain.deployments.replica import ReplicaGroup
from domain.deployments.rollout import RolloutStatus

R = RolloutStatus


def abort(working: Working) -> None:
    """The deployment was deleted under it."""
    _end(working, R.ABORTED, Reason.DELETED, "The deployment was deleted.")
    record(working, RolloutAborted, revision=True)


def succeed(working: Working) -> bool:
    rollout = working.rollout
    assert rollout is not None
    working.deployment = dataclasses.replace(
        working.deployment, active_revision_id=rollout.revision_id
    )
    _end(working, R.SUCCEEDED, None, "")
    seconds = (working.now - rollout.created_at).total_seconds()
    record(working, RolloutSucceeded, revision=True, duration_seconds=seconds)
    return True


def fail_of_exits(working: Working, group: ReplicaGroup) -> None:
    group = working.groups[group.id]
    said = f"{group.early_exits} replicas ended before they were ever healthy. The last: {group.message}"
    _fail(working, Reason.TOO_MANY_EXITS, said)


def fail_of_deadline(working: Working) -> None:
    rollout = working.live
    assert rollout is not None
    group = working.begin_group(rollout)
    healthy = course.healthy(working, rollout)
    said = (
        f"No replica became healthy for {rollout.progress_deadline:g} s; "
        f"{telling.counted(healthy, course.wanted(working, rollout))}"
    )
    why = f" {group.message}" if group.message else telling.waits(working.staying(group))
    _fail(working, Reason.PROGRESS_DEADLINE, said + why)


def record(working: Working, fact: Any, *, revision: bool = False, **fields: Any) -> None:
    rollout = working.rollout
    assert rollout is not None
    if revision:
        fields["revision_id"] = rollout.revision_id
    ids = {"deployment_id": rollout.deployment_id, "rollout_id": rollout.id}
    working.facts.append(fact(**ids, number=rollout.revision_number, **fields))


def _fail(working: Working, reason: Reason, said: str) -> None:
    rollout = working.rollout
    assert rollout is not None
    said = f"Revision {rollout.revision_number} failed. {said}"
    tail = working.begin_group(rollout).log_tail
    _end(working, R.FAILED, reason, said)
    record(working, RolloutFailed, revision=True, reason=reason, message=said, log_tail=tail)
    goes_back = working.deployment.active_revision_id is not None
    working.become(
        DeploymentStatus.ROLLING_BACK if goes_back else DeploymentStatus.DEGRADED,
        reason if goes_back else Reason.NO_HEALTHY_REVISION,
        said,
    )


def _end(working: Working, status: RolloutStatus, reason: Reason | None, message: str) -> None:
    working.change_rollout(status=status, reason=reason, message=message, finished_at=working.now)
