"""A decision becomes rows, all of them or none."""

from datetime import datetime
from enum import Enum, auto

from domain.deployments.reconciler.loading import Look
from domain.deployments.situation import Decision, Situation
from domain.work import StartWork, Work

ACTOR = "reconciler"


class Outcome(Enum):
    APPLIED = auto()
    LOST = auto()  # the lease is another plane's now
    STALE = auto()  # a user decided something meanwhile


def changes(decision: Decision, situation: Situation) -> bool:
    before = (situation.deployment, situation.rollout)
    changed = decision.groups or decision.replicas or decision.facts
    return bool(changed) or (decision.deployment, decision.rollout) != before


async def apply(
    start_work: StartWork, look: Look, decision: Decision, cause: str, now: datetime
) -> Outcome:
    """Nothing is written where the lease is lost, or where the deployment or its live rollout is no
    longer as it was seen. Groups and replicas are the lease holder's alone: they need no comparing.

    The deployment stays due: the pass after this one, which finds all as it should be, postpones it.
    A plane that ends in between leaves it to the next one so, and no user's wish is overwritten."""
    seen = look.situation
    async with start_work(ACTOR, cause) as work:
        if not await work.holds(look.lease):
            return Outcome.LOST
        if await work.deployments.lock(look.deployment_id) != seen.deployment:
            return Outcome.STALE
        if await work.live_rollout(look.deployment_id) != seen.rollout:
            return Outcome.STALE
        await _write(work, seen, decision)
        for fact in decision.facts:
            work.record(seen.deployment.project_id, fact)
        await work.look(look.deployment_id, now)
        return Outcome.APPLIED


async def _write(work: Work, seen: Situation, decision: Decision) -> None:
    groups = {group.id for group in seen.groups}
    for group in decision.groups:
        await (work.groups.put if group.id in groups else work.groups.add)(group)
    replicas = {replica.id for replica in seen.replicas}
    for replica in decision.replicas:
        await (work.replicas.put if replica.id in replicas else work.replicas.add)(replica)
    if decision.rollout is not None and decision.rollout != seen.rollout:
        await work.rollouts.put(decision.rollout)
    if decision.deployment != seen.deployment:
        await work.deployments.put(decision.deployment)
