"""A scaling becomes rows. No user decided it: the deployment's etag stays as it is."""

from dataclasses import replace
from datetime import datetime

from domain.autoscaling.decide import Scaling
from domain.deployments.deployment import Deployment
from domain.deployments.facts import DeploymentScaled
from domain.work import Work

ACTOR = "autoscaler"


async def apply(work: Work, deployment: Deployment, scaling: Scaling, now: datetime) -> None:
    """Lock the deployment and the rule first."""
    await work.deployments.put(replace(deployment, desired_replicas=scaling.after))
    await work.rules.put(replace(scaling.rule, last_scaled_at=now))
    fact = DeploymentScaled(
        deployment_id=deployment.id,
        replicas_before=scaling.before,
        replicas_after=scaling.after,
        rule_id=scaling.rule.id,
        metric=scaling.rule.metric,
        measured=scaling.measured,
        target=scaling.rule.target,
        note=scaling.note,
    )
    work.record(deployment.project_id, fact)
    await work.look(deployment.id, now)
