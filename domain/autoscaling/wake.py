"""From no replica to the first ones, for requests that are held meanwhile."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from domain.autoscaling.apply import ACTOR, apply
from domain.autoscaling.decide import SCALED, first
from domain.autoscaling.rule import AutoscalingRule
from domain.autoscaling.watch import Ceilings
from domain.clock import Clock
from domain.deployments.deployment import Deployment, DeploymentStatus
from domain.deployments.ports import Gateways
from domain.work import Reads, StartWork

CAUSE = "sweep"
CAN_SERVE = SCALED | {DeploymentStatus.ROLLING_BACK}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waking:
    """What a gateway asks for requests that find no replica. Any gateway may, at any time and as often
    as it likes: the deployment's row decides who was first."""

    start_work: StartWork
    reads: Reads
    gateways: Gateways
    ceilings: Ceilings
    clock: Clock

    async def wakes(self, deployment_ids: Collection[str]) -> Collection[str]:
        """Those of them whose requests wait for a first replica, and have it started."""
        rules = await self.reads.rules.of(deployment_ids)
        able = [i for i, some in rules.items() if any(rule.min_replicas == 0 for rule in some)]
        if not able:
            return ()
        found = await self.reads.deployments.by_ids(able)
        return {i for i, deployment in found.items() if is_waking(deployment, rules[i])}

    async def wake(self, deployment_id: str) -> None:
        """Have a first replica started, where none is wanted and a rule lets a request change that.

        Also during a rollout (then one alone): a held request has nobody else to turn to.
        """
        deployment = (await self.reads.deployments.by_ids([deployment_id])).get(deployment_id)
        if deployment is None or deployment.desired_replicas > 0:
            return
        rules = (await self.reads.rules.of([deployment_id])).get(deployment_id, ())
        revision_id = deployment.active_revision_id
        if revision_id is None or not is_waking(deployment, rules):
            return
        most = (await self.ceilings.of([revision_id])).get(revision_id, 1)
        now = self.clock()
        held = sum(r.held.get(deployment_id, 0) for r in await self.gateways.living(now))
        async with self.start_work(ACTOR, CAUSE) as work:
            locked = await work.deployments.lock(deployment_id)
            if locked is None or locked.desired_replicas > 0 or not is_waking(locked, rules):
                return
            rolling_out = await work.live_rollout(deployment_id) is not None
            known = [await work.rules.lock(rule.id) for rule in rules]
            scaling = first([rule for rule in known if rule], held, 1 if rolling_out else most)
            if scaling is not None:
                await apply(work, locked, scaling, now)


def is_waking(deployment: Deployment, rules: Sequence[AutoscalingRule]) -> bool:
    """Whether requests that find no replica are to wait: also while the first one starts, or starts
    again."""
    can_serve = deployment.active_revision_id is not None and deployment.status in CAN_SERVE
    return can_serve and any(rule.min_replicas == 0 for rule in rules)
