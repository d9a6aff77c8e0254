"""What the live rollout wants, waits for and gets at the step where it is."""

from datetime import datetime, timedelta

from domain.deployments.plan import bounds
from domain.deployments.plan.working import Working
from domain.deployments.replica import ReplicaStatus
from domain.deployments.rollout import Rollout, RolloutStatus
from domain.deployments.strategy import BlueGreen, Canary


def wanted(working: Working, rollout: Rollout) -> int:
    """How many healthy replicas of its revision the rollout waits for at its present step."""
    desired = working.deployment.desired_replicas
    canary = stepping(working, rollout)
    return bounds.canary_count(canary, rollout.step, desired) if canary else desired


def enough(working: Working, rollout: Rollout) -> int:
    """How many of them do. A batch begins with the first replica of its own deployment: it must not
    lose that over another which never comes."""
    first = working.deployment.is_dedicated and working.deployment.active_revision_id is None
    return min(wanted(working, rollout), 1) if first else wanted(working, rollout)


def weight(working: Working, rollout: Rollout) -> int | None:
    """The share of its revision in percent. A canary's step weighs once its replicas are healthy, so that
    they never get more requests than they are meant to bear; until then the step before does."""
    if rollout.revision_id == working.deployment.active_revision_id:
        return 100
    if isinstance(rollout.strategy, BlueGreen) and not is_in_place(working):
        return 0
    canary = stepping(working, rollout)
    if canary is None:
        return None
    ready = rollout.ready_at is not None and rollout.step < len(canary.steps)
    weighs = rollout.step if ready else rollout.step - 1
    return canary.steps[weighs].weight if weighs >= 0 else 0


def stepping(working: Working, rollout: Rollout) -> Canary | None:
    """The canary that it goes by; None where there is nothing to share requests with, or no room to."""
    active = working.deployment.active_revision_id
    if active in (None, rollout.revision_id) or is_in_place(working):
        return None
    return rollout.strategy if isinstance(rollout.strategy, Canary) else None


def is_in_place(working: Working) -> bool:
    """Whether what is to run, or runs, bears nothing beside it."""
    live = working.live
    revisions = {r.revision_id for r in working.present()}
    revisions.add(working.deployment.active_revision_id or "")
    revisions.add(live.revision_id if live else "")
    return not revisions.isdisjoint(working.situation.in_place)


def is_waiting(working: Working, rollout: Rollout) -> bool:
    """Enough of what is wanted is healthy: what it waits for now is no progress of replicas."""
    return healthy(working, rollout) >= enough(working, rollout)


def goes_on_at(working: Working, rollout: Rollout) -> datetime | None:
    """When a delay or a canary step's pause ends; None where a user has to say so, or nothing waits."""
    if rollout.ready_at is None or rollout.status is RolloutStatus.PAUSED:
        return None
    canary = stepping(working, rollout)
    if canary is not None and rollout.step < len(canary.steps):
        pause = canary.steps[rollout.step].pause
        return rollout.ready_at + timedelta(seconds=pause or 0)
    green = rollout.strategy
    if not isinstance(green, BlueGreen) or is_in_place(working) or rollout.promoted:
        return rollout.ready_at
    delay = timedelta(seconds=green.promote_delay)
    return rollout.ready_at + delay if green.auto_promote else None


def deadline(rollout: Rollout) -> datetime:
    """While it runs; `progressed_at` moves on by as long as it was paused."""
    return rollout.progressed_at + timedelta(seconds=rollout.progress_deadline)


def healthy(working: Working, rollout: Rollout) -> int:
    group = working.group_of(rollout.revision_id)
    return len(working.having(ReplicaStatus.HEALTHY, group)) if group else 0
