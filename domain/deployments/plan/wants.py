"""How many replicas of which group are wanted at this moment."""

from dataclasses import dataclass

from domain.deployments.plan import bounds, course
from domain.deployments.plan.bounds import Bounds
from domain.deployments.plan.working import Working
from domain.deployments.replica import ReplicaGroup, ReplicaStatus
from domain.deployments.rollout import Rollout, RolloutStatus
from domain.deployments.strategy import BlueGreen

H = ReplicaStatus.HEALTHY


@dataclass(frozen=True, slots=True)
class Wants:
    """`target` and `kept` are how many of those groups may stay; of every other none. `bounds` None:
    nothing is wanted at all, and nothing has to go on serving. `moves_over`: each replica of `kept` goes
    against a healthy one of `target`, so that none of them is replaced for being unhealthy. `others_do`:
    healthy replicas of neither group do for missing ones of `kept`, and leave `target` its room."""

    target: int
    kept: int
    bounds: Bounds | None
    moves_over: bool = False
    others_do: bool = False

    @property
    def floor(self) -> int:
        return self.bounds.floor if self.bounds else 0

    @property
    def ceiling(self) -> int:
        return self.bounds.ceiling if self.bounds else 0


def of(working: Working) -> Wants:
    target, kept, live = working.target, working.kept, working.live
    if working.deployment.deleted_at is not None or target is None:
        return Wants(0, 0, None)
    limits = _bounds(working)
    if live is None or kept is None:
        held = live is not None and live.status is RolloutStatus.PAUSED
        desired = limits.desired
        return Wants(min(desired, target.desired_replicas) if held else desired, 0, limits)
    beside = isinstance(live.strategy, BlueGreen) or course.stepping(working, live)
    if beside and not course.is_in_place(working):
        begun = live.status is RolloutStatus.RUNNING or target.desired_replicas
        new, green = (
            course.wanted(working, live) if begun else 0,
            isinstance(live.strategy, BlueGreen),
        )
        return Wants(new, limits.desired, limits, others_do=green)
    return _rolling(working, live, target, kept, limits)


def _rolling(
    working: Working, live: Rollout, target: ReplicaGroup, kept: ReplicaGroup, limits: Bounds
) -> Wants:
    others = sum(r.group_id not in (target.id, kept.id) for r in working.having(H))
    if live.status is RolloutStatus.PAUSED:
        new = min(target.desired_replicas, limits.desired)
        least = max(0, limits.floor - new - others)
        return Wants(new, max(least, min(kept.desired_replicas, limits.ceiling - new)), limits)
    # The old goes as the new becomes healthy: what the floor lacks without it is what stays of it.
    # Its replicas count whether healthy or not, for they may come back; new ones once they serve.
    most = max(0, limits.floor - len(working.having(H, target)))
    least = max(0, most - others)
    stays = min(most, max(least, len(working.staying(kept))))
    return Wants(limits.desired, stays, limits, moves_over=True)


def _bounds(working: Working) -> Bounds:
    desired, live = working.deployment.desired_replicas, working.live
    if course.is_in_place(working):
        return bounds.in_place(desired)
    if live is None:
        return bounds.of(working.deployment.strategy, desired, None)
    return bounds.of(live.strategy, desired, live.step)
