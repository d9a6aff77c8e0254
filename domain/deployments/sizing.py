"""How many replicas a deployment is to have."""

from domain.definitions.notices import DriverKind
from domain.deployments import decisions
from domain.deployments.deployment import Deployment
from domain.deployments.facts import DeploymentScaled
from domain.work import Work


async def keep_size(work: Work, driver: DriverKind, before: Deployment, after: Deployment) -> None:
    """Keep the deployment; told and looked at where another number is desired. Raises FixedPort."""
    await work.deployments.put(after)
    if before.desired_replicas == after.desired_replicas:
        return
    await _check_ports(work, driver, after)
    fact = DeploymentScaled(
        deployment_id=after.id,
        replicas_before=before.desired_replicas,
        replicas_after=after.desired_replicas,
    )
    work.record(after.project_id, fact)
    await work.look(after.id, after.updated_at)


async def _check_ports(work: Work, driver: DriverKind, deployment: Deployment) -> None:
    """Of what is active and of what is to be."""
    desired = deployment.desired_replicas
    if desired <= 1:
        return
    live = await work.live_rollout(deployment.id)
    wanted = {deployment.active_revision_id, live.revision_id if live else None}
    for revision_id in sorted(filter(None, wanted)):
        revision = await work.revisions.get(revision_id)
        assert revision is not None, "revisions are never deleted"
        decisions.check_ports(driver, revision, desired, ("desired_replicas",))
