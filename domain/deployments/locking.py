"""A deployment within a unit of work: found for its caller and locked; kept as it was decided."""

from datetime import datetime

from domain.access.access import Caller, Role
from domain.deployments.decisions import Decided
from domain.deployments.deployment import FINAL, Deployment, DeploymentStatus
from domain.errors import BeingDeleted, EtagMismatch, NotFound
from domain.work import Reads, Work


async def locked(
    work: Work, caller: Caller, id: str, expected_etag: str | None = None
) -> Deployment:
    """For an editor's decision; raises NotFound, Forbidden, EtagMismatch."""
    found = await work.deployments.lock(id)
    deployment = _there(caller.owned(found, Role.EDITOR, missing(id)))
    check_etag(deployment, expected_etag)
    return deployment


async def open_to_decisions(
    work: Work, caller: Caller, id: str, expected_etag: str | None = None
) -> Deployment:
    """As `locked`; raises BeingDeleted, too."""
    return _staying(await locked(work, caller, id, expected_etag))


async def readable(reads: Reads, caller: Caller, id: str, role: Role) -> Deployment:
    """Before anything is locked; raises NotFound, Forbidden, BeingDeleted."""
    found = (await reads.deployments.by_ids([id])).get(id)
    return _staying(_there(caller.owned(found, role, missing(id))))


async def keep(work: Work, decided: Decided, now: datetime) -> None:
    """All that was decided, and the reconciler is to look at it."""
    if decided.rollout is not None:
        await work.rollouts.put(decided.rollout)
    if decided.begun is not None:
        await work.rollouts.add(decided.begun)
    await work.deployments.put(decided.deployment)
    for fact in decided.facts:
        work.record(decided.deployment.project_id, fact)
    await work.look(decided.deployment.id, now)


def check_etag(deployment: Deployment, expected: str | None) -> None:
    if expected is not None and expected != deployment.etag:
        raise EtagMismatch(current=deployment.etag, path=("expected_etag",))


def missing(id: str) -> NotFound:
    return NotFound(kind="model deployment", id=id, path=("deployment_id",))


def _there(deployment: Deployment) -> Deployment:
    if deployment.status in FINAL:
        raise missing(deployment.id)
    return deployment


def _staying(deployment: Deployment) -> Deployment:
    if deployment.status is DeploymentStatus.STOPPING:
        raise BeingDeleted(path=("deployment_id",))
    return deployment
