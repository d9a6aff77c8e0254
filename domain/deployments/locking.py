"""A deployment within a unit of work: found for its caller and locked; kept as it was decided."""

from datetime import datetime

from domain.access.access import Caller, Role
from domain.deployments.decisions import Decided
from domain.deployments.deployment import FINAL, Deployment, DeploymentStatus
from domain.errors import BeingDeleted, EtagMismatch, MadeForBatch, NotFound
from domain.work import Reads, Work


async def locked(
    work: Work, caller: Caller, id: str, expected_etag: str | None = None
) -> Deployment:
    """For an editor to delete it; raises NotFound, Forbidden, EtagMismatch, MadeForBatch."""
    deployment = await _locked(work, caller, id, expected_etag)
    if deployment.is_dedicated and not caller.principal.is_system:
        await _check_idle(work, deployment)
    return deployment


async def open_to_decisions(
    work: Work, caller: Caller, id: str, expected_etag: str | None = None
) -> Deployment:
    """For all other decisions; raises what `locked` does, and BeingDeleted."""
    deployment = await _locked(work, caller, id, expected_etag)
    if deployment.is_dedicated and not caller.principal.is_system:
        await _check_idle(work, deployment)
        raise MadeForBatch(
            use="kept for the next one of its template; it can only be deleted",
            path=("deployment_id",),
        )
    return _staying(deployment)


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


async def _locked(work: Work, caller: Caller, id: str, expected_etag: str | None) -> Deployment:
    found = await work.deployments.lock(id)
    deployment = _there(caller.owned(found, Role.EDITOR, missing(id)))
    check_etag(deployment, expected_etag)
    return deployment


async def _check_idle(work: Work, deployment: Deployment) -> None:
    """Whether no batch has it. Raises MadeForBatch."""
    dedicated = await work.dedicated.get(deployment.id)
    if dedicated is not None and dedicated.batch_id is not None:
        raise MadeForBatch(
            use=f"in use by batch_{dedicated.batch_id}, with which it goes: cancel that",
            path=("deployment_id",),
        )


def _there(deployment: Deployment) -> Deployment:
    if deployment.status in FINAL:
        raise missing(deployment.id)
    return deployment


def _staying(deployment: Deployment) -> Deployment:
    if deployment.status is DeploymentStatus.STOPPING:
        raise BeingDeleted(path=("deployment_id",))
    return deployment
